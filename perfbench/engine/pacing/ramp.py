"""Ramps: from one level to another, by the same amount in every second (linear) or by the same factor (exponential)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Piece, check_levels, check_time
from perfbench.engine.pacing.hold import Flat

NEARLY_FLAT = 1e-9
"""Relative rise below which a ramp is a level: the formulas of a ramp would divide by next to nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """Piece: first + slope t, rising or falling."""

    first: float
    last: float
    lasts_s: float

    def __post_init__(self) -> None:
        check_levels(self.first, self.last)
        check_time(self.lasts_s)

    @property
    def highest(self) -> float:
        return max(self.first, self.last)

    def level(self, at_s: float) -> float:
        return self.first + (self.last - self.first) * (at_s / self.lasts_s)

    def area(self, at_s: float) -> float:
        return (self.first + self.level(at_s)) / 2 * at_s

    def inverse(self, area: float) -> float:
        slope = (self.last - self.first) / self.lasts_s
        # The root of first t + slope t^2 / 2 = area, in the form that loses no digits where the slope is small.
        root = math.sqrt(max(self.first * self.first + 2 * slope * area, 0.0))
        return min(2 * area / (self.first + root), self.lasts_s)

    def spans_at_least(self, level: float) -> Iterable[tuple[float, float]]:
        return _one_span(self, level, lambda: self.lasts_s * (level - self.first) / (self.last - self.first))

    def times(self, factor: float) -> Line:
        return Line(self.first * factor, self.last * factor, self.lasts_s)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Piece: first x factor^t, rising or falling."""

    first: float
    last: float
    lasts_s: float

    def __post_init__(self) -> None:
        check_levels(self.first, self.last)
        check_time(self.lasts_s)
        if not (self.first > 0 and self.last > 0):
            raise ScenarioError(
                f"an exponential ramp multiplies, so it can neither begin nor end at 0 (it goes from {self.first:g} to "
                f"{self.last:g}); take a small level instead, or a linear ramp"
            )

    @property
    def _growth_per_s(self) -> float:
        return math.log(self.last / self.first) / self.lasts_s

    @property
    def highest(self) -> float:
        return max(self.first, self.last)

    def level(self, at_s: float) -> float:
        return self.first * math.exp(self._growth_per_s * at_s)

    def area(self, at_s: float) -> float:
        growth_per_s = self._growth_per_s
        return self.first * math.expm1(growth_per_s * at_s) / growth_per_s

    def inverse(self, area: float) -> float:
        if area >= self.area(self.lasts_s):
            return self.lasts_s
        growth_per_s = self._growth_per_s
        return min(math.log1p(growth_per_s * area / self.first) / growth_per_s, self.lasts_s)

    def spans_at_least(self, level: float) -> Iterable[tuple[float, float]]:
        return _one_span(self, level, lambda: math.log(level / self.first) / self._growth_per_s)

    def times(self, factor: float) -> Exponential:
        return Exponential(self.first * factor, self.last * factor, self.lasts_s)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Stage: from one level to another."""

    first: float
    last: float
    over_s: float
    exponential: bool = False

    def pieces(self) -> Iterable[Piece]:
        kind = Exponential if self.exponential else Line
        piece = kind(self.first, self.last, self.over_s)  # checks its levels first
        if abs(self.last - self.first) <= NEARLY_FLAT * max(self.first, self.last):
            return (Flat(self.first, self.over_s),)
        return (piece,)


def _one_span(
    piece: Line | Exponential, level: float, crossing_s: Callable[[], float]
) -> Iterable[tuple[float, float]]:
    """Where something that only rises, or only falls, is at least so high."""
    if min(piece.first, piece.last) >= level:
        return ((0.0, piece.lasts_s),)
    if max(piece.first, piece.last) < level:
        return ()
    at_s = min(max(crossing_s(), 0.0), piece.lasts_s)
    return ((at_s, piece.lasts_s),) if piece.last > piece.first else ((0.0, at_s),)
