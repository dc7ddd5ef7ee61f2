"""Concurrency: how many requests were in flight, exactly, as a function of time.

A request is in flight from the start of its first attempt to its last byte, pauses between attempts included. The level
is a step function of those instants; nothing is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfbench.metrics.columns import Columns, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A step function of time: `level[i]` holds from `at_ns[i]` (included) to `at_ns[i + 1]`; 0 before the first."""

    at_ns: IntArray
    level: FloatArray

    def maximum(self) -> float:
        return float(self.level.max(initial=0.0))

    def area(self, at_ns: IntArray | FloatArray) -> FloatArray:
        """Level x seconds from the beginning of time to each instant; shape of `at_ns`."""
        if self.at_ns.size == 0:
            return np.zeros(np.shape(at_ns))
        widths_s = np.diff(self.at_ns) / 1e9
        at_steps = np.concatenate(([0.0], np.cumsum(self.level[:-1] * widths_s)))
        place = np.searchsorted(self.at_ns, at_ns, side="right") - 1
        inside = np.maximum(place, 0)
        beyond_s = (np.asarray(at_ns) - self.at_ns[inside]) / 1e9
        area: FloatArray = np.where(place < 0, 0.0, at_steps[inside] + self.level[inside] * beyond_s)
        return area

    def mean(self, from_ns: int, to_ns: int) -> float | None:
        """Mean over time; None for a window of no length."""
        if to_ns <= from_ns:
            return None
        low, high = self.area(np.array([from_ns, to_ns], np.int64))
        return float((high - low) / ((to_ns - from_ns) / 1e9))

    def binned_means(self, edges_ns: IntArray) -> FloatArray:
        """Mean over time of each bin: edges of shape (m + 1,), ascending without repeats, give means of shape (m,)."""
        means: FloatArray = np.diff(self.area(edges_ns)) / (np.diff(edges_ns) / 1e9)
        return means

    def median(self, from_ns: int, to_ns: int) -> float | None:
        """The level at or below which it stays half of the time; None for a window of no length."""
        if to_ns <= from_ns or self.at_ns.size == 0:
            return None
        inside = (self.at_ns > from_ns) & (self.at_ns < to_ns)
        edges = np.concatenate(([from_ns], self.at_ns[inside], [to_ns]))
        levels = np.concatenate(([self.at(from_ns)], self.level[inside]))
        order = np.argsort(levels, kind="stable")
        reached = np.cumsum(np.diff(edges)[order])
        return float(levels[order][np.searchsorted(reached, reached[-1] / 2)])

    def at(self, instant_ns: int) -> float:
        place = int(np.searchsorted(self.at_ns, instant_ns, side="right")) - 1
        return float(self.level[place]) if place >= 0 else 0.0

    def first_at_least(self, level: float) -> int | None:
        """The first instant at which the level is that high; None if it never is."""
        high = np.flatnonzero(self.level >= level)
        return int(self.at_ns[high[0]]) if high.size else None


def steps(start_ns: IntArray, end_ns: IntArray, weight: FloatArray | None = None) -> Steps:
    """How many of the intervals [start, end) are open at each instant, or the sum of their weights. Shapes (n,).

    What ends and what starts at the same instant do not overlap: a closed loop's slot is never counted twice.
    """
    weights = np.ones(start_ns.size) if weight is None else weight
    instants = np.concatenate((start_ns, end_ns))
    order = np.argsort(instants, kind="stable")
    instants = instants[order]
    level = np.cumsum(np.concatenate((weights, -weights))[order])
    if instants.size == 0:
        return Steps(instants, level)
    last_of_instant = np.append(np.diff(instants) > 0, True)
    return Steps(instants[last_of_instant], level[last_of_instant])


def in_flight(columns: Columns) -> Steps:
    """Requests in flight over time, of everything that was sent."""
    sent = columns.sent
    return steps(columns.first_started_ns[sent], columns.finished_ns[sent])


def littles_law_residual(flight: Steps, columns: Columns, from_ns: int, to_ns: int) -> float | None:
    """(L - lambda W) / L in a window: 0 when it is in balance, positive while more flows in than out.

    L is the mean number in flight, lambda the rate at which requests started in the window, W how long those took (J.
    D. C. Little, A Proof for the Queuing Formula L = lambda W, Operations Research 9, 1961). Far from 0 the window is
    no steady state, and its figures depend on where it was cut. None when nothing started in it.
    """
    mean = flight.mean(from_ns, to_ns)
    started = columns.sent & (columns.first_started_ns >= from_ns) & (columns.first_started_ns < to_ns)
    if not mean or not started.any():
        return None
    took_s = (columns.finished_ns[started] - columns.first_started_ns[started]).sum(dtype=np.float64) / 1e9
    return float((mean - took_s / ((to_ns - from_ns) / 1e9)) / mean)
