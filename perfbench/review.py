"""Review: what an answer to a benchmark's item is worth, as a run folder keeps it (reviews.jsonl).

Made by evalcore after a run that sent such items (workload eval:NAME), from requests.jsonl. Everything that summary,
report and sweep say of quality is computed from these lines, so no model and no data is needed to compute it again.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class ItemReview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. Requests of a warm-up have none."""

    key: str
    """Of the record."""
    index: int
    """Of the record: its place in the schedule."""
    item: str
    """BENCHMARK/SUBSET/ID; the same item has the same name in every run, and pairs are made by it."""
    benchmark: str
    subset: str = "main"
    group: str = ""
    """Items that share a passage; empty: stands alone."""
    status: Literal["scored", "unscored"]
    fault: str = ""
    """Why there was no answer to score."""
    protocol: str = ""
    """The scoring protocol that `value` is of: the headline of its benchmark."""
    value: float | None = None
    """0 to 1; None when unscored, which is not the same as wrong."""
    scores: dict[str, float] = {}
    """By every protocol of the benchmark."""
    extracted: str | None = None
    """What was read out of the answer; None: nothing could be."""
    target: Any = None
    finish_reason: str = ""
