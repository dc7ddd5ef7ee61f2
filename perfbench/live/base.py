"""Progress: what a run shows while it lasts.

A runner holds a `Progress`, tells it what was started, passes it the snapshots that arrive, and stops it. All of it
goes to stderr and runs in the parent process; the processes that measure never wait for it. To add a way of showing,
write a class with these methods and a line in `progress.open_progress`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from perfbench.live.snapshot import Snapshot

PROGRESS_FILE = "PERFBENCH_PROGRESS_FILE"
"""Environment variable: a file that progress is told to as well, for other processes (perfbench.live.progressfile)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """What is being run, in words and bounds."""

    target: str
    """URLs, as the user gave them."""
    model: str
    shape: str
    """The load in a few words: "closed loop, 64 parallel", "Poisson, 20 req/s"."""
    began_ns: int
    planned: int | None = None
    """Requests, if the run is bounded by number; with both bounds the first one reached ends it."""
    planned_arrivals: int | None = None
    """Instead of `planned`, where there are sessions among them: how many requests one takes is not known before."""
    duration_s: float | None = None
    grace_s: float = 0.0
    """After the duration: how long requests in flight may go on."""
    workers: int = 1
    open_loop: bool = False
    folder: str = ""
    """The run folder."""


class Progress(Protocol):
    def start(self, info: RunStart) -> None: ...

    def update(self, snapshots: Sequence[Snapshot], now_ns: int) -> None:
        """Take what arrived; may be called as often as it likes, and with nothing, to keep the time moving."""

    def note(self, text: str) -> None:
        """Something the user should read now: a worker died, the run is draining, Ctrl-C was heard."""

    def stop(self) -> None:
        """Leave the terminal as it was found. May be called twice, and without `start`."""
