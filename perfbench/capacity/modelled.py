"""Modelled: a queue model as a control variate, for a search in open loop.

Near the limit of a queue misses come in bursts, so that minutes of probing count few independent ones. Most of that
chance is in the arrivals, though, and those are known: the model (`queueing`), played with the very arrivals of a
probe, says which bursts it should have met. What is left between misses seen and misses told is the model's own error,
and it varies far less. So the share of misses at a load is taken as the model's share in the long run,
times seen over told. Where the model does not explain what was seen, counting alone decides (`curve`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from perfbench.capacity.objective import BLOCKS, Criterion
from perfbench.capacity.probe import Probe
from perfbench.capacity.queueing import Model, Trace, calibrated, replay
from perfbench.capacity.simulate import Played
from perfbench.metrics.columns import BoolArray, FloatArray

METRICS = ("response_ttft", "response_e2e")
DOUBT = 0.7
"""Standard deviation, as a logarithm, of what a model may be wrong by before it was held against anything."""
EXPLAINS = 0.5
"""Share of the variance of the misses that may be left by a model that is used."""
ENOUGH = 10
"""Misses from which that is asked."""
PLAYED_ROUGHLY = 30_000
"""Requests played at each rate to find where to look ..."""
PLAYED, PLAYED_LESS = 1_000_000, 150_000
"""... and then to know; fewer where requests slow each other down, which takes ten times as long to play, or where the
model itself is less sure than that."""
UNSURE = 0.04
"""Variance of the correction, beyond which it is."""
RATES = 5
SPAN = 1.04


@dataclass(frozen=True, slots=True)
class Told:
    """What the model says of one criterion."""

    loads: FloatArray
    logs: FloatArray
    """Logarithm of the share of misses at each load, corrected by what was seen: shape (n,), ascending."""
    deviation: float
    """Standard deviation of those."""

    def cumulative(self, loads: FloatArray, allowed: float) -> FloatArray:
        """Probability that the criterion is crossed at or below each load: shape (m,)."""
        slope = (self.logs[-1] - self.logs[0]) / math.log(self.loads[-1] / self.loads[0])
        inside = np.interp(np.log(loads), np.log(self.loads), self.logs)
        below, above = np.log(np.minimum(loads / self.loads[0], 1.0)), np.log(np.maximum(loads / self.loads[-1], 1.0))
        distance = inside + slope * (below + above) - math.log(allowed)
        found: FloatArray = norm.cdf(distance / self.deviation)
        return found


def told(
    model: Model, probes: Sequence[tuple[Probe, Trace]], criterion: Criterion, index: int, allowed: float, seed: int = 0
) -> Told | None:
    """What the model says of a criterion, corrected by those probes near its crossing; None: it explains nothing."""
    if criterion.metric not in METRICS:
        return None
    seen_blocks, told_blocks = [], []
    for probe, trace in probes:
        seen_blocks += [misses for _, misses in probe.counts[index]]
        told_blocks += _told_blocks(model, probe, trace, criterion)
    seen, foretold = np.array(seen_blocks, float), np.array(told_blocks, float)
    correction, variance = _correction(seen, foretold)
    if correction is None:
        return None
    missed = _misses(criterion)
    model = calibrated(model, [trace for probe, trace in probes if probe.halted is None])
    root = _root(model, missed, allowed * math.exp(-correction))
    if root is None:
        return None
    rates = [rate for rate in root * np.geomspace(1 / SPAN, SPAN, RATES) if rate < 0.999 * model.capacity_per_s]
    logs, noise = [], 0.0
    count = PLAYED if model.slowdown == 0 and variance < UNSURE else PLAYED_LESS
    for rate in rates:
        misses = missed(model.at_rate(rate, count, seed))
        logs.append(math.log(max(float(misses.mean()), 1e-7)))
        if rate <= root * 1.001:
            noise = _noise(misses)
    if len(rates) < 2:
        return None
    rising = np.maximum.accumulate(np.array(logs))
    if rising[-1] <= rising[0]:
        return None
    return Told(np.array(rates), rising + correction, math.sqrt(variance + noise))


def _correction(seen: FloatArray, foretold: FloatArray) -> tuple[float | None, float]:
    """(logarithm of seen over told, its variance); (None, 0) where the model does not explain what was seen.

    Misses come as a Poisson number of bursts, told times an unknown factor; the factor's prior is a gamma law around 1.
    """
    whole, expected = float(seen.sum()), float(foretold.sum())
    left = seen - foretold * (whole + 0.5) / (expected + 0.5)
    if whole >= ENOUGH:
        if float(np.square(left).sum()) > EXPLAINS * float(np.square(seen - seen.mean()).sum()):
            return None, 0.0
        burst = float(np.square(left).sum()) / whole
    else:  # too few to see what is left: whole bursts are then what the model may be wrong about
        burst = float(np.square(foretold).sum()) / expected / 2 if expected else 1.0
    burst = max(burst, 1.0)
    shape, scale = 1 / DOUBT**2 + whole / burst, 1 / DOUBT**2 + expected / burst
    return math.log(shape / scale), 1 / shape


def _told_blocks(model: Model, probe: Probe, trace: Trace, criterion: Criterion) -> list[int]:
    played = replay(trace, model.slots, float(np.median(model.first_s)), model.mean_s, model.slowdown)
    missed = _misses(criterion)(played)
    inside = (trace.due_s >= probe.from_s) & (trace.due_s < probe.to_s)
    width_s = max((probe.to_s - probe.from_s) / BLOCKS, 1e-9)
    block = np.clip(((trace.due_s - probe.from_s) / width_s).astype(int), 0, BLOCKS - 1)
    blocks: list[int] = np.bincount(block[inside & missed], minlength=BLOCKS).tolist()
    return blocks


def _misses(criterion: Criterion) -> Callable[[Played], BoolArray]:
    if criterion.metric == "response_ttft":
        return lambda played: ~criterion.holds(played.first_s * 1e3)
    return lambda played: ~criterion.holds(played.total_s * 1e3)


def _root(model: Model, missed: Callable[[Played], BoolArray], share: float) -> float | None:
    """The rate at which the model misses that share, roughly; None where no rate does."""
    low, high = 0.0, min(model.capacity_per_s, 4 * model.most_in_flight / model.mean_s)
    if not math.isfinite(high) or float(missed(model.at_rate(0.999 * high, PLAYED_ROUGHLY)).mean()) < share:
        return None
    for _ in range(9):
        rate = (low + high) / 2
        if float(missed(model.at_rate(rate, PLAYED_ROUGHLY)).mean()) <= share:
            low = rate
        else:
            high = rate
    return low if low > 0 else None


def _noise(misses: BoolArray, blocks: int = 40) -> float:
    """Variance of the logarithm of their share, the misses being bursts: from blocks of the long run."""
    shares = np.array([float(part.mean()) for part in np.array_split(misses, blocks)])
    mean = float(shares.mean())
    return float(shares.var(ddof=1)) / blocks / mean**2 if mean > 0 else 1.0
