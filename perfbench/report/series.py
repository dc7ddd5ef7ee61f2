"""Series: what the charts of a report draw, as short arrays. Pure functions on columns; no plotting words.

A report of a million requests must open on a phone, so everything is reduced here, and honestly: distributions are
exact quantiles, time is cut into equal bins, of scattered points an even sample is shown beside the slowest ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perfbench.metrics.columns import CANCELLED, FAILED, Columns, FloatArray, IntArray
from perfbench.metrics.concurrency import Steps, steps

MOST_POINTS = 6_000
"""Points of one scatter chart: what a browser draws as SVG without a pause."""
SLOWEST_KEPT = 200
MOST_BINS = 180
_WIDTHS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Equal bins of time: edges of shape (m + 1,), ns on the run's clock."""

    edges_ns: IntArray

    @property
    def width_s(self) -> float:
        return float(self.edges_ns[1] - self.edges_ns[0]) / 1e9

    @property
    def size(self) -> int:
        return self.edges_ns.size - 1

    def middles_s(self, zero_ns: int) -> FloatArray:
        """Middle of each bin in seconds from `zero_ns`: shape (m,)."""
        middles: FloatArray = (self.edges_ns[:-1] - zero_ns) / 1e9 + self.width_s / 2
        return middles

    def counts(self, at_ns: IntArray) -> IntArray:
        """How many of the instants fall into each bin: shape (m,). An instant on the last edge counts."""
        return np.histogram(at_ns, bins=self.edges_ns)[0]

    def places(self, at_ns: IntArray) -> npt.NDArray[np.intp]:
        """The bin of each instant: shape of `at_ns`; those outside go to the nearest one."""
        return np.clip(np.searchsorted(self.edges_ns, at_ns, side="right") - 1, 0, self.size - 1)


def bins(from_ns: int, to_ns: int, most: int = MOST_BINS) -> Bins:
    """Bins of a round width that cover [from, to], the last one perhaps beyond it."""
    length_s = max((to_ns - from_ns) / 1e9, 1e-3)
    width_s = next((width for width in _WIDTHS_S if length_s / width <= most), length_s / most)
    count = max(int(np.ceil(length_s / width_s)), 1)
    return Bins(from_ns + np.arange(count + 1, dtype=np.int64) * round(width_s * 1e9))


def distribution(values: FloatArray, points: int = 400) -> tuple[FloatArray, FloatArray]:
    """(values, share of all at or below) at exact quantiles, closer together in the upper tail; NaN left out.

    Infinite values take part in the shares and are not drawn: the curve then ends below 1.
    """
    known = np.sort(values[~np.isnan(values)])
    if known.size == 0:
        return np.empty(0), np.empty(0)
    wanted = np.concatenate((np.linspace(0, 0.95, points // 2), 1 - np.geomspace(0.05, 1e-5, points // 2), [1.0]))
    ranks = np.unique(np.clip(np.ceil(wanted * known.size).astype(np.int64), 1, known.size))
    drawn = ranks[np.isfinite(known[ranks - 1])]
    return known[drawn - 1], drawn / known.size


def thinned(values: FloatArray, most: int = MOST_POINTS) -> npt.NDArray[np.intp]:
    """Places of at most `most` values to draw, ascending: the slowest, and of the others an even, fixed-seed sample."""
    if values.size <= most:
        return np.arange(values.size)
    slowest = np.argpartition(values, values.size - SLOWEST_KEPT)[-SLOWEST_KEPT:]
    others = np.setdiff1d(np.arange(values.size), slowest, assume_unique=True)
    drawn = np.random.default_rng(0).choice(others, most - SLOWEST_KEPT, replace=False)
    return np.sort(np.concatenate((slowest, drawn)))


def quantiles_by_bin(bins: Bins, at_ns: IntArray, values: FloatArray, share: float, fewest: int) -> FloatArray:
    """Nearest-rank quantile of the values of each bin: shape (m,); NaN where there are fewer than `fewest`."""
    place = bins.places(at_ns)
    order = np.lexsort((values, place))
    values, counts = values[order], np.bincount(place, minlength=bins.size)
    ends = np.cumsum(counts)
    ranks = np.maximum(np.ceil(counts * share), 1).astype(np.int64)
    found = np.full(bins.size, np.nan)
    enough = counts >= fewest
    found[enough] = values[(ends - counts + ranks - 1)[enough]]
    return found


def tokens_by_bin(columns: Columns, bins: Bins) -> FloatArray:
    """Output tokens of successful requests per second, by bin: shape (m,).

    A request's tokens count evenly over the time from its first to its last; those that came at one instant, or without
    a stream, count at its end.
    """
    over_time, known = _spread(columns), columns.ok & (columns.output_tokens > 0)
    first_ns, last_ns = columns.first_output_ns[over_time], columns.last_output_ns[over_time]
    rate = steps(first_ns, last_ns, columns.output_tokens[over_time] / ((last_ns - first_ns) / 1e9))
    at_once = known & ~over_time
    burst = np.histogram(columns.finished_ns[at_once], bins=bins.edges_ns, weights=columns.output_tokens[at_once])[0]
    per_s: FloatArray = np.maximum(rate.binned_means(bins.edges_ns), 0) + burst / bins.width_s
    return per_s


def _spread(columns: Columns) -> npt.NDArray[np.bool_]:
    """Requests whose tokens came over a stretch of time."""
    # NEVER is below every instant, so a request without output is not among them.
    return columns.ok & (columns.output_tokens > 0) & (columns.last_output_ns > columns.first_output_ns)


def in_flight_by_bin(flight: Steps, bins: Bins) -> tuple[FloatArray, FloatArray]:
    """(mean, highest) level of each bin: shapes (m,)."""
    means = flight.binned_means(bins.edges_ns)
    highest = np.array([flight.at(int(edge)) for edge in bins.edges_ns[:-1]])  # what a bin begins with
    inside = (flight.at_ns >= bins.edges_ns[0]) & (flight.at_ns < bins.edges_ns[-1])
    np.maximum.at(highest, bins.places(flight.at_ns[inside]), flight.level[inside])
    return means, highest


def faults_by_bin(columns: Columns, bins: Bins) -> dict[str, IntArray]:
    """Failed and cancelled requests by kind, per bin of their end: shapes (m,). Most frequent first."""
    ended_badly = (columns.outcome == FAILED) | (columns.outcome == CANCELLED)
    totals = np.bincount(columns.error[ended_badly & (columns.error >= 0)], minlength=len(columns.error_kinds))
    return {
        columns.error_kinds[code]: bins.counts(columns.finished_ns[ended_badly & (columns.error == code)])
        for code in np.argsort(-totals, kind="stable")
        if totals[code]
    }
