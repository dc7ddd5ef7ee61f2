"""Square waves and bursts: two levels in turn, the low one first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Piece, check_levels, check_time
from perfbench.engine.pacing.hold import Flat
from perfbench.engine.pacing.steps import check_every

ROUNDING_S = 1e-9
"""A rest of a period that is nothing but rounding."""


@dataclass(frozen=True, slots=True)
class Square:
    """Stage: in every period first the low level and then, for `high_s`, the high one; cut off after `for_s`."""

    low: float
    high: float
    high_s: float
    every_s: float
    for_s: float

    def pieces(self) -> Iterable[Piece]:
        check_levels(self.low, self.high)
        check_time(self.high_s)
        periods = check_every(self.every_s, self.for_s)
        if not self.low < self.high:
            raise ScenarioError(f"the low level {self.low:g} is not below the high one {self.high:g}; swap them")
        if not self.high_s < self.every_s:
            raise ScenarioError(
                f"bursts of {self.high_s:g} s every {self.every_s:g} s leave nothing between them; make them shorter"
            )
        found: list[Piece] = []
        low_s = self.every_s - self.high_s
        for period in range(periods):
            left_s = self.for_s - period * self.every_s
            if left_s > ROUNDING_S:
                found.append(Flat(self.low, min(low_s, left_s)))
            if left_s - low_s > ROUNDING_S:
                found.append(Flat(self.high, min(self.high_s, left_s - low_s)))
        return found
