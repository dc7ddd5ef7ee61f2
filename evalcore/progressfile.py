"""Progress file of an evaluation: the lines of perfbench.live.progressfile, with what an evaluation has to tell.

figures  folder, elapsed_s, left_s, done, planned, fraction, slots, busy, retries, judge_requests, the counters,
         rates and percentiles of requests, the client's state, and `benchmarks`: {name: {planned, asked, reused,
         scored, unscored, judged, score: [mean, low, high] or null, faults}}
stop     the run is over
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from evalcore.live import PlainLines
from evalcore.progress import Progress, Tally
from perfbench.live.progressfile import Lines, pause_s
from perfbench.live.tally import Figures

REQUESTS = (
    "elapsed_s", "ok", "failed", "in_flight", "waiting", "output_tokens", "errors", "rates_recent", "rates_run",
    "recent", "run", "client",
)  # fmt: skip


class FileScreen:
    """A `Screen` that writes lines, and shows them to another."""

    def __init__(self, path: Path, shown: PlainLines | None) -> None:
        self._lines, self._shown = Lines(path), shown
        self._next_ns = 0
        self._last: tuple[Progress, Figures] | None = None

    def __enter__(self) -> FileScreen:
        return self

    def update(self, progress: Progress, figures: Figures) -> None:
        self._last = progress, figures
        if self._shown is not None:
            self._shown.update(progress, figures)
        if figures.now_ns >= self._next_ns:
            self._next_ns = figures.now_ns + round(pause_s(figures.elapsed_s) * 1e9)
            self._lines.add("figures", plain(progress, figures))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.close()
        if self._last is not None:
            self._lines.add("figures", plain(*self._last))
            self._lines.add("stop", {})


def plain(progress: Progress, figures: Figures) -> dict[str, Any]:
    """The figures of one instant."""
    requests = msgspec.to_builtins(figures)
    done, planned = progress.all.done, progress.all.planned
    return {name: requests[name] for name in REQUESTS} | {
        "folder": None if progress.folder is None else str(progress.folder.absolute()),
        "done": done, "planned": planned, "fraction": min(done / planned, 1.0) if planned else None,
        "left_s": progress.all.seconds_left(), "slots": progress.slots, "busy": progress.busy,
        "retries": progress.retries, "judge_requests": progress.judge_requests,
        "benchmarks": {name: _benchmark(tally) for name, tally in progress.tallies.items()},
    }  # fmt: skip


def _benchmark(tally: Tally) -> dict[str, Any]:
    counts = ("planned", "asked", "reused", "scored", "unscored", "judged")
    return {name: getattr(tally, name) for name in counts} | {"score": tally.score(), "faults": dict(tally.faults)}
