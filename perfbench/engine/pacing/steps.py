"""Steps: one level after the other, each for the same time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Piece, check_levels, check_time
from perfbench.engine.pacing.hold import Flat

MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Steps:
    """Stage: these levels, each held for so long."""

    levels: tuple[float, ...]
    every_s: float

    def pieces(self) -> Iterable[Piece]:
        return tuple(Flat(level, self.every_s) for level in self.levels)


def levels_between(first: float, last: float, by: float) -> tuple[float, ...]:
    """first, first + by, ... up to last, or down to it; the last step is a shorter one if `by` does not fit."""
    check_levels(first, last, by)
    if by == 0 or abs(last - first) > MOST_STEPS * by:
        raise ScenarioError(f"steps from {first:g} to {last:g} by {by:g} are more than {MOST_STEPS}; take larger ones")
    whole = int(abs(last - first) / by * (1 + 1e-12))
    levels = [first + (by if last > first else -by) * index for index in range(whole + 1)]
    if abs(levels[-1] - last) <= 1e-9 * max(first, last):
        levels[-1] = last  # 0.1 added ten times is not 1
    else:
        levels.append(last)
    return tuple(levels)


def check_every(every_s: float, for_s: float) -> int:
    """How many times `every_s` begins anew within `for_s`."""
    check_time(every_s)
    check_time(for_s)
    if for_s > MOST_STEPS * every_s:
        raise ScenarioError(f"{for_s:g} s hold more than {MOST_STEPS} times {every_s:g} s; make it shorter")
    return -int(-for_s // every_s)
