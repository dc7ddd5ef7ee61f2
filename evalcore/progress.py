"""Progress: running figures of an evaluation. The run fills them in; a `Screen` (evalcore.live) shows them.

Scores so far are for watching: the report computes them again, with clusters and weights, from the reviews. Memory is
bounded whatever the length of the run. Nothing is measured and nothing is counted where nobody looks.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evalcore import statistics
from evalcore.types import Review
from perfbench.engine.request import Record

if TYPE_CHECKING:
    from perfbench.engine.scheduler import Scheduler
    from perfbench.live.snapshot import SnapshotMaker
    from perfbench.live.tally import Figures

PACE_POINTS = 60
PACE_EVERY_S = 0.5
"""Together: how far back the pace reaches that an ETA goes by (30 s)."""
COUNTING_SHARE = 0.2
"""Most of the loop's time that counting a data set may take while it is being asked already."""
COUNTING_STEP_S = 0.002
TESTED_LANE = "default"
"""The lane of the model under test."""


@dataclass(slots=True)
class Tally:
    """Running figures of one benchmark. Counts are of answers: samples times repeats."""

    planned: int | None = None
    """None until the data set has been counted."""
    asked: int = 0
    reused: int = 0
    """Answers that an earlier run had."""
    scored: int = 0
    unscored: int = 0
    judged: int = 0
    """Of the scored: by a model."""
    total_score: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    """Of the unscored, by kind."""
    _pace: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=PACE_POINTS))

    @property
    def done(self) -> int:
        return self.scored + self.unscored

    def count(self, review: Review) -> None:
        """A review is made, or was found."""
        if review.status == "scored":
            self.scored += 1
            self.judged += bool(review.verdicts)
            self.total_score += next(iter(review.scores.values())).value
        else:
            self.unscored += 1
            self.faults[review.fault] += 1

    def score(self) -> tuple[float, float | None, float | None] | None:
        """Mean so far, and Wilson's 95 % interval, which is wider than needed where answers score in parts. The ends
        are None when scores leave 0 to 1; None before anything is scored."""
        if not self.scored:
            return None
        mean = self.total_score / self.scored
        if not 0 <= mean <= 1:
            return mean, None, None
        return mean, *statistics.wilson(mean, self.scored)

    def mark(self, at_s: float) -> None:
        """Remember how far it is, once in a while."""
        if not self._pace or at_s - self._pace[-1][0] >= PACE_EVERY_S:
            self._pace.append((at_s, self.done))

    def per_s(self) -> float:
        """Answers reviewed a second, of late."""
        if len(self._pace) < 2:
            return 0.0
        (then_s, then), (now_s, now) = self._pace[0], self._pace[-1]
        return (now - then) / (now_s - then_s)

    def seconds_left(self) -> float | None:
        """At the pace of late; None while that cannot be told."""
        pace = self.per_s()
        return None if self.planned is None or pace <= 0 else max(self.planned - self.done, 0) / pace


class Screen(Protocol):
    """Where progress is shown."""

    def update(self, progress: Progress, figures: Figures) -> None:
        """Called four times a second, on the event loop: be brief."""


class Progress:
    """Running figures of the evaluation; a sink of the scheduler, too. Without a screen it only counts reviews."""

    def __init__(self, screen: Screen | None = None) -> None:
        self.tallies: dict[str, Tally] = {}
        self.all = Tally()
        """Over all benchmarks; its score means nothing."""
        self.slots = 0
        self.busy = 0
        """Slots whose item is being asked, retries and waits for limits included."""
        self.retries = 0
        self.judge_requests = 0
        self.screen = screen
        self.folder: Path | None = None
        """The run folder, once there is one."""
        self._requests: SnapshotMaker | None = None

    def add(self, record: Record) -> None:
        """A request is over. Requests to judges are counted apart: their latencies are another model's."""
        if self._requests is None:
            return
        self.retries += len(record.earlier)
        if record.lane == TESTED_LANE:
            self._requests.add(record)
        else:
            self.judge_requests += 1

    async def close(self) -> None:
        """Nothing to do; a sink has this method."""

    @asynccontextmanager
    async def watching(
        self, scheduler: Scheduler, slots: int, each_planned: Callable[[], Iterator[str]]
    ) -> AsyncIterator[None]:
        """Keep the screen up to date within the block. `each_planned` names the benchmark of every answer to come."""
        self.slots = slots
        if self.screen is None:
            yield
            return
        from perfbench.engine.probe import ClientProbe
        from perfbench.live.snapshot import Snapshot, SnapshotMaker, keep_telling
        from perfbench.live.tally import Tally as RequestTally

        self._requests = SnapshotMaker(0, open_loop=False)
        probe = ClientProbe(0, lambda sample: None, lambda: scheduler.in_flight)
        screen, seen = self.screen, RequestTally(time.perf_counter_ns())

        def show(snapshot: Snapshot) -> None:
            seen.add([snapshot], snapshot.at_ns)
            self.sum_up(snapshot.at_ns / 1e9)
            screen.update(self, seen.figures(snapshot.at_ns))

        watch = asyncio.create_task(keep_telling(show, self._requests, scheduler, probe))
        others = [asyncio.create_task(probe.run()), asyncio.create_task(self._count_planned(each_planned()))]
        try:
            yield
        finally:
            for task in (watch, *others):
                task.cancel()
            ends = await asyncio.gather(watch, *others, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception):
                    raise end

    def sum_up(self, now_s: float) -> None:
        """Bring `all` up to date, and remember how far everything is."""
        tallies = self.tallies.values()
        planned = [tally.planned for tally in tallies]
        whole = self.all
        whole.planned = None if None in planned else sum(count for count in planned if count is not None)
        for name in ("asked", "reused", "scored", "unscored", "judged"):
            setattr(whole, name, sum(getattr(tally, name) for tally in tallies))
        whole.faults = sum((tally.faults for tally in tallies), Counter())
        for tally in (whole, *tallies):
            tally.mark(now_s)

    async def _count_planned(self, names: Iterator[str]) -> None:
        """Count what is to come beside the run, a little at a time."""
        counted: Counter[str] = Counter(dict.fromkeys(self.tallies, 0))
        began_s = time.perf_counter()
        for name in names:
            counted[name] += 1
            took_s = time.perf_counter() - began_s
            if took_s > COUNTING_STEP_S:
                await asyncio.sleep(took_s * (1 / COUNTING_SHARE - 1))
                began_s = time.perf_counter()
        for name, count in counted.items():
            self.tallies[name].planned = count
