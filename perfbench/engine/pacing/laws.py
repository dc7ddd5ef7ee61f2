"""Laws: how arrivals at a steady mean rate are spread. Each gives an endless schedule.

At a rate of 1 a second the seconds of a law are operational time: `ShapedArrivals` stretches and squeezes them along a
rate that changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Pacer, check_rate


@dataclass(frozen=True, slots=True)
class Constant:
    """One arrival every 1 / rate_per_s, the first at 0."""

    rate_per_s: float

    def __post_init__(self) -> None:
        check_rate(self.rate_per_s)

    def __iter__(self) -> Iterator[int]:
        index = 0
        while True:
            yield round(index * 1e9 / self.rate_per_s)
            index += 1


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent arrivals at a mean rate: gaps are exponential with mean 1 / rate_per_s."""

    rate_per_s: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_rate(self.rate_per_s)

    def __iter__(self) -> Iterator[int]:
        rng, at_s = random.Random(f"arrivals {self.seed}"), 0.0
        while True:
            at_s += rng.expovariate(self.rate_per_s)
            yield round(at_s * 1e9)


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gamma-distributed gaps with mean 1 / rate_per_s and shape `burstiness`.

    Shape 1 is Poisson, below 1 is burstier, above 1 more even: the gaps' coefficient of variation is
    1 / sqrt(burstiness). The parameter is the one that vLLM's serving benchmark calls burstiness.
    """

    rate_per_s: float
    burstiness: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_rate(self.rate_per_s)
        if not 0 < self.burstiness < float("inf"):
            raise ScenarioError(f"burstiness must be above 0, got {self.burstiness}")

    def __iter__(self) -> Iterator[int]:
        rng, at_s = random.Random(f"arrivals {self.seed}"), 0.0
        scale_s = 1.0 / (self.rate_per_s * self.burstiness)
        while True:
            at_s += rng.gammavariate(self.burstiness, scale_s)
            yield round(at_s * 1e9)


ARRIVALS: dict[str, Callable[[float, float, int], Pacer]] = {
    "constant": lambda rate_per_s, _burstiness, _seed: Constant(rate_per_s),
    "poisson": lambda rate_per_s, _burstiness, seed: Poisson(rate_per_s, seed),
    "gamma": lambda rate_per_s, burstiness, seed: Gamma(rate_per_s, burstiness, seed),
}
