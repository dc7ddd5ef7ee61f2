"""What a check looks at, and what it says.

A check is a pure function from `Evidence` to a `Finding` or None. It rests on a test whose false alarm rate it states,
or on a threshold that it states; it says nothing where there is too little to say it of, and nothing of what the server
or the user never claimed. To add one, write a function, a line in `table.CHECKS`, and in tests/findings a run in which
it must speak and one in which it must not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from perfbench.metrics.columns import BoolArray, Columns, FloatArray, IntArray
from perfbench.metrics.latency import arrival_order, ttft_ms

Severity = Literal["info", "warning", "serious"]
"""info: good to know; warning: some figure says less than it seems to; serious: a main figure is wrong, or not what was
asked for."""
RISK = 0.001
"""Of a false alarm, for each check that is a test: one clean run in a thousand."""


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    severity: Severity
    text: str
    """A sentence with the numbers that matter."""
    evidence: Mapping[str, Any]
    """All of them, and the threshold or the test."""
    remedy: str

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "severity": self.severity, "text": self.text, "evidence": dict(self.evidence),
            "remedy": self.remedy,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clocks:
    """The same two instants of a run on the monotonic clock and on the wall clock, in ns."""

    monotonic_ns: tuple[int, int]
    unix_ns: tuple[int, int]


@dataclass(frozen=True)
class Evidence:
    """A run, as the checks see it."""

    records: Columns
    """What is measured: without the warm-up."""
    summary: Mapping[str, Any]
    """Everything that was computed of it already."""
    scenario: Mapping[str, Any]
    workload: Mapping[str, Any]
    """As in run.json; empty when nobody knows."""
    open_loop: bool
    clocks: Clocks | None = None
    recounted: tuple[IntArray, IntArray] | None = None
    """Output tokens of some replies by the server's usage and by the tokenizer of the scenario: shapes (m,)."""

    @cached_property
    def order(self) -> IntArray:
        """Rows in order of arrival: shape (n,)."""
        return arrival_order(self.records)

    @cached_property
    def ttft_ms(self) -> FloatArray:
        """Shape (n,), NaN where there is none."""
        return ttft_ms(self.records)

    @cached_property
    def streamed(self) -> BoolArray:
        """Whole streamed replies with output: shape (n,)."""
        found: BoolArray = self.records.ok & self.records.stream & (self.records.chunks > 0)
        return found

    def part(self, *path: str) -> Any:
        """Something deep in the summary; None where any part of the path is missing."""
        found: Any = self.summary
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


Check: TypeAlias = Callable[[Evidence], Finding | None]


def share(value: float) -> str:
    """A share in words: 12 %, 0.3 %."""
    return f"{value * 100:.3g} %"


def is_unique(evidence: Evidence) -> bool:
    """Whether the workload promised that no two prompts begin alike."""
    return evidence.workload.get("unique") is True
