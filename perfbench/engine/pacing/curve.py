"""Curve: a level over the whole of a run, piece after piece; and its area, forwards and backwards.

Beyond its last piece a curve stays at the level that it ended with.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Piece
from perfbench.engine.pacing.hold import Flat


@dataclass(frozen=True, slots=True)
class Curve:
    pieces: tuple[Piece, ...]
    starts_s: tuple[float, ...] = field(init=False, repr=False, compare=False)
    """When each piece starts, and when the last one ends."""
    areas: tuple[float, ...] = field(init=False, repr=False, compare=False)
    """The area up to each of `starts_s`."""

    def __post_init__(self) -> None:
        if not self.pieces:
            raise ScenarioError("a shape needs at least one stage")
        object.__setattr__(self, "starts_s", tuple(accumulate((p.lasts_s for p in self.pieces), initial=0.0)))
        object.__setattr__(self, "areas", tuple(accumulate((p.area(p.lasts_s) for p in self.pieces), initial=0.0)))

    @property
    def lasts_s(self) -> float:
        return self.starts_s[-1]

    @property
    def first_level(self) -> float:
        return self.pieces[0].level(0.0)

    @property
    def last_level(self) -> float:
        return self.pieces[-1].level(self.pieces[-1].lasts_s)

    @property
    def highest(self) -> float:
        return max(piece.highest for piece in self.pieces)

    def level(self, at_s: float) -> float:
        """The level at an instant, from 0 on; at a jump, the one after it."""
        if at_s >= self.lasts_s:
            return self.last_level
        place = bisect_right(self.starts_s, at_s) - 1
        return self.pieces[place].level(at_s - self.starts_s[place])

    def area(self, at_s: float) -> float:
        """Level x seconds from 0 to an instant; 0 before 0."""
        if at_s <= 0:
            return 0.0
        if at_s >= self.lasts_s:
            return self.areas[-1] + self.last_level * (at_s - self.lasts_s)
        place = bisect_right(self.starts_s, at_s) - 1
        return self.areas[place] + self.pieces[place].area(at_s - self.starts_s[place])

    def inverse(self, area: float) -> float | None:
        """The first instant at which that area has been reached; None if it never is."""
        if area <= 0:
            # The first instant at which there is any level at all: an arrival of operational time 0 is due then.
            return next(
                (start for start, p in zip(self.starts_s, self.pieces, strict=False) if p.area(p.lasts_s)), None
            )
        if area > self.areas[-1]:
            level = self.last_level
            return None if level <= 0 else self.lasts_s + (area - self.areas[-1]) / level
        place = bisect_left(self.areas, area) - 1
        return self.starts_s[place] + self.pieces[place].inverse(area - self.areas[place])

    def spans_at_least(self, level: float) -> Iterator[tuple[float, float | None]]:
        """Spans of time in which the level is at least that (above 0), in order; the last one may have no end."""
        began_s = ended_s = None
        for start_s, piece in zip(self.starts_s, self.pieces, strict=False):
            for from_s, to_s in piece.spans_at_least(level):
                if began_s is not None and ended_s is not None and start_s + from_s > ended_s + 1e-9:
                    yield began_s, ended_s
                    began_s = None
                began_s = start_s + from_s if began_s is None else began_s
                ended_s = start_s + to_s
        if began_s is not None:
            yield began_s, None if self.last_level >= level else ended_s

    def times(self, factor: float) -> Curve:
        """The same with every level multiplied."""
        return Curve(tuple(piece.times(factor) for piece in self.pieces))

    def after(self, warmup_s: float) -> Curve:
        """The same after so long at the level that it begins with."""
        return self if warmup_s == 0 else Curve((Flat(self.first_level, warmup_s), *self.pieces))

    def longest_hold(self, from_s: float = 0.0) -> tuple[float, float] | None:
        """The longest span of time from there on in which the level stays, the first of equals; None if it moves."""
        best: tuple[float, float] | None = None
        began_s = from_s
        for place, piece in enumerate(self.pieces):
            before, end_s = self.pieces[place - 1] if place else None, self.starts_s[place + 1]
            if not isinstance(piece, Flat) or end_s <= from_s:
                continue
            if not (isinstance(before, Flat) and before.height == piece.height):
                began_s = max(self.starts_s[place], from_s)
            if best is None or end_s - began_s > best[1] - best[0] + 1e-9:
                best = began_s, end_s
        return best
