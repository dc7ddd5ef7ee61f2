"""Records by hand: instants are given in ms from an arbitrary zero, so that a row fits on a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perfbench.engine.request import Record
from perfbench.metrics.columns import Columns, columns

ZERO_NS = 5_000_000_000_000
IN_MS = ("intended", "dispatched", "started", "written", "first_byte", "first_output", "first_answer", "last_output")


def at(ms: float) -> int:
    return ZERO_NS + round(ms * 1e6)


def record(finished: float = 0.0, intended: float = 0.0, **given: Any) -> Record:
    """`started=3` means `started_ns` 3 ms after zero; everything else goes to the record as it is."""
    instants = {f"{name}_ns": at(given.pop(name)) for name in IN_MS if name in given}
    plain: dict[str, Any] = {"key": "r", "index": 0, "intended_ns": at(intended)}
    plain |= {"finished_ns": at(finished), "outcome": "ok"}
    return Record(**(plain | instants | given))


def reply(start: float, end: float, **given: Any) -> Record:
    """A success, written the instant it was due."""
    return record(end, **({"intended": start, "dispatched": start, "started": start, "written": start} | given))


def table(*records: Record) -> Columns:
    return columns([records])


def batches(records: Sequence[Record], size: int) -> Columns:
    return columns(records[i : i + size] for i in range(0, len(records), size))
