"""Percentiles: nearest rank, with an interval that assumes no distribution, and never from too few values.

A percentile here is a wait that somebody really had; its interval lies between order statistics (see
`perfbench.statistics.ranks`). Requests that queue behind each other are not independent draws: whether they are is
tested, in order of arrival, and where they are not, blocks of requests are the draws (`perfbench.statistics.
dependence`); `Spread.dependence` says which. Values pooled from several requests (ITL) are drawn request by request.

Below `minimum_count` the answer is None. The floor is where the interval at 95 % begins to exist at all: with fewer
values not even the largest of them is known to lie above the true percentile.

    p50 6    p90 29    p95 59    p99 299    p99.9 2 995

A percentile of dependent values is reported from the same floor, but its interval only when they are worth twice as
many independent ones: how many they are worth is itself an estimate.

Values may be infinite (an arrival that never left): they sort last, and a percentile that falls on one is infinite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perfbench.engine.errors import NoData
from perfbench.metrics.columns import AnyArray
from perfbench.statistics.dependence import Dependence, Floats, dependence, effective_count, variance_of_sum
from perfbench.statistics.means import mean_interval
from perfbench.statistics.ranks import CONFIDENCE as CONFIDENCE
from perfbench.statistics.ranks import interval_positions, values_at
from perfbench.statistics.ranks import minimum_count as minimum_count
from perfbench.statistics.ranks import nearest_rank as nearest_rank

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
ALIKE_AT = (0.5, 0.9, 0.99)
"""Percentiles above which a request lies, or not: what its dependence on the one before is judged by. A wait is
infinite at times and its tail is long, which way of them it falls is neither."""
DEPENDENT_FLOOR = 2


def percentile(values: AnyArray, share: float) -> float:
    """The value of that rank. Shape (n,), any order, no NaN. Raises NoData when n is 0: an empty run is not a fast one.

    Knows no floor; callers that report use `spread`.
    """
    if values.size == 0:
        raise NoData("percentile of no values")
    rank = nearest_rank(values.size, share)
    return float(np.partition(values, rank - 1)[rank - 1])


@dataclass(frozen=True, slots=True)
class Spread:
    """What a set of values looks like. A percentile that too few values stand behind is missing from `percentiles`,
    an interval that cannot be told from `intervals`."""

    count: int
    mean: float
    min: float
    max: float
    percentiles: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """By name of the percentile, and "mean"."""
    dependence: Dependence
    effective: dict[str, float]
    """Of how many independent values each percentile would be as sure."""

    def as_json(self) -> dict[str, Any]:
        """Plain figures, 0.1 us fine. JSON has no infinity: an infinite figure is null, and `infinite` names it.

        So null and named is "beyond every limit", null and not named is "not enough data".
        """
        figures = {"mean": self.mean, "min": self.min, **{name: self.percentiles.get(name) for name in SHARES}}
        figures["max"] = self.max
        named = [name for name, value in figures.items() if value is not None and math.isinf(value)]
        ends: dict[str, list[float | None] | None] = {}
        for name in ("mean", *SHARES):
            interval = self.intervals.get(name)
            ends[f"{name}_ci"] = None if interval is None else [_finite(end) for end in interval]
            if interval is not None and math.isinf(interval[1]):
                named.append(f"{name}_ci")
        return {
            "count": self.count,
            **{name: _finite(value) for name, value in figures.items()},
            **ends,
            "ci_method": self.dependence.method(),
            "lag1": round(self.dependence.lag1, 4),
            "effective": {name: round(count, 1) for name, count in self.effective.items()},
            "infinite": named,
        }


def spread(
    values: AnyArray, clusters: npt.NDArray[np.int32] | None = None, order: npt.NDArray[np.int64] | None = None
) -> Spread | None:
    """Spread of the values that are not NaN: shape (n,), any float type, in order of arrival. None when there are none.

    With `clusters` (how many consecutive values belong together, no zeros, adding up to n; no NaN allowed) intervals
    count clusters, not values, as the draws; `order` then says in which order the clusters came, if not in that of the
    values.
    """
    values = values if clusters is not None else values[~np.isnan(values)]
    count = values.size
    if count == 0:
        return None
    draws = _Draws(values, clusters, order)
    observed = {name: share for name, share in SHARES.items() if count >= minimum_count(share)}
    names = list(observed)
    ranks = [float(nearest_rank(count, share)) for share in observed.values()]
    percentiles = dict(zip(names, values_at(values, ranks, upper=[True] * len(ranks)), strict=True))
    effective = draws.effective(percentiles)
    ends = {name: found for name in names if (found := draws.ends(observed[name], effective[name])) is not None}
    flat = values_at(values, [end for pair in ends.values() for end in pair], upper=[False, True] * len(ends))
    intervals = dict(zip(ends, zip(flat[::2], flat[1::2], strict=True), strict=True))
    mean = float(values.mean(dtype=np.float64))
    # A mean hangs on its tail: where the p90 of dependent values is not to be told, neither is it.
    told = draws.dependence.independent or "p90" in ends
    if told and math.isfinite(mean) and (about := draws.mean_interval()) is not None:
        intervals["mean"] = about
    return Spread(
        count=count, mean=mean, min=float(values.min()), max=float(values.max()), percentiles=percentiles,
        intervals=intervals, dependence=draws.dependence, effective=effective,
    )  # fmt: skip


class _Draws:
    """The values as what was drawn independently, or in blocks: requests, each with one value or several."""

    def __init__(
        self, values: AnyArray, clusters: npt.NDArray[np.int32] | None, order: npt.NDArray[np.int64] | None
    ) -> None:
        self._values, self._order = values, order
        self._sizes = None if clusters is None else clusters if order is None else clusters[order]
        self._starts = None if clusters is None else np.concatenate(([0], np.cumsum(clusters, dtype=np.int64)[:-1]))
        self.units = values.size if clusters is None else clusters.size
        count = values.size
        marks = values_at(values, [float(nearest_rank(count, share)) for share in ALIKE_AT], upper=[True] * 3)
        self.dependence = dependence(sum((self._residuals(mark) for mark in marks), np.zeros(self.units)))

    def _per_unit(self, of_values: AnyArray) -> Floats:
        if self._starts is None:
            return of_values.astype(np.float64)
        summed: Floats = np.add.reduceat(of_values, self._starts, dtype=np.float64)
        return summed if self._order is None else summed[self._order]

    def _residuals(self, value: float) -> Floats:
        """How many values of each unit are at or below, beyond its part. With ties, of the share that really is."""
        below = self._per_unit(self._values <= value)
        share = float(below.sum()) / self._values.size
        return below - share * (1.0 if self._sizes is None else self._sizes)

    def effective(self, percentiles: dict[str, float]) -> dict[str, float]:
        """Of how many independent values each percentile would be as sure.

        Dependence shows the better the more values are on either side, so a percentile is taken to be no surer than
        the ones between it and the median: a tail that was visited twice looks less dependent than it is.
        """
        count = self._values.size
        if self.dependence.independent and self._sizes is None:
            return dict.fromkeys(percentiles, float(count))
        found: dict[str, float] = {}
        least = math.inf
        for name, value in percentiles.items():
            if self.dependence.block is None or self.units < 2:
                found[name] = 0.0
                continue
            residuals = self._residuals(value)
            variance, degrees = variance_of_sum(residuals, self.dependence)
            share = SHARES[name]
            found[name] = effective_count(share, variance / count**2, degrees, count)
            if not self.dependence.independent:
                least = found[name] = min(least, found[name])
        return found

    def ends(self, share: float, effective: float) -> tuple[float, float] | None:
        """Positions of the ends of the interval of that percentile; None when too few values stand behind it."""
        whole = math.floor(effective)
        floor = 1 if self.dependence.independent else DEPENDENT_FLOOR
        if whole < floor * minimum_count(share):
            return None
        positions = interval_positions(whole, share)
        if positions is None:
            return None
        # A position among n independent values marks a share of their law; the same share is marked here.
        low, high = (end * (self._values.size + 1) / (whole + 1) for end in positions)
        return max(low, 1.0), min(high, float(self._values.size))

    def mean_interval(self) -> tuple[float, float] | None:
        sizes = np.ones(self.units) if self._sizes is None else self._sizes.astype(np.float64)
        return mean_interval(self._per_unit(self._values), sizes, self.dependence)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
