"""Live: how an evaluation goes: on a terminal a dashboard, elsewhere a plain line now and then, with --quiet nothing.

All of it goes to stderr. To add a way of showing, write an `evalcore.progress.Screen` and choose it here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from evalcore.progress import Progress, Tally
from evalcore.task import TaskConfig
from perfbench.live.base import PROGRESS_FILE
from perfbench.live.tally import Figures
from perfbench.report.text import grouped, harmless, number, span

PLAIN_EVERY_S = 5.0


@contextmanager
def open_progress(task: TaskConfig, quiet: bool, stream: TextIO) -> Iterator[Progress]:
    """The progress to hand to a run. Leaves the terminal as it was found."""
    file = os.environ.get(PROGRESS_FILE)
    if file:  # for whoever looks on from another process, beside plain lines
        from evalcore.progressfile import FileScreen

        with FileScreen(Path(file), None if quiet else PlainLines(stream)) as screen:
            yield Progress(screen)
        return
    if quiet:
        yield Progress()
        return
    if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown"):
        from evalcore.dashboard import Dashboard

        with Dashboard(headline(task), stream) as dashboard:
            yield Progress(dashboard)
        return
    lines = PlainLines(stream)
    yield Progress(lines)
    lines.close()


def headline(task: TaskConfig) -> str:
    """What is evaluated, and where."""
    where = "the built-in simulator" if task.api_url is None else harmless(task.api_url)
    return f"{harmless(task.name_of_model)} at {where}"


class PlainLines:
    """A line every five seconds, and one at the end; no colours."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said_ns: int | None = None
        self._last: tuple[Progress, Figures] | None = None

    def update(self, progress: Progress, figures: Figures) -> None:
        self._last = progress, figures
        if self._said_ns is None:
            self._said_ns = figures.now_ns
        if figures.now_ns - self._said_ns >= PLAIN_EVERY_S * 1e9:
            self._said_ns = figures.now_ns
            print(line(progress, figures), file=self._stream, flush=True)

    def close(self) -> None:
        if self._last is not None:
            print(line(*self._last), file=self._stream, flush=True)


def line(progress: Progress, figures: Figures) -> str:
    """Everything in one line: how far, each benchmark, how fast, what failed, what the client thinks of itself."""
    left_s = progress.all.seconds_left()
    parts = [span(figures.elapsed_s) + (f" ETA {span(left_s)}" if left_s else "")]
    parts += [_benchmark(name, tally) for name, tally in progress.tallies.items()]
    parts.append(f"{number(figures.rates_recent.requests_per_s)} req/s {busy(progress)} slots")
    if progress.retries:
        parts.append(f"{grouped(progress.retries)} retries")
    if figures.client.verdict != "ok":
        parts.append(f"client {figures.client.verdict}")
    return " | ".join(parts)


def _benchmark(name: str, tally: Tally) -> str:
    unscored = f", {grouped(tally.unscored)} unscored ({kinds(tally.faults)})" if tally.unscored else ""
    return f"{name} {counts(tally)} {score(tally)}{unscored}"


def busy(progress: Progress) -> str:
    return f"{grouped(progress.busy)}/{grouped(progress.slots)}"


def counts(tally: Tally) -> str:
    """Done of planned; what is not counted yet is left open."""
    return f"{grouped(tally.done)}/{'?' if tally.planned is None else grouped(tally.planned)}"


def score(tally: Tally) -> str:
    """Mean so far with its interval: "0.801 [0.766, 0.832]"."""
    found = tally.score()
    if found is None:
        return "-"
    mean, low, high = found
    return f"{mean:.3f}" if low is None or high is None else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def kinds(faults: Counter[str], most: int = 3) -> str:
    """The commonest first: "http_503 10, reset 2"."""
    more = f", {len(faults) - most} more kinds" if len(faults) > most else ""
    return ", ".join(f"{harmless(kind, 40)} {grouped(count)}" for kind, count in faults.most_common(most)) + more
