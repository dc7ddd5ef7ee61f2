"""Progress file: how a run goes, for whoever looks on from another process: a JSON object a line, appended.

The environment variable PERFBENCH_PROGRESS_FILE names the file, for `perfbench run` and `sweep` and for `evalcore run`
alike; whatever else is shown is shown as ever. A file, because a pipe whose reader is slow would hold up the run, and
because what was told survives the reader. Lines of a load test are `{"event": ...}`:

    start    target, model, shape, folder, planned, duration_s, ...: of RunStart; a series of runs has one for each
    figures  of Tally: counters, rates, percentiles (ms) of late and of the whole run, errors, the client's state,
             fraction and left_s, and `histograms` of the whole run: {latency: {counts, sum_ms}}, counts per bucket
             of BOUNDS_MS and one for what lies above
    note     text: something to read now
    stop     the run is over; its results are being computed

Every line has `at`, seconds since 1970. Figures come every second, and later less often, so that a day fits 20 MB.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from perfbench.live.base import Progress, RunStart
from perfbench.live.plain import fraction_done, seconds_left
from perfbench.live.snapshot import Snapshot, unpack
from perfbench.live.tally import Figures, Tally

OFTEN_S, SELDOM_S = 1.0, 5.0
SELDOM_AFTER = 300
"""A file of figures has about so many lines before they come less often."""
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000)
COUNTED = ("ttft", "itl", "tpot", "e2e")
LEFT_OUT = ("now_ns", "history", "finished_per_s")
"""Of Figures: what whoever reads all lines has, or has no use for."""


class Lines:
    """Appends events to a file; each is in the kernel's hands at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, event: str, values: dict[str, Any]) -> None:
        line = msgspec.json.encode({"event": event, "at": time.time(), **values}) + b"\n"
        # Showing must never cost the run: where the disk is full, the run's own writing will say so.
        with suppress(OSError), self._path.open("ab", buffering=0) as file:
            file.write(line)


def pause_s(elapsed_s: float) -> float:
    """Until the next line, so long after the start."""
    return min(SELDOM_S, max(OFTEN_S, elapsed_s / SELDOM_AFTER))


class _Histogram:
    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self._sum_ms = 0.0

    def add(self, durations_ns: Sequence[int]) -> None:
        for duration_ns in durations_ns:
            ms = duration_ns / 1e6
            self._counts[bisect_left(BOUNDS_MS, ms)] += 1
            self._sum_ms += ms

    def plain(self) -> dict[str, Any]:
        return {"counts": self._counts, "sum_ms": round(self._sum_ms, 3)}


class ProgressFile:
    """A `Progress` that writes lines."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._tally: Tally | None = None
        self._info: RunStart | None = None
        self._next_ns = 0
        self._histograms = {name: _Histogram() for name in COUNTED}

    def start(self, info: RunStart) -> None:
        self._info, self._tally = info, Tally(info.began_ns)
        self._next_ns = info.began_ns
        told = {name: value for name, value in msgspec.to_builtins(info).items() if name != "began_ns"}
        self._lines.add("start", told)

    def update(self, snapshots: Sequence[Snapshot], now_ns: int) -> None:
        if self._tally is None or self._info is None:
            return
        self._tally.add(snapshots, now_ns)
        for snapshot in snapshots:
            for name, histogram in self._histograms.items():
                histogram.add(unpack(getattr(snapshot, f"{name}_ns")))
        if now_ns >= self._next_ns:
            figures = self._tally.figures(now_ns)
            self._next_ns = now_ns + round(pause_s(figures.elapsed_s) * 1e9)
            self._tell(figures)

    def _tell(self, figures: Figures) -> None:
        assert self._info is not None
        plain = {name: value for name, value in msgspec.to_builtins(figures).items() if name not in LEFT_OUT}
        self._lines.add("figures", plain | {
            "done": figures.over, "planned": self._info.planned, "left_s": seconds_left(self._info, figures),
            "fraction": fraction_done(self._info, figures),
            "histograms": {name: histogram.plain() for name, histogram in self._histograms.items()},
        })  # fmt: skip

    def note(self, text: str) -> None:
        self._lines.add("note", {"text": text})

    def stop(self) -> None:
        if self._tally is not None:
            self._tell(self._tally.figures(time.perf_counter_ns()))
            self._lines.add("stop", {})
            self._tally = None


class Both:
    """A `Progress` that hands everything to two."""

    def __init__(self, first: Progress, second: Progress) -> None:
        self._both = first, second

    def start(self, info: RunStart) -> None:
        for one in self._both:
            one.start(info)

    def update(self, snapshots: Sequence[Snapshot], now_ns: int) -> None:
        for one in self._both:
            one.update(snapshots, now_ns)

    def note(self, text: str) -> None:
        for one in self._both:
            one.note(text)

    def stop(self) -> None:
        for one in self._both:
            one.stop()
