"""Live: how an evaluation goes, on a terminal as a few live lines, elsewhere as a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from evalcore.progress import Progress, Tally
from evalcore.task import TaskConfig

PLAIN_EVERY_S = 5.0
LIVE_EVERY_S = 0.25


@contextmanager
def open_progress(task: TaskConfig, quiet: bool, stream: TextIO) -> Iterator[Progress]:
    """The progress to hand to a run. Leaves the terminal as it was found."""
    progress = Progress()
    if quiet:
        yield progress
        return
    if stream.isatty():
        yield from _live(progress, stream)
        return
    last_s = time.monotonic()

    def say() -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= PLAIN_EVERY_S:
            last_s = time.monotonic()
            print(line(progress), file=stream, flush=True)

    progress.changed = say
    yield progress
    print(line(progress), file=stream, flush=True)


def _live(progress: Progress, stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    def table() -> Table:
        shown = Table(box=None, pad_edge=False)
        for column in ("benchmark", "answered", "from cache", "score so far", "unscored"):
            shown.add_column(column, justify="left" if column == "benchmark" else "right")
        for name, t in progress.tallies.items():
            shown.add_row(name, f"{t.asked}", f"{t.reused}", score(t), f"{t.unscored}")
        return shown

    with Live(console=Console(file=stream), refresh_per_second=4, transient=True, get_renderable=table):
        yield progress


def line(progress: Progress) -> str:
    """All benchmarks in one line."""
    return " | ".join(
        f"{name}: {t.asked + t.reused} done, {score(t)}" + (f", {t.unscored} unscored" if t.unscored else "")
        for name, t in progress.tallies.items()
    )


def score(tally: Tally) -> str:
    return f"{tally.total_score / tally.scored:.3f}" if tally.scored else "-"
