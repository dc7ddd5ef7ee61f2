"""Backlog: whether an endpoint kept up with the arrivals of an open loop.

The backlog is what was due and is not over yet, whoever holds it back: the server's queue, a cap on requests in flight,
a late client. An endpoint that keeps up has a level one; on one that does not, the backlog grows for as long as the
arrivals last, and latencies with it: then they say how long the run was, not how fast the endpoint is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from perfbench.metrics.columns import Columns
from perfbench.metrics.concurrency import steps

LEAST_SHARE = 0.05
"""Of the arrivals: an endpoint that is over with fewer than 95 in 100 of them as they come does not keep up."""
CHANCE = 4.0
"""Standard deviations of the difference of two levels, were each a Poisson count: less than that is chance."""
LATE_SHARE = 1 / 3
"""Of the growth, at the least, in the window's second half: what merely fills up to a level grows early."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Within a window of a run in open loop."""

    arrived_per_s: float
    over_per_s: float
    """Replies, failures and cancellations alike."""
    at_start: int
    at_end: int
    growing: bool


def backlog(columns: Columns, from_ns: int, to_ns: int) -> Backlog | None:
    """The backlog between two instants of the arrivals; None for a window of no length or without an arrival."""
    if to_ns <= from_ns:
        return None
    arrived = int(((columns.intended_ns > from_ns) & (columns.intended_ns <= to_ns)).sum())
    if not arrived:
        return None
    over = int(((columns.finished_ns > from_ns) & (columns.finished_ns <= to_ns)).sum())
    due = steps(columns.intended_ns, columns.finished_ns)
    first, middle, last = (round(due.at(instant)) for instant in (from_ns, (from_ns + to_ns) // 2, to_ns))
    growth = last - first
    length_s = (to_ns - from_ns) / 1e9
    return Backlog(
        arrived_per_s=arrived / length_s,
        over_per_s=over / length_s,
        at_start=first,
        at_end=last,
        growing=growth > max(LEAST_SHARE * arrived, CHANCE * math.sqrt(first + last))
        and last - middle >= LATE_SHARE * growth,
    )
