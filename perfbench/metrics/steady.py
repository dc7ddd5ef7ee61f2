"""Steady state: the part of a run that says what the service does, not how the run began and ended.

The window opens when the number in flight first reaches its plateau, which is the level it has half of the time up to
the last dispatch, and closes with the last dispatch: after it the load only drains. Latencies of the window are those
of requests that *started* in it, however long they took, so that slow ones are not cut off; throughput is what
*finished* in it. A run without such a window (one burst; a load that never stops growing) is told so, not given a
number.
"""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.metrics.columns import BoolArray, Columns
from perfbench.metrics.concurrency import Steps
from perfbench.metrics.throughput import last_dispatch_ns

SHORTEST_SHARE = 0.1
"""Of the time from first to last dispatch: a window shorter than that stands for nothing."""
MOST_GROWTH = 1.25
"""Mean in flight of the window's second half over that of its first, and the inverse: beyond it the load is moving, and
latencies with it. Poisson arrivals on an unsaturated server stay well inside once a few dozen have come and gone."""


@dataclass(frozen=True, slots=True)
class SteadyWindow:
    from_ns: int
    to_ns: int
    plateau: float
    """Requests in flight at which it opened."""
    growth: float
    """Mean in flight of its second half over that of its first."""

    @property
    def stationary(self) -> bool:
        return 1 / MOST_GROWTH <= self.growth <= MOST_GROWTH

    def holds(self, columns: Columns) -> BoolArray:
        """Requests that started in it: shape (n,)."""
        inside: BoolArray = (columns.first_started_ns >= self.from_ns) & (columns.first_started_ns <= self.to_ns)
        return inside


def steady_window(columns: Columns, flight: Steps) -> SteadyWindow | None:
    """The window, or None when there is none worth the name. Raises NoData if nothing was sent."""
    last_ns = last_dispatch_ns(columns)
    first_ns = int(columns.first_started_ns[columns.sent].min())
    plateau = flight.median(first_ns, last_ns)
    if not plateau:
        return None
    from_ns = flight.first_at_least(plateau)
    if from_ns is None or last_ns - from_ns < SHORTEST_SHARE * (last_ns - first_ns):
        return None
    middle_ns = (from_ns + last_ns) // 2
    before, after = flight.mean(from_ns, middle_ns), flight.mean(middle_ns, last_ns)
    if not before or after is None:
        return None
    return SteadyWindow(from_ns=from_ns, to_ns=last_ns, plateau=plateau, growth=after / before)
