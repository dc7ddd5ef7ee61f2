"""Evaluation: one run at work. Slots take from one stream of items, ask, and leave the scoring to others.

All data sets, subsets and repeats of a task feed that stream, and there is no barrier between them. Scoring goes on
beside it: pure scorers on the loop, slow ones in helper processes, judges in lanes of their own. Each sample is written
down when it is over (evalcore.outputs), so that a run can be killed at any instant and gone on with; what was answered
is known by the content of its request. A run that is told to end (evalcore.ending) asks no more; what was in flight is
kept if it is whole.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat

import msgspec
import orjson

from evalcore.asking import Asker, items, open_askers
from evalcore.backlog import Backlog
from evalcore.cache import ResponseCache, open_cache, relabelled
from evalcore.course import INTERRUPTED, Course, write_course
from evalcore.ending import GRACE_S, Ending, budget_of, counter_of, prices_of
from evalcore.endpoint import endpoint_of, lane_of
from evalcore.judge.model import judge_models
from evalcore.leftout import LeftOut
from evalcore.likelihood.choose import probe_lane
from evalcore.order import ends_early, in_turn, longest_first, plans_in_order
from evalcore.outputs import Appender, EvalFolder, LineIndex
from evalcore.plan import Item, Plan, content_of, samples_of
from evalcore.progress import Progress, Tally
from evalcore.reach import FirstAnswers, goes_directly, knock
from evalcore.reviewing import Reviewer, open_reviewer
from evalcore.task import TaskConfig
from evalcore.task.values import seconds_until
from evalcore.types import Prediction, Review, Sample
from perfbench.engine.errors import PerfbenchError
from perfbench.engine.request import Record
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.sinks.base import Sink
from perfbench.engine.sinks.jsonl import JsonlSink

log = logging.getLogger("evalcore")
_encode = msgspec.json.Encoder(order="deterministic").encode
NOT_ASKED = frozenset({"unsent", "cancelled"})
"""Faults of requests that the end of the run kept back or cut off: they say nothing about the sample."""
SPARE_SLOTS, SPARE_SHARE = 4, 0.25
"""Beyond the concurrency that is found, so that retries that wait their time keep no place empty."""


class Evaluation:
    """One run of a task against one endpoint."""

    def __init__(self, task: TaskConfig, plans: list[Plan], url: str, folder: EvalFolder, progress: Progress) -> None:
        self._task, self._plans, self._url, self._folder, self._progress = task, plans, url, folder, progress
        self._askers: dict[str, Asker] = {}
        self._appender = Appender()
        warnings: list[str] = []
        answered = folder.prediction_files()
        self._answers = LineIndex(answered, Prediction, lambda one: not one.fault, warnings, also=content_of)
        reviewed = [] if task.rerun_review else folder.review_files()
        self._reviews = LineIndex(reviewed, Review, lambda one: one.status == "scored", warnings)
        for warning in warnings:
            log.warning(warning)
        self._cache: ResponseCache | None = None
        self._planned: dict[str, dict[str, int]] = {plan.name: {} for plan in plans}
        self._left_out = LeftOut(folder)
        self._first_answers = FirstAnswers()
        self._knocking: asyncio.Task[None] | None = None
        self._doors: list[str] = [url] if goes_directly(task.client) else []
        self._counts: Counter[str] = Counter()
        self._backlog = Backlog()
        self._slots = 0
        self._ending = Ending(budget_of(task), prices_of(task), counter_of(task), self._ask_no_more)
        self._scheduler: Scheduler | None = None
        for plan in plans:
            progress.tallies[plan.name] = Tally()

    def interrupt(self) -> None:
        """End as soon as may be; called on the loop."""
        self._ending.stop(INTERRUPTED)
        if self._scheduler is not None:
            self._scheduler.stop(INTERRUPTED)

    async def run(self) -> Course:
        """Ask and score until everything is, or the run is told to end."""
        task = self._task
        reviewer = await open_reviewer(task, self._plans)
        lanes = {"default": lane_of(task, self._url), **probe_lane(task, self._plans, self._url)}
        if any(reviewer.is_judged(plan.benchmark) for plan in self._plans):
            lanes |= reviewer.judge_lanes()
            self._doors += [judge.address for judge in judge_models(task) if goes_directly(judge.client)]
        sinks: list[Sink] = [_WithoutTexts(JsonlSink(self._folder.requests())), self._progress, self._ending]
        scheduler = self._scheduler = Scheduler(lanes, sinks, seed=task.seed)
        began_s = time.perf_counter()
        with ExitStack() as cleanup:
            for open_one in (reviewer, self._appender, self._answers, self._reviews):
                cleanup.callback(open_one.close)
            self._cache = open_cache(task, endpoint_of(task, self._url).urls[0])
            if self._cache is not None:
                cleanup.callback(self._cache.close)
            try:
                watching = self._progress.watching(scheduler, self._slots_wanted(), self._each_planned)
                async with scheduler, watching, asyncio.TaskGroup() as reviews, asyncio.TaskGroup() as slots:
                    if self._ending.is_over:  # an interrupt that came before there was anything to stop
                        scheduler.stop(self._ending.reason)
                    self._watch_the_time()
                    self._askers = await open_askers(task, self._plans, self._folder.path, scheduler)
                    self._work(self._items(reviewer), reviewer, reviews, slots)
            except BaseExceptionGroup as group:
                known, bugs = group.split((PerfbenchError, OSError))  # a disk that is full, a folder that is not ours
                if bugs is None and known is not None:
                    raise _first(known) from None
                raise
        self._leave_out()
        if self._ending.is_over:
            self._count_the_rest()
        self._folder.plan().write_bytes(orjson.dumps(self._planned))
        course = self._course(scheduler, time.perf_counter() - began_s)
        write_course(self._folder.course(), course)
        return course

    # -- slots -------------------------------------------------------------------------------------------------------

    def _slots_wanted(self) -> int:
        search = None if self._scheduler is None else self._scheduler.search()
        if search is None:
            return int(self._task.eval_batch_size)
        return search.limit + SPARE_SLOTS + int(SPARE_SHARE * search.limit)

    def _work(
        self, items: Iterator[Item], reviewer: Reviewer, reviews: asyncio.TaskGroup, slots: asyncio.TaskGroup
    ) -> None:
        """Let as many slots work as there should be now. They never get fewer: who is too many waits at the gate."""
        while self._slots < self._slots_wanted():
            self._slots += 1
            self._progress.slots = self._slots
            slots.create_task(self._slot(items, reviewer, reviews, slots))

    async def _slot(
        self, items: Iterator[Item], reviewer: Reviewer, reviews: asyncio.TaskGroup, slots: asyncio.TaskGroup
    ) -> None:
        """Ask one item after the other; scoring is somebody else's."""
        while not self._ending.is_over and (item := next(items, None)) is not None:
            tally = self._progress.tallies[item.plan.name]
            known = self._known(item)
            if known is None:
                if not self._ending.begin():
                    return
                try:
                    prediction = await self._ask(item)
                finally:
                    self._ending.end()
                self._work(items, reviewer, reviews, slots)
                if prediction is None:
                    continue
                tally.asked += 1
            else:
                prediction = known.prediction
                tally.reused += 1
                review = self._reviews.get(item.key) if known.is_of_old else None
                if review is not None and _holds(review, item.plan, reviewer):
                    tally.count(review)
                    await asyncio.sleep(0)  # a long cache is no reason to stop looking at the terminal
                    continue
            size = len(item.body) + len(prediction.text) + len(prediction.reasoning)
            await self._backlog.take(size)
            is_corrected = known is not None and known.is_corrected
            reviews.create_task(self._review(item.plan, prediction, size, reviewer, is_corrected=is_corrected))

    def _known(self, item: Item) -> _Known | None:
        """The answer, if there is one already: of this run folder, of another sample's same request, of the cache."""
        prediction = self._answers.get(item.key)
        if prediction is not None:
            self._counts["reused"] += 1
            if _plain(prediction.sample) == _plain(item.sample):
                return _Known(prediction, is_of_old=True)
            return _Known(msgspec.structs.replace(prediction, sample=item.sample), is_corrected=True)
        prediction = self._answers.like(item.content)
        if prediction is not None:
            self._counts["reused"] += 1
            prediction = relabelled(prediction, item)
        elif self._cache is not None and (prediction := self._cache.get(item)) is not None:
            self._counts["cached"] += 1
        if prediction is None:
            return None
        self._appender.add(self._folder.predictions(item.plan.name, item.sample.subset), prediction)
        return _Known(prediction)

    async def _ask(self, item: Item) -> Prediction | None:
        """None: the run's end kept it back or cut it off."""
        assert self._scheduler is not None
        await self._first_knock()
        self._progress.busy += 1
        try:
            prediction = await self._askers[item.plan.name].ask(item, self._scheduler)
        finally:
            self._progress.busy -= 1
        if self._ending.is_over and prediction.fault in NOT_ASKED:
            return None
        self._counts["requests"] += prediction.requests
        log.debug(
            "%s %s/%s, repeat %d: %s, %s tokens after %d attempts", item.plan.name, item.sample.subset, item.sample.id,
            item.repeat, prediction.fault or prediction.finish_reason, prediction.output_tokens, prediction.attempts,
        )  # fmt: skip
        self._appender.add(self._folder.predictions(item.plan.name, item.sample.subset), prediction)
        if self._cache is not None:
            self._cache.put(item, prediction)
        self._first_answers.add(prediction, self._url)
        return prediction

    async def _first_knock(self) -> None:
        """Before the first request, and only then: a run that has all its answers needs no endpoint."""
        if self._knocking is None:
            self._knocking = asyncio.create_task(knock(self._doors))
        if not self._knocking.done():
            await asyncio.shield(self._knocking)
        self._knocking.result()

    async def _review(
        self, plan: Plan, prediction: Prediction, size: int, reviewer: Reviewer, *, is_corrected: bool
    ) -> None:
        assert self._scheduler is not None
        try:
            review = await reviewer.review(prediction, plan.benchmark, self._scheduler)
            if self._ending.is_over and review.fault in NOT_ASKED:
                return
            if plan.args.filters:
                review = msgspec.structs.replace(review, filters=plan.args.filters)
            self._appender.add(self._folder.reviews(plan.name, prediction.sample.subset), review)
            if is_corrected:  # after its review: killed in between, the next run finds the old one, and corrects again
                self._appender.add(self._folder.predictions(plan.name, prediction.sample.subset), prediction)
            self._progress.tallies[plan.name].count(review)
        finally:
            self._backlog.give_back(size)

    # -- items -------------------------------------------------------------------------------------------------------

    def _items(self, reviewer: Reviewer) -> Iterator[Item]:
        """What there is to ask, in the order in which it should be."""
        plans = plans_in_order(self._task, self._plans, lambda plan: reviewer.is_judged(plan.benchmark))
        streams = [self._items_of(plan) for plan in plans]
        if ends_early(self._task):
            return in_turn(streams)
        return chain.from_iterable(streams)

    def _items_of(self, plan: Plan) -> Iterator[Item]:
        found = self._counted(plan)
        order, cache = self._task.order, self._cache
        knows = cache is not None and cache.knows_lengths()
        if order == "data" or ends_early(self._task) or (order == "auto" and not knows):
            return found

        def length(item: Item) -> float:
            known = None if cache is None else cache.length_of(item.plan.name, item.sample)
            return len(item.body) if known is None else (1 << 32) + known  # by the question, where nobody knows

        return longest_first(found, length)

    def _counted(self, plan: Plan) -> Iterator[Item]:
        planned = self._planned[plan.name]
        for item in items(self._task, plan, self._askers[plan.name]):
            self._left_out.see(item)
            planned[item.sample.subset] = planned.get(item.sample.subset, 0) + 1
            yield item

    def _each_planned(self) -> Iterator[str]:
        """The benchmark of every answer that there is to be; the data is read for it once more."""
        for plan in self._plans:
            for subset in plan.subsets:
                for _ in samples_of(self._task, plan, subset):
                    yield from repeat(plan.name, self._task.repeats)

    # -- the end -----------------------------------------------------------------------------------------------------

    def _watch_the_time(self) -> None:
        if self._task.deadline is None:
            return
        left_s = seconds_until(self._task.deadline, datetime.now())
        asyncio.get_running_loop().call_later(left_s, self._ending.stop, f"the deadline ({self._task.deadline}) came")

    def _ask_no_more(self) -> None:
        """The run is told to end. What is in flight may finish: for a while, if it is time that ran out."""
        log.info("asking no more: %s", self._ending.reason)
        if self._scheduler is None:
            return
        self._scheduler.close_lane()
        if self._ending.reason.startswith("the deadline"):
            asyncio.get_running_loop().call_later(GRACE_S, self._scheduler.stop, self._ending.reason)

    def _leave_out(self) -> None:
        """Tell what the folder holds of other tasks, if it held anything before."""
        if not self._left_out.is_needed or not any(self._planned.values()):  # over before it began: nothing is known
            return
        if self._ending.is_over:  # not all was looked at
            for plan in self._plans:
                for item in items(self._task, plan, self._askers[plan.name]):
                    self._left_out.see(item)
        self._left_out.write(self._plans)

    def _count_the_rest(self) -> None:
        """What was planned, though not all of it was looked at."""
        for plan in self._plans:
            repeats = self._askers[plan.name].repeats if plan.name in self._askers else self._task.repeats
            for subset in plan.subsets:
                counted = Counter(sample.subset for sample in samples_of(self._task, plan, subset))
                self._planned[plan.name] |= {name: count * repeats for name, count in counted.items()}

    def _course(self, scheduler: Scheduler, window_s: float) -> Course:
        task, ending = self._task, self._ending
        search = scheduler.search()
        parallel = str(task.eval_batch_size)
        if search is not None:
            best = max(search.speeds, key=lambda level: search.speeds[level], default=search.limit)
            parallel = f"auto: found {search.found}" if search.found is not None else f"auto: not settled, best {best}"
            speeds = ", ".join(f"{level}: {speed:.1f}" for level, speed in sorted(search.speeds.items()))
            log.info("concurrency %s; tokens or requests a second by level: %s", parallel, speeds or "none measured")
        priced = task.price_in is not None or task.price_out is not None
        return Course(
            ended=ending.reason, parallel=parallel, requests=self._counts["requests"], reused=self._counts["reused"],
            cached=self._counts["cached"], input_tokens=ending.input_tokens, output_tokens=ending.output_tokens,
            estimated=ending.estimated, window_s=window_s,
            cost=prices_of(task).of(ending.input_tokens, ending.output_tokens) if priced else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer that need not be asked for."""

    prediction: Prediction
    is_of_old: bool = False
    """It was this item's in this folder, so that a review that stands there under its key is a review of it."""
    is_corrected: bool = False
    """It was, but what is right of it, or how it counts, has changed in the data since."""


class _WithoutTexts:
    """A sink that leaves texts to the predictions."""

    def __init__(self, sink: JsonlSink) -> None:
        self._sink = sink

    def add(self, record: Record) -> None:
        self._sink.add(msgspec.structs.replace(record, prompt=None, text=None, reasoning=None, tool_calls=None))

    async def close(self) -> None:
        await self._sink.close()


def _plain(sample: Sample) -> bytes:
    """As it stands in a file, where tuples, lists and sets are the same."""
    return _encode(sample)


def _holds(review: Review, plan: Plan, reviewer: Reviewer) -> bool:
    """Whether an earlier review is what this task would make again."""
    return review.filters == plan.args.filters and reviewer.still_holds(review, plan.benchmark)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
