"""Run: samples -> requests -> predictions -> reviews -> reports.

All data sets, subsets and repeats of a task feed one stream of items; `eval_batch_size` slots take from it and know no
barrier between data sets. A slot only asks; scoring goes on beside it: pure scorers on the loop, slow ones in helper
processes, judges in a lane of their own. Each sample is written down when it is over (evalcore.outputs), so that a run
can be killed at any instant and gone on with; what was answered is known by the content of its request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path

import msgspec
import orjson
import yaml

from evalcore.asking import Asker, items, open_askers
from evalcore.backlog import Backlog
from evalcore.conclude import EvalResult, conclude
from evalcore.endpoint import lane_of
from evalcore.likelihood.choose import probe_lane
from evalcore.mock import simulator
from evalcore.outputs import Appender, EvalFolder, LineIndex
from evalcore.plan import Item, Plan, plan_of, samples_of
from evalcore.progress import Progress, Tally
from evalcore.reviewing import Reviewer, open_reviewer
from evalcore.task import TaskConfig
from evalcore.types import Prediction, Review
from perfbench.engine.errors import PerfbenchError
from perfbench.engine.request import Record
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.sinks.base import Sink
from perfbench.engine.sinks.jsonl import JsonlSink

log = logging.getLogger("evalcore")


def run_task(task: TaskConfig, progress: Progress | None = None) -> EvalResult:
    """Carry a task out. Raises TaskError and DataError before any request is sent."""
    import uvloop

    task.check_secrets()
    with ExitStack() as cleanup:
        plans = [plan_of(task, name) for name in task.datasets]
        url = task.api_url
        if url is None:
            samples = (sample for plan in plans for subset in plan.subsets for sample in samples_of(task, plan, subset))
            url = cleanup.enter_context(simulator(samples, task.mock)).url
        folder = _folder(task)
        cleanup.enter_context(_logging(folder, debug=task.debug))
        return uvloop.run(_Evaluation(task, plans, url, folder, progress or Progress()).run())


class _Evaluation:
    """One run of a task against one endpoint."""

    def __init__(self, task: TaskConfig, plans: list[Plan], url: str, folder: EvalFolder, progress: Progress) -> None:
        self._task, self._plans, self._url, self._folder, self._progress = task, plans, url, folder, progress
        self._askers: dict[str, Asker] = {}
        self._appender = Appender()
        warnings: list[str] = []
        answered = folder.prediction_files()
        self._answers = LineIndex(answered, Prediction, lambda one: not one.fault, warnings)
        reviewed = [] if task.rerun_review else folder.review_files()
        self._reviews = LineIndex(reviewed, Review, lambda one: one.status == "scored", warnings)
        for warning in warnings:
            log.warning(warning)
        self._planned: dict[str, dict[str, int]] = {plan.name: {} for plan in plans}
        self._requests = 0
        self._backlog = Backlog()
        for plan in plans:
            progress.tallies[plan.name] = Tally()

    async def run(self) -> EvalResult:
        reviewer = await open_reviewer(self._task, self._plans)
        lanes = {"default": lane_of(self._task, self._url), **probe_lane(self._task, self._plans, self._url)}
        if any(reviewer.is_judged(plan.benchmark) for plan in self._plans):
            lanes |= reviewer.judge_lanes()
        sinks: list[Sink] = [_WithoutTexts(JsonlSink(self._folder.requests())), self._progress]
        scheduler = Scheduler(lanes, sinks, seed=self._task.seed)
        items = self._items()
        began_s = time.perf_counter()
        try:
            watching = self._progress.watching(scheduler, self._task.eval_batch_size, self._each_planned)
            async with scheduler, watching, asyncio.TaskGroup() as reviews, asyncio.TaskGroup() as slots:
                self._askers = await open_askers(self._task, self._plans, self._folder.path, scheduler)
                for _ in range(self._task.eval_batch_size):
                    slots.create_task(self._slot(items, scheduler, reviewer, reviews))
        except BaseExceptionGroup as group:
            known, bugs = group.split(PerfbenchError)
            if bugs is None and known is not None:
                raise _first(known) from None
            raise
        finally:
            reviewer.close()
            for open_files in (self._appender, self._answers, self._reviews):
                open_files.close()
        self._folder.plan().write_bytes(orjson.dumps(self._planned))
        return conclude(self._task, self._folder, self._plans, self._requests, time.perf_counter() - began_s)

    async def _slot(
        self, items: Iterator[Item], scheduler: Scheduler, reviewer: Reviewer, reviews: asyncio.TaskGroup
    ) -> None:
        """Ask one item after the other; scoring is somebody else's."""
        for item in items:
            key, tally = item.key, self._progress.tallies[item.plan.name]
            prediction = self._answers.get(key)
            if prediction is None:
                prediction = await self._ask(item, scheduler)
                self._requests += prediction.requests
                tally.asked += 1
            else:
                tally.reused += 1
                review = self._reviews.get(key)
                if review is not None and reviewer.still_holds(review, item.plan.benchmark):
                    tally.count(review)
                    await asyncio.sleep(0)  # a long cache is no reason to stop looking at the terminal
                    continue
            size = len(item.body) + len(prediction.text) + len(prediction.reasoning)
            await self._backlog.take(size)
            reviews.create_task(self._review(item.plan, prediction, size, scheduler, reviewer))

    async def _ask(self, item: Item, scheduler: Scheduler) -> Prediction:
        self._progress.busy += 1
        try:
            prediction = await self._askers[item.plan.name].ask(item, scheduler)
        finally:
            self._progress.busy -= 1
        self._appender.add(self._folder.predictions(item.plan.name, item.sample.subset), prediction)
        return prediction

    async def _review(
        self, plan: Plan, prediction: Prediction, size: int, scheduler: Scheduler, reviewer: Reviewer
    ) -> None:
        try:
            review = await reviewer.review(prediction, plan.benchmark, scheduler)
            self._appender.add(self._folder.reviews(plan.name, prediction.sample.subset), review)
            self._progress.tallies[plan.name].count(review)
        finally:
            self._backlog.give_back(size)

    def _items(self) -> Iterator[Item]:
        for plan in self._plans:
            planned = self._planned[plan.name]
            for item in items(self._task, plan, self._askers[plan.name]):
                planned[item.sample.subset] = planned.get(item.sample.subset, 0) + 1
                yield item

    def _each_planned(self) -> Iterator[str]:
        """The benchmark of every answer that there is to be; the data is read for it once more."""
        for plan in self._plans:
            for subset in plan.subsets:
                for _ in samples_of(self._task, plan, subset):
                    yield from repeat(plan.name, self._task.repeats)


@contextmanager
def _logging(folder: EvalFolder, *, debug: bool) -> Iterator[None]:
    """Everything that evalcore says goes to the folder's log; secrets are never said."""
    folder.log().parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder.log(), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


class _WithoutTexts:
    """A sink that leaves texts to the predictions."""

    def __init__(self, sink: JsonlSink) -> None:
        self._sink = sink

    def add(self, record: Record) -> None:
        self._sink.add(msgspec.structs.replace(record, prompt=None, text=None, reasoning=None, tool_calls=None))

    async def close(self) -> None:
        await self._sink.close()


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _folder(task: TaskConfig) -> EvalFolder:
    if task.use_cache is not None:
        folder = EvalFolder.opened(Path(task.use_cache), task.name_of_model)
    else:
        folder = EvalFolder.new(task.work_dir, task.name_of_model)
    config = folder.config(task.fingerprint())
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(task.dump(), sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder
