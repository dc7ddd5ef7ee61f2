"""Said: what servers said when requests failed, the commonest words of each kind of error.

Gathered while the records pass by on their way to columns, because columns keep no texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from perfbench.engine.request import Record
from perfbench.report.text import harmless

DETAILS_KEPT = 500
"""Different details remembered per kind of error; servers that put an id into each message have no end of them."""
DETAILS_SHOWN = 3


@dataclass(slots=True)
class Said:
    details: dict[str, Counter[str]] = field(default_factory=dict)

    def watch(self, batches: Iterable[list[Record]]) -> Iterator[list[Record]]:
        """The same batches; what they hold is remembered."""
        for batch in batches:
            for record in batch:
                if record.outcome == "failed" and record.error_detail:
                    seen = self.details.setdefault(record.error, Counter())
                    text = harmless(record.error_detail, 300)
                    if text in seen or len(seen) < DETAILS_KEPT:
                        seen[text] += 1
            yield batch

    def commonest(self) -> dict[str, list[str]]:
        """By kind, commonest first."""
        return {kind: [text for text, _ in seen.most_common(DETAILS_SHOWN)] for kind, seen in self.details.items()}
