"""Hold: a level that stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perfbench.engine.pacing.base import Piece, check_levels, check_time


@dataclass(frozen=True, slots=True)
class Flat:
    """Piece: one level."""

    height: float
    lasts_s: float

    def __post_init__(self) -> None:
        check_levels(self.height)
        check_time(self.lasts_s)

    @property
    def highest(self) -> float:
        return self.height

    def level(self, at_s: float) -> float:
        return self.height

    def area(self, at_s: float) -> float:
        return self.height * at_s

    def inverse(self, area: float) -> float:
        return min(area / self.height, self.lasts_s)

    def spans_at_least(self, level: float) -> Iterable[tuple[float, float]]:
        return ((0.0, self.lasts_s),) if self.height >= level else ()

    def times(self, factor: float) -> Flat:
        return Flat(self.height * factor, self.lasts_s)


@dataclass(frozen=True, slots=True)
class Hold:
    """Stage: one level for so long."""

    level: float
    for_s: float

    def pieces(self) -> Iterable[Piece]:
        return (Flat(self.level, self.for_s),)
