"""Tolerance: when two clients that measured one server in turn agree.

Machines are shared. What else runs on one only ever makes a round slower, so the quietest round of each side is
compared, and more rounds are taken, up to a limit, while the two differ.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

FEWEST_ROUNDS, MOST_ROUNDS = 2, 8


def median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def quietest(rounds: Sequence[float]) -> float:
    """The least of several rounds' medians."""
    return min(rounds)


def gap(what: str, ours_ms: float, theirs_ms: float, *, share: float, floor_ms: float = 0.0) -> list[str]:
    """A complaint if ours is not within that share of theirs, or within `floor_ms` where that is more."""
    margin_ms = max(share * theirs_ms, floor_ms)
    apart = abs(ours_ms - theirs_ms) > margin_ms
    return [f"{what}: {ours_ms:.3f} ms and {theirs_ms:.3f} ms, more than {margin_ms:.3f} apart"] if apart else []


def agree_in_some_round(measure: Callable[[int], None], complaints: Callable[[], list[str]]) -> None:
    """Measure round after round, until there is no complaint or the rounds are used up."""
    for number in range(MOST_ROUNDS):
        measure(number)
        if number + 1 >= FEWEST_ROUNDS and not complaints():
            return
    assert not complaints()
