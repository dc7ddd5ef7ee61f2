"""Percentiles: nearest rank, with an interval that assumes no distribution, and never from too few values.

A percentile here is a wait that somebody really had. Its interval comes from order statistics: the number of values
at or below the true percentile is binomial whatever the law of the values (H. A. David, H. N. Nagaraja, Order
Statistics, section 7.1). It takes the values to be independent; requests that queue behind each other are not, so
under overload the interval is narrower than the truth. Values pooled from several requests (ITL) are clearly not
independent, and `clustered_shares` takes them request by request.

Below `minimum_count` the answer is None. The floor is where the interval at 95 % begins to exist at all: with fewer
values not even the largest of them is known to lie above the true percentile.

    p50 6    p90 29    p95 59    p99 299    p99.9 2 995

Values may be infinite (an arrival that never left): they sort last, and a percentile that falls on one is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, t

from perfbench.engine.errors import NoData
from perfbench.metrics.columns import AnyArray

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
CONFIDENCE = 0.95


def nearest_rank(count: int, share: float) -> int:
    """Rank, from 1, of the smallest of `count` values with at least `share` (0 < share <= 1) of them at or below it."""
    # 0.07 * 100 is 7.000000000000001: without the rounding its rank would be 8.
    return max(1, math.ceil(round(count * share, 9)))


def percentile(values: AnyArray, share: float) -> float:
    """The value of that rank. Shape (n,), any order, no NaN. Raises NoData when n is 0: an empty run is not a fast one.

    Knows no floor; callers that report use `spread`.
    """
    if values.size == 0:
        raise NoData("percentile of no values")
    rank = nearest_rank(values.size, share)
    return float(np.partition(values, rank - 1)[rank - 1])


@lru_cache
def minimum_count(share: float, confidence: float = CONFIDENCE) -> int:
    """The fewest values from which the percentile is reported: the widest interval, from the least to the greatest
    value, misses it with probability share^n + (1 - share)^n, and that must be at most 1 - confidence."""
    count = 2
    while share**count + (1 - share) ** count > 1 - confidence:
        count += 1
    return count


def interval_ranks(count: int, share: float, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """Ranks, from 1, between which the true percentile lies with at least that probability; None below the floor.

    Both tails get half of the risk; where one of them has no value that far out, its end is the outermost value and
    the other tail gets what risk is left.
    """
    if count < minimum_count(share, confidence):
        return None
    risk = 1 - confidence
    low, high = int(binom.ppf(risk / 2, count, share)), int(binom.ppf(1 - risk / 2, count, share)) + 1
    if high > count:
        low, high = int(binom.ppf(risk - share**count, count, share)), count
    elif low < 1:
        low, high = 1, int(binom.ppf(1 - (risk - (1 - share) ** count), count, share)) + 1
    return max(low, 1), min(high, count)


def clustered_shares(at_or_below: AnyArray, sizes: AnyArray, share: float) -> tuple[float, float] | None:
    """The shares of pooled values between which the percentile lies, when whole clusters of them were drawn.

    `at_or_below` and `sizes` have shape (clusters,): how many values of each cluster are at or below the observed
    percentile, and how many it has. R. S. Woodruff, Confidence Intervals for Medians and Other Position Measures,
    JASA 47 (1952), with the variance of a ratio between clusters and Student's t for their number. None when there
    are fewer than two clusters.
    """
    clusters = sizes.size
    if clusters < 2:
        return None
    left_over = at_or_below - share * sizes
    deviation = math.sqrt(clusters / (clusters - 1) * float(np.square(left_over).sum())) / float(sizes.sum())
    reach = float(t.ppf(0.5 + CONFIDENCE / 2, clusters - 1)) * deviation
    return share - reach, share + reach


@dataclass(frozen=True, slots=True)
class Spread:
    """What a set of values looks like. A percentile that too few values stand behind is missing from `percentiles`."""

    count: int
    mean: float
    min: float
    max: float
    percentiles: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    def as_json(self) -> dict[str, Any]:
        """Plain figures, 0.1 us fine. JSON has no infinity: an infinite figure is null, and `infinite` names it.

        So null and named is "beyond every limit", null and not named is "not enough data".
        """
        figures = {"mean": self.mean, "min": self.min, **{name: self.percentiles.get(name) for name in SHARES}}
        figures["max"] = self.max
        interval = self.intervals.get("p99")
        ends = None if interval is None else [_finite(end) for end in interval]
        named = [name for name, value in figures.items() if value is not None and math.isinf(value)]
        if interval is not None and math.isinf(interval[1]):
            named.append("p99_ci")
        return {
            "count": self.count,
            **{name: _finite(value) for name, value in figures.items()},
            "p99_ci": ends,
            "infinite": named,
        }


def spread(values: AnyArray, clusters: npt.NDArray[np.int32] | None = None) -> Spread | None:
    """Spread of the values that are not NaN: shape (n,), any float type. None when there are none.

    With `clusters` (how many consecutive values belong together, no zeros, adding up to n; no NaN allowed) intervals
    count clusters, not values, as the independent draws.
    """
    values = values if clusters is not None else values[~np.isnan(values)]
    count = values.size
    if count == 0:
        return None
    observed = {name: share for name, share in SHARES.items() if count >= minimum_count(share)}
    wanted: dict[str, tuple[int, int | None, int | None]] = {}
    for name, share in observed.items():
        ends = interval_ranks(count, share) if clusters is None else None
        wanted[name] = (nearest_rank(count, share), *(ends or (None, None)))
    at = _order_statistics(values, [rank for ranks in wanted.values() for rank in ranks if rank is not None])
    percentiles = {name: at[ranks[0]] for name, ranks in wanted.items()}
    if clusters is None:
        intervals = {name: (at[low], at[high]) for name, (_, low, high) in wanted.items() if low and high}
    else:
        intervals = _clustered_intervals(values, clusters, percentiles)
    return Spread(
        count=count, mean=float(values.mean(dtype=np.float64)), min=float(values.min()), max=float(values.max()),
        percentiles=percentiles, intervals=intervals,
    )  # fmt: skip


def _order_statistics(values: AnyArray, ranks: Sequence[int]) -> dict[int, float]:
    """Values of those ranks. Partitions instead of sorting: a hundred million gaps have a handful of ranks."""
    if not ranks:
        return {}
    places = sorted({rank - 1 for rank in ranks})
    parted = np.partition(values, places)
    return {place + 1: float(parted[place]) for place in places}


def _clustered_intervals(
    values: AnyArray, clusters: npt.NDArray[np.int32], percentiles: dict[str, float]
) -> dict[str, tuple[float, float]]:
    starts = np.concatenate(([0], np.cumsum(clusters, dtype=np.int64)[:-1]))
    ranks: dict[str, tuple[int, int]] = {}
    for name, value in percentiles.items():
        below = np.add.reduceat((values <= value).astype(np.int64), starts)
        # Against the share that is really at or below: with ties it is more than the nominal one.
        shares = clustered_shares(below, clusters, float(below.sum() / values.size))
        if shares is None:
            continue
        nominal, reach = SHARES[name], (shares[1] - shares[0]) / 2
        if nominal + reach < 1:
            ranks[name] = (
                nearest_rank(values.size, max(nominal - reach, 0)),
                nearest_rank(values.size, nominal + reach),
            )
    at = _order_statistics(values, [rank for pair in ranks.values() for rank in pair])
    return {name: (at[low], at[high]) for name, (low, high) in ranks.items()}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
