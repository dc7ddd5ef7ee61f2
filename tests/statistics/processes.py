"""Processes whose percentiles are known exactly, for intervals to be held against."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
RUN_IN = 3000
"""Values thrown away, so that what is left begins in the steady state."""


@dataclass(frozen=True, slots=True)
class Process:
    draw: Callable[[Rng, int], Floats]
    percentile: Callable[[float], float]
    mean: float


def independent() -> Process:
    return Process(lambda rng, count: rng.exponential(size=count), lambda share: -math.log(1 - share), 1.0)


def autoregressive(memory: float) -> Process:
    """AR(1): each value is `memory` times the one before, plus normal noise."""

    def draw(rng: Rng, count: int) -> Floats:
        found: Floats = lfilter([1.0], [1.0, -memory], rng.normal(size=count + RUN_IN))[RUN_IN:]
        return found

    return Process(draw, lambda share: float(norm.ppf(share)) / math.sqrt(1 - memory**2), 0.0)


def queue(load: float) -> Process:
    """Response times of an M/M/1 queue at that load, arrivals at rate 1: exponential with mean load / (1 - load)."""
    mean = load / (1 - load)

    def draw(rng: Rng, count: int) -> Floats:
        service, gaps = rng.exponential(load, count + RUN_IN), rng.exponential(1.0, count + RUN_IN)
        walk = np.concatenate(([0.0], np.cumsum(service[:-1] - gaps[1:])))  # Lindley's recursion, all at once
        return (walk - np.minimum.accumulate(walk) + service)[RUN_IN:]

    return Process(draw, lambda share: -math.log(1 - share) * mean, mean)
