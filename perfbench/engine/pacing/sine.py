"""Sine: a level that swings smoothly between a low and a high one, as traffic does over a day."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Piece, check_levels, check_time
from perfbench.engine.pacing.hold import Flat

PHASES = {"low": 0.0, "middle": 0.25, "high": 0.5}
"""Where a swing begins, as a share of its period; from the middle it rises."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Piece: middle - swing cos(2 pi (t / period + phase)), with middle and swing from the low and the high level."""

    low: float
    high: float
    every_s: float
    lasts_s: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        check_levels(self.low, self.high)
        check_time(self.every_s)
        check_time(self.lasts_s)
        if not self.low < self.high:
            raise ScenarioError(f"the low level {self.low:g} is not below the high one {self.high:g}; swap them")

    @property
    def highest(self) -> float:
        until_high_s = ((0.5 - self.phase) % 1) * self.every_s
        return self.high if until_high_s <= self.lasts_s else max(self.level(0.0), self.level(self.lasts_s))

    def level(self, at_s: float) -> float:
        turns = at_s / self.every_s + self.phase
        return self.low + (self.high - self.low) * (1 - math.cos(2 * math.pi * turns)) / 2

    def area(self, at_s: float) -> float:
        return self._area_from_low(at_s + self.phase * self.every_s) - self._area_from_low(self.phase * self.every_s)

    def _area_from_low(self, at_s: float) -> float:
        swing, omega = (self.high - self.low) / 2, 2 * math.pi / self.every_s
        return (self.low + swing) * at_s - swing * math.sin(omega * at_s) / omega

    def inverse(self, area: float) -> float:
        """By Newton's method between two ends that close in, because the level may be next to 0 where it starts."""
        middle = (self.low + self.high) / 2
        # A whole period has the area of its middle level, and the sine is off that line by less than a period.
        begin_s = max(area / middle - self.every_s, 0.0)
        end_s = min(area / middle + self.every_s, self.lasts_s)
        at_s = min(max(area / middle, begin_s), end_s)
        for _ in range(200):
            too_much = self.area(at_s) - area
            if too_much > 0:
                end_s = at_s
            else:
                begin_s = at_s
            slope = self.level(at_s)
            next_s = at_s - too_much / slope if slope > 0 else begin_s
            if not begin_s < next_s < end_s:
                next_s = (begin_s + end_s) / 2
            if abs(next_s - at_s) < 1e-10 or next_s in (begin_s, end_s):  # a tenth of a nanosecond, or no float between
                return next_s
            at_s = next_s
        return at_s

    def spans_at_least(self, level: float) -> Iterable[tuple[float, float]]:
        if level <= self.low:
            yield (0.0, self.lasts_s)
            return
        if level > self.high:
            return
        # Within each period the level is that high from `rise` to 1 - `rise`, as shares of the period.
        rise = math.acos(1 - 2 * (level - self.low) / (self.high - self.low)) / (2 * math.pi)
        for period in range(math.ceil(self.lasts_s / self.every_s + self.phase) + 1):
            from_s = max((period + rise - self.phase) * self.every_s, 0.0)
            to_s = min((period + 1 - rise - self.phase) * self.every_s, self.lasts_s)
            if from_s < to_s:
                yield (from_s, to_s)

    def times(self, factor: float) -> Piece:
        return Wave(self.low * factor, self.high * factor, self.every_s, self.lasts_s, self.phase)


@dataclass(frozen=True, slots=True)
class Sine:
    """Stage: so many swings, or parts of one, as fit into `for_s`."""

    low: float
    high: float
    every_s: float
    for_s: float
    begins: str = "low"

    def pieces(self) -> Iterable[Piece]:
        if self.low == self.high:
            return (Flat(self.low, self.for_s),)
        return (Wave(self.low, self.high, self.every_s, self.for_s, PHASES[self.begins]),)
