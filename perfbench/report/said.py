"""Said: what servers said when requests failed, the commonest words of each kind of error; and some of the texts of
those that did not, where they were kept, with the tokens that the server counted.

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
TEXTS_KEPT = 200


@dataclass(slots=True)
class Said:
    details: dict[str, Counter[str]] = field(default_factory=dict)
    counted: list[tuple[str, int]] = field(default_factory=list)
    """Text, with the reasoning before it, and output tokens by usage: the first replies that are nothing but text."""

    def watch(self, batches: Iterable[list[Record]]) -> Iterator[list[Record]]:
        """The same batches; what they hold is remembered."""
        for batch in batches:
            for record in batch:
                if record.outcome == "failed" and record.error_detail:
                    seen = self.details.setdefault(record.error, Counter())
                    text = harmless(record.error_detail, 300)
                    if text in seen or len(seen) < DETAILS_KEPT:
                        seen[text] += 1
                elif len(self.counted) < TEXTS_KEPT and _is_plain_text(record):
                    self.counted.append(((record.reasoning or "") + (record.text or ""), record.output_tokens or 0))
            yield batch

    def commonest(self) -> dict[str, list[str]]:
        """By kind, commonest first."""
        return {kind: [text for text, _ in seen.most_common(DETAILS_SHOWN)] for kind, seen in self.details.items()}


def _is_plain_text(record: Record) -> bool:
    whole = record.outcome == "ok" and record.token_source == "usage" and bool(record.text)
    return whole and len(record.finish_reasons) <= 1 and not record.tool_calls
