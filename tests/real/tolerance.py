"""Tolerance: when two clients that measured one server in turn agree. Machines are shared: the margins are wide."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def agree(what: str, ours: float, theirs: float, *, share: float, floor_ms: float = 0.0) -> None:
    """Within that share of theirs, or within `floor_ms` where that is more."""
    margin = max(share * theirs, floor_ms)
    assert abs(ours - theirs) <= margin, f"{what}: {ours:.3f} ms and {theirs:.3f} ms, more than {margin:.3f} apart"


def quietest(rounds: Sequence[float]) -> float:
    """The least of several rounds' medians: what else runs on the machine only ever makes a round slower."""
    return min(rounds)
