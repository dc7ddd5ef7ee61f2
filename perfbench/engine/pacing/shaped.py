"""Shaped load: arrivals along a rate that changes, and slots that open and close along a concurrency that changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Pacer, Window
from perfbench.engine.pacing.curve import Curve

ROUNDING = 0.5
"""Slot k (from 0) is open while the level is at least k + 0.5: the open slots are the level, rounded."""


@dataclass(frozen=True, slots=True)
class ShapedArrivals:
    """A law along a changing rate, by exact time rescaling.

    `law` is a pacer at 1 arrival a second; its k-th arrival, at operational time u, leaves when the integral of the
    rate has reached u. So Poisson arrivals become the inhomogeneous Poisson process of that rate (E. Cinlar,
    Introduction to Stochastic Processes, 1975, section 4.7), constant ones leave at every whole expected arrival, and
    gamma ones keep their burstiness relative to the rate of the moment. Ends when the rate is 0 for good.
    """

    law: Pacer
    curve: Curve

    def __post_init__(self) -> None:
        if self.curve.areas[-1] <= 0 and self.curve.last_level <= 0:
            raise ScenarioError("the rate is 0 all the time, so nothing would be sent; give it a level above 0")

    def __iter__(self) -> Iterator[int]:
        at_ns = 0
        for operational in self.law:
            at_s = self.curve.inverse(operational / 1e9)
            if at_s is None:
                return
            at_ns = max(at_ns, round(at_s * 1e9))  # an inverse found by approximation is right to a tenth of that
            yield at_ns


@dataclass(frozen=True, slots=True)
class ShapedLoop:
    """A closed loop whose number of open slots follows a level, rounded; a slot that closes ends its request first."""

    curve: Curve

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ScenarioError(
                "the concurrency is below 0.5 all the time, so no slot would open; raise it to 1 or more"
            )

    @property
    def most(self) -> int:
        """The most slots that are ever open."""
        return math.floor(self.curve.highest + ROUNDING)

    def slot_windows(self) -> Sequence[Iterable[Window]]:
        return [_Windows(self.curve, slot + ROUNDING) for slot in range(self.most)]


@dataclass(frozen=True, slots=True)
class _Windows:
    """When one slot is open. Worked out as time goes by: a day of bursts has more windows than it is worth keeping."""

    curve: Curve
    level: float

    def __iter__(self) -> Iterator[Window]:
        for from_s, to_s in self.curve.spans_at_least(self.level):
            yield round(from_s * 1e9), None if to_s is None else round(to_s * 1e9)
