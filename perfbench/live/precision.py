"""Precision: ends a run once an interval is narrow enough (`until`).

Looking often and stopping at the first narrow interval would favour samples that happen to look calm. So it looks at
numbers of requests that are fixed beforehand and grow by half each time, a handful in all, never before there are twice
as many values as the percentile needs; simulated, the interval at the end still covers the truth in 94 of 100 runs
(tests/live/test_precision.py). The interval is the one of the summary: aware of requests that hang together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from perfbench.live.base import RunStart
from perfbench.live.snapshot import Snapshot
from perfbench.metrics.percentile import SHARES, minimum_count, spread
from perfbench.metrics.slo import resolve
from perfbench.metrics.until import Until

GROWTH = 1.5
FEWEST = 60


class PrecisionWatch:
    """A watcher of a run, for `perfbench.run.run_scenario`."""

    def __init__(self, until: Until) -> None:
        self._until = until
        self._name = until.metric
        self._pieces: list[npt.NDArray[np.float64]] = []
        self._count = self._looks = 0
        share = SHARES.get(until.key)
        self._next = FEWEST if share is None else max(FEWEST, 2 * minimum_count(share))

    def start(self, info: RunStart) -> None:
        self._name = resolve(self._until.metric, open_loop=info.open_loop)

    def watch(self, snapshots: Sequence[Snapshot], now_ns: int) -> str | None:
        for snapshot in snapshots:
            durations_ns = np.frombuffer(getattr(snapshot, f"{self._name}_ns"), np.int64)
            if durations_ns.size:
                self._pieces.append(durations_ns / 1e6)
                self._count += durations_ns.size
        if self._count < self._next:
            return None
        self._looks += 1
        self._next = math.ceil(self._next * GROWTH)
        if self._count >= self._next:  # several looks fell between two snapshots: the numbers stay those of the series
            self._next = math.ceil(self._count * GROWTH)
        return self._look()

    def _look(self) -> str | None:
        values = np.concatenate(self._pieces)
        self._pieces = [values]
        found = spread(values)
        assert found is not None, "there are as many as were waited for"
        value = found.mean if self._until.key == "mean" else found.percentiles.get(self._until.key)
        interval = found.intervals.get(self._until.key)
        if value is None or interval is None:
            return None
        reach = (interval[1] - interval[0]) / 2
        if reach > self._until.reach(value):
            return None
        return (
            f"{self._until.text} is reached: {value:.4g} ms, known within {reach:.3g} ms, after {values.size} requests "
            f"(look {self._looks}, at numbers fixed beforehand)"
        )
