"""Means, rates and shares with intervals at 95 %, for values that may depend on those before them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from perfbench.engine.errors import NoData
from perfbench.statistics.dependence import (
    BLOCK_COUNTS,
    Dependence,
    Floats,
    dependence,
    effective_count,
    lag1_correlation,
    variance_of_sum,
)
from perfbench.statistics.ranks import CONFIDENCE

Interval = tuple[float, float]


def student(degrees: int, confidence: float = CONFIDENCE) -> float:
    """How many standard errors the interval reaches to either side."""
    return float(stdtrit(degrees, 0.5 + confidence / 2))


def mean_interval(sums: Floats, sizes: Floats, found: Dependence) -> Interval | None:
    """Interval of sum(sums) / sum(sizes): a mean, or a ratio of totals over units in their order. Shapes (n,).

    The variance is the linearised one of a ratio (Cochran, Sampling Techniques, 6.3), over blocks where units depend
    on each other. None where that cannot be told.
    """
    if found.block is None or sums.size < 2:
        return None
    total = float(sizes.sum())
    middle = float(sums.sum()) / total
    variance, degrees = variance_of_sum(sums - middle * sizes, found)
    reach = student(degrees) * math.sqrt(variance) / total
    return middle - reach, middle + reach


def share_interval(hits: npt.NDArray[np.bool_]) -> tuple[Interval, Dependence] | None:
    """Score interval (E. B. Wilson, JASA 22, 1927) of the share of hits, in their order; of the effective count where
    one depends on the next. None without trials, or when the run is too short for its dependence."""
    if hits.size == 0:
        return None
    trials = hits.astype(np.float64)
    found = dependence(trials)
    share = float(trials.mean())
    if found.block is None:
        return None
    count = float(hits.size)
    if not found.independent:
        variance, degrees = variance_of_sum(trials - share, found)
        count = max(1.0, effective_count(share, variance / hits.size**2, degrees, hits.size))
    return wilson(share, count), found


def wilson(share: float, count: float) -> Interval:
    z = float(ndtri(0.5 + CONFIDENCE / 2))
    centre = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    # The ends are 0 and 1 exactly when nothing, or all, was hit; rounding must not say otherwise.
    low = 0.0 if share == 0 else max(0.0, (centre - reach) / scale)
    return low, 1.0 if share == 1 else min(1.0, (centre + reach) / scale)


def rate_slices(at_ns: npt.NDArray[np.int64], amounts: Floats, from_ns: int, to_ns: int) -> Floats | None:
    """Amounts in equal slices of the time (from, to], as many as there can be without neighbours being alike.

    Shapes (n,). None when a tenth of the time still is like the next, or when less happened than there are slices.
    """
    slices = BLOCK_COUNTS[0][0]
    inside = (at_ns > from_ns) & (at_ns <= to_ns)
    if to_ns <= from_ns or int(inside.sum()) < slices:
        return None
    place = (at_ns[inside] - from_ns - 1) * slices // (to_ns - from_ns)
    sums = np.bincount(place, weights=amounts[inside], minlength=slices)
    for count, level in BLOCK_COUNTS:
        merged: Floats = sums.reshape(count, -1).sum(axis=1)
        if (lag1_correlation(merged) + 1 / count) * math.sqrt(count) < ndtri(1 - level):
            return merged
    return None


def rate_interval(at_ns: npt.NDArray[np.int64], amounts: Floats, from_ns: int, to_ns: int) -> Interval | None:
    """Interval of the amount per second in (from, to], from its spread between slices of that time; None without."""
    slices = rate_slices(at_ns, amounts, from_ns, to_ns)
    if slices is None:
        return None
    reach = student(slices.size - 1) * float(slices.std(ddof=1)) * math.sqrt(slices.size)
    length_s, total = (to_ns - from_ns) / 1e9, float(slices.sum())
    return max(0.0, (total - reach) / length_s), (total + reach) / length_s


@dataclass(frozen=True, slots=True)
class Repeats:
    """A figure over several runs of the same thing."""

    runs: int
    mean: float
    low: float | None
    high: float | None
    between: float
    """Standard deviation from run to run beyond what one run's own uncertainty explains; 0 when it explains all."""
    within: float | None
    """Standard error of the figure inside one run, on average; None where runs could not tell."""


def repeats(values: Sequence[float], standard_errors: Sequence[float | None]) -> Repeats:
    """Mean over runs with Student's t interval, and its variance parted into between and within runs.

    The between part is the method-of-moments one (R. DerSimonian, N. Laird, Controlled Clinical Trials 7, 1986, with
    equal weights). Raises NoData without values.
    """
    if not values:
        raise NoData("mean of no runs")
    data = np.asarray(values, np.float64)
    middle = float(data.mean())
    known = [error for error in standard_errors if error is not None]
    within = math.sqrt(sum(error * error for error in known) / len(known)) if known else None
    if data.size < 2:
        return Repeats(1, middle, None, None, 0.0, within)
    variance = float(data.var(ddof=1))
    reach = student(data.size - 1) * math.sqrt(variance / data.size)
    between = math.sqrt(max(0.0, variance - (within or 0.0) ** 2))
    return Repeats(data.size, middle, middle - reach, middle + reach, between, within)
