"""Steady state: the part of a run that says what the service does, not how the run began and ended.

The window opens when two things have happened: the number in flight has reached its plateau, which is the level it has
half of the time up to the last dispatch; and the latencies have left their beginning behind, by MSER-5 (`mser5`) over
the E2E latencies of requests in the order in which they started. It closes with the last dispatch: after it the load
only drains. Latencies of the window are those of requests that *started* in it, however long they took, so that slow
ones are not cut off; throughput is what *finished* in it. A run without such a window (one burst; a load that never
stops growing) is told so, not given a number.

Whether what was found is steady after all is tested again, by the growth of the number in flight and by a trend in the
latencies (`drift`). Where the load was shaped, the window is looked for in the longest time that it was held still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from perfbench.metrics.columns import BoolArray, Columns, FloatArray, IntArray
from perfbench.metrics.concurrency import Steps
from perfbench.metrics.latency import e2e_ms
from perfbench.metrics.throughput import last_dispatch_ns

METHOD = "mser-5"
BATCH = 5
FEWEST_BATCHES = 10
"""Batches below which MSER-5 says nothing; its authors want many more, and a short run has no state to be steady."""
SHORTEST_SHARE = 0.1
"""Of the time from first to last dispatch: a window shorter than that stands for nothing."""
MOST_GROWTH = 1.25
"""Mean in flight of the window's second half over that of its first, and the inverse: beyond it the load is moving, and
latencies with it. Poisson arrivals on an unsaturated server stay well inside once a few dozen have come and gone."""
DRIFT_BATCHES, DRIFT_RISK, MOST_DRIFT = 20, 0.001, 0.1
"""A trend speaks against a steady state when chance shows one so rarely *and* it moves the latency by so much of itself
from one end of the window to the other. Batches this long are nearly independent unless a queue forgets very slowly."""


@dataclass(frozen=True, slots=True)
class Truncation:
    """What MSER-5 made of the requests' latencies."""

    dropped: int | None
    """So many requests belong to the beginning; None: the series is too short to tell it from what follows."""
    of: int
    at_ns: int | None
    """When the first one started that does not."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend of the E2E latency within the window."""

    change: float
    """From the window's beginning to its end, as a share of the median: by the Theil-Sen line through batch means."""
    p: float
    """Probability that a steady latency shows a trend at least so consistent: Mann-Kendall test of the batch means."""

    @property
    def drifting(self) -> bool:
        return self.p < DRIFT_RISK and abs(self.change) > MOST_DRIFT


@dataclass(frozen=True, slots=True)
class SteadyWindow:
    from_ns: int
    to_ns: int
    plateau: float
    """Requests in flight at which it opened."""
    growth: float
    """Mean in flight of its second half over that of its first."""
    truncation: Truncation
    drift: Drift | None
    """None: too few requests to say."""

    @property
    def stationary(self) -> bool:
        drifting = self.drift is not None and self.drift.drifting
        return 1 / MOST_GROWTH <= self.growth <= MOST_GROWTH and not drifting

    def holds(self, columns: Columns) -> BoolArray:
        """Requests that started in it: shape (n,)."""
        inside: BoolArray = (columns.first_started_ns >= self.from_ns) & (columns.first_started_ns <= self.to_ns)
        return inside


def steady_window(
    columns: Columns, flight: Steps, within_ns: tuple[int | None, int | None] = (None, None)
) -> SteadyWindow | None:
    """The window, or None when there is none worth the name. Raises NoData if nothing was sent.

    `within_ns` bounds it: from the end of a warm-up on; within the time in which a shaped load was held.
    """
    earliest_ns, latest_ns = within_ns
    last_ns = last_dispatch_ns(columns) if latest_ns is None else min(last_dispatch_ns(columns), latest_ns)
    first_ns = int(columns.first_started_ns[columns.sent].min())
    first_ns = first_ns if earliest_ns is None else max(first_ns, earliest_ns)
    plateau = flight.median(first_ns, last_ns)
    if not plateau:
        return None
    from_ns = _first_at_least(flight, plateau, first_ns)
    truncation = _truncation(columns, first_ns, last_ns)
    if from_ns is not None and truncation.at_ns is not None:
        from_ns = max(from_ns, truncation.at_ns)
    if from_ns is None or last_ns - from_ns < SHORTEST_SHARE * (last_ns - first_ns):
        return None
    middle_ns = (from_ns + last_ns) // 2
    before, after = flight.mean(from_ns, middle_ns), flight.mean(middle_ns, last_ns)
    if not before or after is None:
        return None
    return SteadyWindow(
        from_ns=from_ns, to_ns=last_ns, plateau=plateau, growth=after / before, truncation=truncation,
        drift=drift(_latencies(columns, from_ns, last_ns)[1]),
    )  # fmt: skip


def mser5(values: FloatArray) -> int | None:
    """How many of the values, which have shape (n,) and are in order, belong to the beginning and not to what follows.

    Batches of five values each are averaged, and those are dropped without which the rest has the least marginal
    standard error: the d that minimises sum((z_i - mean)^2, i >= d) / (k - d)^2 over k batch means z. K. P. White, An
    Effective Truncation Heuristic for Bias Reduction in Simulation Output, Simulation 69 (1997); in batches of five:
    S. C. Spratt (1998). None when there are fewer than FEWEST_BATCHES batches, and when the minimum lies in the second
    half: as the authors say, the series is then too short. That happens to one steady series in ten of 100 independent
    values, to one in three of 1 000 from a queue at 80 %, and hardly to any of 5 000; it is no sign of a beginning that
    goes on, which `drift` finds.
    """
    batches = values.size // BATCH
    if batches < FEWEST_BATCHES:
        return None
    means = values[: batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    # About a value of the second half, and summed from the end: an end that does not vary has a sum of exactly 0.
    means = means - np.sort(means[batches // 2 :])[(batches - batches // 2) // 2]
    left = np.arange(batches, 0, -1)
    sums, squares = np.cumsum(means[::-1])[::-1], np.cumsum(np.square(means)[::-1])[::-1]
    errors = np.maximum(squares - np.square(sums) / left, 0.0) / np.square(left)
    # The last batches are left out: a handful that happen to be alike would have the least error of all.
    dropped = int(np.argmin(errors[: batches - BATCH + 1]))
    return None if dropped > batches // 2 else dropped * BATCH


def drift(values: FloatArray) -> Drift | None:
    """The trend of values of shape (n,), in order; None when there are too few of them for DRIFT_BATCHES batches.

    H. B. Mann, Nonparametric Tests Against Trend, Econometrica 13 (1945); P. K. Sen, Estimates of the Regression
    Coefficient Based on Kendall's Tau, JASA 63 (1968).
    """
    if values.size < BATCH * DRIFT_BATCHES:
        return None
    means = np.array([part.mean() for part in np.array_split(values, DRIFT_BATCHES)])
    middle = float(np.median(means))
    if middle <= 0 or np.ptp(means) == 0:
        return Drift(change=0.0, p=1.0)
    order = np.arange(DRIFT_BATCHES)
    slope = float(stats.theilslopes(means, order)[0])
    return Drift(change=slope * (DRIFT_BATCHES - 1) / middle, p=float(stats.kendalltau(order, means).pvalue))


def _truncation(columns: Columns, from_ns: int, to_ns: int) -> Truncation:
    starts_ns, values = _latencies(columns, from_ns, to_ns)
    dropped = mser5(values)
    at_ns = None if dropped is None else int(starts_ns[dropped])
    return Truncation(dropped=dropped, of=int(values.size), at_ns=at_ns)


def _latencies(columns: Columns, from_ns: int, to_ns: int) -> tuple[IntArray, FloatArray]:
    """Start (ns) and E2E latency (ms) of successes that started in the window, in the order of their starts."""
    starts_ns, values = columns.first_started_ns, e2e_ms(columns)
    known = np.flatnonzero((starts_ns >= from_ns) & (starts_ns <= to_ns) & np.isfinite(values))
    known = known[np.argsort(starts_ns[known], kind="stable")]
    return starts_ns[known], values[known]


def _first_at_least(flight: Steps, level: float, from_ns: int) -> int | None:
    """The first instant from `from_ns` on at which the level is that high; None if it never is."""
    if flight.at(from_ns) >= level:
        return from_ns
    high = np.flatnonzero((flight.level >= level) & (flight.at_ns >= from_ns))
    return int(flight.at_ns[high[0]]) if high.size else None
