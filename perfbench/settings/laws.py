"""Laws: what a length in tokens may follow: one number, a range, or a bell or its skewed sister between two ends.

Arithmetic only: `at` turns an even draw between 0 and 1 into a length. How laws are written is in `lengths.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Protocol

_UNIT = NormalDist()
_FIRST, _LAST = 1e-300, 1 - 2.0**-53  # about the smallest and the largest number between 0 and 1
_RARE = 1e-9
_LEAST_LEFT = 1e-6  # of a law, within its min and max; with less than that the cut is the law


class Law(Protocol):
    @property
    def mean(self) -> float:
        """Of what is drawn."""

    @property
    def most(self) -> int:
        """The longest that is ever drawn."""

    @property
    def least(self) -> int:
        """The shortest that is drawn, but for one draw in a billion."""

    def at(self, share: float) -> int:
        """The length below which about that share (0 < share < 1) of the draws lie: a draw, where it is uniform."""


@dataclass(frozen=True, slots=True)
class Fixed:
    tokens: int

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"{self.tokens} is no length; 1 is the shortest")

    @property
    def mean(self) -> float:
        return float(self.tokens)

    @property
    def most(self) -> int:
        return self.tokens

    @property
    def least(self) -> int:
        return self.tokens

    def at(self, share: float) -> int:
        return self.tokens


@dataclass(frozen=True, slots=True)
class Uniform:
    low: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high:
            raise ValueError(f"{self.low} to {self.high} are no lengths; the first is 1 or more, and the smaller one")

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    @property
    def most(self) -> int:
        return self.high

    @property
    def least(self) -> int:
        return self.low

    def at(self, share: float) -> int:
        return self.low + int(share * (self.high - self.low + 1))


@dataclass(frozen=True, slots=True)
class _Cut:
    """A normal law between two ends; of the lengths themselves, or of their logarithms."""

    mean_asked: float
    sd: float
    low: int = 1
    high: int | None = None
    law: NormalDist = field(init=False, compare=False)
    below: float = field(init=False, compare=False)
    """The share of the uncut law that lies below `low`."""
    kept: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not (0 < self.mean_asked < math.inf and 0 < self.sd < math.inf):
            raise ValueError(f"mean {self.mean_asked:g} and sd {self.sd:g} must both be above 0")
        if self.low < 1 or (self.high is not None and self.high < self.low):
            raise ValueError(f"min {self.low} and max {self.high} are no lengths; 1 <= min <= max")
        law = self._law()
        below, above = law.cdf(self._scaled(self.low - 0.5)), 1.0
        if self.high is not None:  # a length stands for all that is rounded to it
            above = law.cdf(self._scaled(self.high + 0.5))
        if not above - below > _LEAST_LEFT:
            raise ValueError(f"min {self.low} and max {self.high} leave nothing of it; move them towards its mean")
        object.__setattr__(self, "law", law)
        object.__setattr__(self, "below", below)
        object.__setattr__(self, "kept", above - below)

    def _law(self) -> NormalDist:
        raise NotImplementedError

    def _scaled(self, tokens: float) -> float:
        raise NotImplementedError

    def _ends(self) -> tuple[float, float]:
        """In standard deviations from the middle."""
        low = (self._scaled(self.low - 0.5) - self.law.mean) / self.law.stdev
        high = math.inf if self.high is None else (self._scaled(self.high + 0.5) - self.law.mean) / self.law.stdev
        return low, high

    @property
    def most(self) -> int:
        return self.high if self.high is not None else self.at(_LAST)

    @property
    def least(self) -> int:
        return self.at(_RARE)

    def at(self, share: float) -> int:
        drawn = round(self._unscaled(self.law.inv_cdf(min(max(self.below + share * self.kept, _FIRST), _LAST))))
        return max(self.low, drawn if self.high is None else min(drawn, self.high))

    def _unscaled(self, value: float) -> float:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Normal(_Cut):
    def _law(self) -> NormalDist:
        return NormalDist(self.mean_asked, self.sd)

    def _scaled(self, tokens: float) -> float:
        return tokens

    def _unscaled(self, value: float) -> float:
        return value

    @property
    def mean(self) -> float:
        low, high = self._ends()
        return self.mean_asked + self.sd * (_UNIT.pdf(low) - _UNIT.pdf(high)) / self.kept


@dataclass(frozen=True, slots=True)
class Lognormal(_Cut):
    def _law(self) -> NormalDist:
        variance = math.log1p((self.sd / self.mean_asked) ** 2)
        return NormalDist(math.log(self.mean_asked) - variance / 2, math.sqrt(variance))

    def _scaled(self, tokens: float) -> float:
        return math.log(tokens)

    def _unscaled(self, value: float) -> float:
        return math.exp(value)

    @property
    def mean(self) -> float:
        low, high = self._ends()
        sigma = self.law.stdev
        return self.mean_asked * (_UNIT.cdf(high - sigma) - _UNIT.cdf(low - sigma)) / self.kept
