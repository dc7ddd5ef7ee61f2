"""Pacing: when requests should leave.

Arithmetic only: no clock, no I/O, no randomness without a seed. Instants are offsets in ns from the start of the run,
on an absolute schedule: a late send never moves the ones after it, and totals are not rescaled to fit a count.
Iterating a pacer again gives the same offsets, in whatever process; workers deal one schedule out by position. To add
a load shape, add a frozen dataclass that satisfies `Pacer`, a line in `ARRIVALS`, and rows in
tests/engine/test_pacing.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from perfbench.engine.errors import ScenarioError


class Pacer(Protocol):
    """Open loop: offsets at which requests leave, whatever became of the ones before. Never decreasing."""

    def __iter__(self) -> Iterator[int]: ...


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """`parallel` slots; each sends its next request when its last one is over.

    Slot k opens at a seeded, uniformly drawn instant of the ramp. A ramp of 0 opens all at once: a burst, whose
    connection set-up and queueing then stand in the first TTFTs.
    """

    parallel: int
    ramp_up_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.parallel < 1:
            raise ScenarioError(f"parallel must be at least 1, got {self.parallel}")
        if not 0 <= self.ramp_up_s < float("inf"):
            raise ScenarioError(f"ramp_up must be 0 or more, and finite, got {self.ramp_up_s} s")

    def slot_offsets(self) -> list[int]:
        """When each slot opens: `parallel` offsets in ns, ascending, the first at 0."""
        rng = random.Random(f"ramp {self.seed}")
        return [0, *sorted(round(rng.random() * self.ramp_up_s * 1e9) for _ in range(self.parallel - 1))]


def _check_rate(rate_per_s: float) -> None:
    if not 0 < rate_per_s < float("inf"):  # written this way round so that NaN is refused too
        raise ScenarioError(f"rate must be above 0 and finite, got {rate_per_s} per second")


@dataclass(frozen=True, slots=True)
class Constant:
    """One arrival every 1 / rate_per_s, the first at 0."""

    rate_per_s: float

    def __post_init__(self) -> None:
        _check_rate(self.rate_per_s)

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
        _check_rate(self.rate_per_s)

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
        _check_rate(self.rate_per_s)
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
