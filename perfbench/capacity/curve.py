"""Curve: what all probes together say of the load at which an SLO begins to be missed.

Near that load the logit of the share of misses is taken to be linear in the logarithm of the load, as in a
psychometric function, and its crossing with the allowed share is found as QUEST finds a threshold: a grid of crossings
and slopes, weighed by the likelihood of every probe (Watson and Pelli, Perception and Psychophysics 33, 1983;
Kontsevich and Tyler, Vision Research 39, 1999, for the slope). Probes far from the crossing only say on which side of
it they lie, so that the law need not hold there. Counts are divided by their dispersion, because requests that queue
behind each other miss together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from perfbench.capacity.modelled import Told
from perfbench.capacity.objective import Blocks
from perfbench.capacity.probe import Probe
from perfbench.capacity.sequential import dispersion, evidence
from perfbench.metrics.columns import FloatArray

NEAR = 1.25
"""Factor within which the law is taken to hold."""
SLOPES = np.geomspace(2.0, 400.0, 36)
"""Of the logit by the logarithm of the load: 2 is an endpoint that degrades gently, 400 one that breaks off."""
POINTS = 1200
SIDE_MOST = 7.0
"""Odds (as a logarithm, 1100 to 1) that a far probe can give at most: any of them may have been disturbed."""
STABILITY_SLOPE, LAPSE = 40.0, 0.02
"""A backlog seen to grow speaks for a load beyond the capacity, sharply within some 5 %, and is chance once in 50."""
ASSUMED_DISPERSION = {True: 10.0, False: 1.3}
"""In open loop, where misses come in bursts, and in closed loop."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the SLO begins to be missed: a distribution over loads."""

    loads: FloatArray
    """Ascending, shape (n,)."""
    cumulative: FloatArray
    """Probability that the crossing is at or below each: shape (n,)."""

    def quantile(self, share: float) -> float:
        return float(np.interp(share, self.cumulative, self.loads))

    def beyond(self, load: float) -> float:
        """Probability that this load still meets the SLO."""
        return 1.0 - float(np.interp(load, self.loads, self.cumulative))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        return self.quantile((1 - confidence) / 2), self.quantile((1 + confidence) / 2)


def crossing(
    probes: Sequence[Probe],
    allowed: Sequence[float],
    lowest: float,
    highest: float,
    *,
    open_loop: bool,
    told: Mapping[int, Told] | None = None,
) -> Crossing:
    """The crossing of the first criterion to be missed (or of stability), between two loads. Shape of the grid aside,
    it knows nothing beyond the probes: without any it is uniform in the logarithm of the load. `told` is what a model
    says of some of the criteria, by position; it takes the place of counting."""
    loads = np.geomspace(lowest, highest, POINTS)
    sound = [probe for probe in probes if not probe.suspect]
    survives = np.ones(POINTS)
    for index, share in enumerate(allowed):
        if not any(_binds(probe.counts[index], share) for probe in sound):
            continue  # nothing speaks of where it would be crossed, so it must not pull the answer down
        if told is not None and index in told:
            survives *= 1 - told[index].cumulative(loads, share)
        else:
            survives *= 1 - _criterion(sound, index, share, loads, open_loop)
    unstable = [probe.load for probe in sound if probe.unstable]
    binding = [p.load for p in sound if not p.unstable and any(map(_binds, p.counts, allowed))]
    # Where requests miss well before the backlog grows, its growth says nothing more of the answer.
    if unstable and min(unstable) <= NEAR * min(binding, default=math.inf):
        survives *= 1 - _stability(sound, loads)
    return Crossing(loads, 1 - survives)


def _stability(probes: Sequence[Probe], loads: FloatArray) -> FloatArray:
    """Cumulative distribution of the load from which on the backlog grows. Near it either may happen, by chance."""
    logs = np.zeros(POINTS)
    for probe in probes:
        if probe.unstable or probe.halted is None:
            grows = LAPSE + (1 - 2 * LAPSE) * expit(STABILITY_SLOPE * np.log(probe.load / loads))
            logs += np.log(grows if probe.unstable else 1 - grows)
    return _cumulative(logs)


def _binds(blocks: Blocks, allowed: float) -> bool:
    count, misses = (sum(column) for column in zip(*blocks, strict=True))
    return bool(misses > allowed * count)


def _criterion(probes: Sequence[Probe], index: int, allowed: float, loads: FloatArray, open_loop: bool) -> FloatArray:
    """Cumulative distribution of one criterion's crossing."""
    thin = dispersion((probe.counts[index] for probe in probes if not probe.unstable), ASSUMED_DISPERSION[open_loop])
    sides = np.zeros(POINTS)
    pooled = []
    for probe in probes:
        count, misses = (sum(column) / thin for column in zip(*probe.counts[index], strict=True))
        if count == 0:
            continue
        below, above = evidence(count, misses, allowed)
        pooled.append((probe.load, count, misses, float(np.clip(below - above, -SIDE_MOST, SIDE_MOST)), probe.unstable))
    for load, _, _, odds, _ in pooled:  # odds that the probe met, so that the crossing lies above its load
        sides += np.where(loads > load, odds, 0.0)
    rough = loads[int(np.searchsorted(_cumulative(sides), 0.5))]
    weights = np.zeros((SLOPES.size, POINTS))
    threshold = np.log(allowed / (1 - allowed))
    for load, count, misses, odds, unstable in pooled:
        near = rough / NEAR <= load <= rough * NEAR and not unstable and misses <= count * max(0.5, 2 * allowed)
        if near:
            logit = threshold + SLOPES[:, None] * np.log(load / loads)[None, :]
            weights += -misses * np.logaddexp(0, -logit) - (count - misses) * np.logaddexp(0, logit)
        else:
            weights += np.where(loads > load, odds, 0.0)[None, :]
    likely = np.exp(weights - weights.max())
    return _normal(likely.sum(axis=0))


def _cumulative(logs: FloatArray) -> FloatArray:
    return _normal(np.exp(logs - logs.max()))


def _normal(likely: FloatArray) -> FloatArray:
    cumulative = np.cumsum(likely)
    found: FloatArray = cumulative / cumulative[-1]
    return found
