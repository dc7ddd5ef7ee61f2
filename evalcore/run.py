"""Run: samples -> requests -> predictions -> reviews -> reports.

All data sets, subsets and repeats of a task feed one stream of items; `eval_batch_size` slots take from it and know no
barrier between data sets. A slot only asks; scoring goes on beside it: pure scorers on the loop, slow ones in helper
processes, judges in a lane of their own. Each sample is written down when it is over (evalcore.outputs), so that a run
can be killed at any instant and gone on with; what was answered is known by the content of its request.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec
import orjson
import yaml

from evalcore.answers import prediction_of
from evalcore.benchmarks.base import Benchmark, PromptOptions, RunsPrograms
from evalcore.benchmarks.table import benchmark
from evalcore.dataset.load import Where, find, rows
from evalcore.dataset.pick import pick
from evalcore.errors import TaskError
from evalcore.mock import simulator
from evalcore.outputs import Appender, EvalFolder, LineIndex, read_predictions, read_reviews
from evalcore.report.build import build_report
from evalcore.report.html import write_page
from evalcore.report.schema import Report
from evalcore.reviewing import JUDGE_LANE, Reviewer
from evalcore.sandbox.base import Sandbox
from evalcore.sandbox.bubblewrap import Bubblewrap
from evalcore.task import DatasetArgs, TaskConfig
from evalcore.types import Message, Prediction, Review, Sample
from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.errors import ExitCode, PerfbenchError
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.sinks.jsonl import JsonlSink
from perfbench.engine.transport.base import Endpoint, open_transport

log = logging.getLogger("evalcore")
DOUBTFUL_SHARE = 0.05  # of the scored answers; --strict ends with 3 above it
SCORING_AHEAD = 4  # reviews that may be under way, per slot, before slots wait for scoring to catch up


@dataclass(frozen=True, slots=True)
class Plan:
    """One benchmark of the task, ready to give its items."""

    name: str
    benchmark: Benchmark
    args: DatasetArgs
    where: Where
    subsets: tuple[str, ...]
    few_shot: int


@dataclass(frozen=True, slots=True)
class Item:
    """One sample, asked once."""

    plan: Plan
    sample: Sample
    repeat: int
    messages: list[Message]
    body: bytes

    @property
    def key(self) -> str:
        """Names the request by its content: model, messages and settings are in the body."""
        return hashlib.blake2b(self.body + b"#%d" % self.repeat, digest_size=16).hexdigest()


@dataclass(slots=True)
class Tally:
    """Running figures of one benchmark, for whoever shows progress."""

    asked: int = 0
    reused: int = 0
    scored: int = 0
    unscored: int = 0
    total_score: float = 0.0


@dataclass(slots=True)
class Progress:
    """Running figures of the evaluation. `changed` is called after each review."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    changed: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class EvalResult:
    folder: Path
    reports: Mapping[str, Report]
    exit_code: ExitCode
    requests: int
    """That this run sent, retries not counted."""


def run_task(task: TaskConfig, progress: Progress | None = None) -> EvalResult:
    """Carry a task out. Raises TaskError and DataError before any request is sent."""
    import uvloop

    task.check_secrets()
    with ExitStack() as cleanup:
        plans = [_plan(task, name) for name in task.datasets]
        url = task.api_url
        if url is None:
            samples = (sample for plan in plans for subset in plan.subsets for sample in _samples(task, plan, subset))
            url = cleanup.enter_context(simulator(samples, task.mock)).url
        folder = _folder(task)
        cleanup.enter_context(_logging(folder, debug=task.debug))
        return uvloop.run(_Evaluation(task, plans, url, folder, progress or Progress()).run())


def rescore(task: TaskConfig, path: Path) -> EvalResult:
    """Review a folder's predictions again, without one request. Verdicts of judges are kept, not asked for again."""
    folder = EvalFolder.opened(path, task.name_of_model)
    plans = {name: _plan(task, name, need_data=False) for name in task.datasets}
    asyncio.run(_rescore(task, folder, plans))
    return _conclude(task, folder, list(plans.values()), 0)


async def _rescore(task: TaskConfig, folder: EvalFolder, plans: Mapping[str, Plan]) -> None:
    reviewer = await _reviewer(task, list(plans.values()))
    try:
        for file in folder.prediction_files():
            first = next(read_predictions(file), None)
            plan = plans.get(first.benchmark) if first is not None else None
            if first is None or plan is None or reviewer.is_judged(plan.benchmark):
                continue
            reviews = folder.reviews(plan.name, first.sample.subset)
            draft = Appender()
            fresh = reviews.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            for prediction in read_predictions(file):
                draft.add(fresh, await reviewer.review(prediction, plan.benchmark, None))
            draft.close()
            fresh.replace(reviews)
    finally:
        reviewer.close()


def report_again(task: TaskConfig, path: Path) -> EvalResult:
    """Compute a folder's reports from its reviews."""
    plans = [_plan(task, name, need_data=False) for name in task.datasets]
    return _conclude(task, EvalFolder.opened(path, task.name_of_model), plans, 0)


class _Evaluation:
    """One run of a task against one endpoint."""

    def __init__(self, task: TaskConfig, plans: list[Plan], url: str, folder: EvalFolder, progress: Progress) -> None:
        self._task, self._plans, self._url, self._folder, self._progress = task, plans, url, folder, progress
        self._speak = dialect("chat")
        self._options = {plan.name: options_of(task, plan.benchmark) for plan in plans}
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
        for plan in plans:
            progress.tallies[plan.name] = Tally()

    async def run(self) -> EvalResult:
        reviewer = await _reviewer(self._task, self._plans)
        lanes = {"default": self._lane()}
        if any(reviewer.is_judged(plan.benchmark) for plan in self._plans):
            lanes[JUDGE_LANE] = reviewer.judge_lane()
        scheduler = Scheduler(lanes, [_WithoutTexts(JsonlSink(self._folder.requests()))], seed=self._task.seed)
        items = self._items()
        room = asyncio.Semaphore(SCORING_AHEAD * self._task.eval_batch_size)
        began_s = time.perf_counter()
        try:
            async with scheduler, asyncio.TaskGroup() as reviews, asyncio.TaskGroup() as slots:
                for _ in range(self._task.eval_batch_size):
                    slots.create_task(self._slot(items, scheduler, reviewer, reviews, room))
        except BaseExceptionGroup as group:
            known, bugs = group.split(PerfbenchError)
            if bugs is None and known is not None:
                raise _first(known) from None
            raise
        finally:
            reviewer.close()
            self._appender.close()
        self._folder.plan().write_bytes(orjson.dumps(self._planned))
        return _conclude(self._task, self._folder, self._plans, self._requests, time.perf_counter() - began_s)

    def _lane(self) -> Lane:
        task, endpoint = self._task, endpoint_of(self._task, self._url)
        timeout_s = float(task.model_args.get("timeout", task.generation_config.timeout))
        retries = int(task.model_args.get("max_retries", task.retries))
        return Lane(
            transport=open_transport(task.client, endpoint),
            limits=Limits(requests_per_s=None if task.rpm is None else task.rpm / 60, tokens_per_min=task.tpm),
            retry=RetryPolicy(attempts=1 + retries, budget_share=float(retries)),
            deadlines=Deadlines(timeout_s, timeout_s, None), keep=Keep(texts=True), secrets=endpoint.secrets(),
        )  # fmt: skip

    async def _slot(
        self, items: Iterator[Item], scheduler: Scheduler, reviewer: Reviewer, reviews: asyncio.TaskGroup,
        room: asyncio.Semaphore,
    ) -> None:  # fmt: skip
        """Ask one item after the other; scoring is somebody else's."""
        for item in items:
            key, tally = item.key, self._progress.tallies[item.plan.name]
            prediction = self._answers.get(key)
            if prediction is None:
                self._requests += 1
                prediction = await self._ask(item, key, scheduler)
                tally.asked += 1
            else:
                tally.reused += 1
                review = self._reviews.get(key)
                if review is not None:
                    self._count(tally, review, item.plan)
                    continue
            await room.acquire()
            reviews.create_task(self._review(item.plan, prediction, scheduler, reviewer, room))

    async def _ask(self, item: Item, key: str, scheduler: Scheduler) -> Prediction:
        options = self._options[item.plan.name]
        request = Request(
            key=key, body=item.body, dialect=self._speak, stream=options.stream, model=options.model,
            expected_tokens=options.max_tokens or 0,
        )  # fmt: skip
        record = await scheduler.submit(request)
        prediction = prediction_of(record, item.plan.name, item.sample, item.repeat, item.messages)
        self._appender.add(self._folder.predictions(item.plan.name, item.sample.subset), prediction)
        return prediction

    async def _review(
        self, plan: Plan, prediction: Prediction, scheduler: Scheduler, reviewer: Reviewer, room: asyncio.Semaphore
    ) -> None:
        try:
            review = await reviewer.review(prediction, plan.benchmark, scheduler)
            self._appender.add(self._folder.reviews(plan.name, prediction.sample.subset), review)
            self._count(self._progress.tallies[plan.name], review, plan)
        finally:
            room.release()

    def _count(self, tally: Tally, review: Review, plan: Plan) -> None:
        if review.status == "scored":
            tally.scored += 1
            tally.total_score += next(iter(review.scores.values())).value
        else:
            tally.unscored += 1
        self._progress.changed()

    def _items(self) -> Iterator[Item]:
        """Every item of the task, one after the other; samples are read as they are needed."""
        for plan in self._plans:
            options = PromptOptions(plan.args.prompt_template, plan.args.system_prompt, plan.args.extra)
            for subset in plan.subsets:
                shots = _shots(plan, subset, self._task.seed)
                planned = self._planned[plan.name]
                for sample in _samples(self._task, plan, subset):
                    planned[sample.subset] = planned.get(sample.subset, 0) + self._task.repeats
                    messages = plan.benchmark.messages(sample, shots, options)
                    body = self._speak.encode(Prompt(messages=messages), self._options[plan.name])
                    for repeat in range(self._task.repeats):
                        yield Item(plan, sample, repeat, messages, body)


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


def options_of(task: TaskConfig, by: Benchmark) -> Options:
    """The generation settings as request options. Unknown keys and extra_body go into the body as they are.

    A benchmark whose answers need more room than the default gets it, unless the task says how much there is.
    """
    given = task.generation_config
    if by.max_tokens is not None and "max_tokens" not in given.model_fields_set:
        given = given.model_copy(update={"max_tokens": by.max_tokens})
    named = given.model_dump(exclude={"timeout", "extra_body", *(given.model_extra or {})})
    extra = {**(given.model_extra or {}), **given.extra_body}
    return Options(**named, model=task.model or "sim", extra=extra)


def endpoint_of(task: TaskConfig, url: str) -> Endpoint:
    args = task.model_args
    headers = {str(name): str(value) for name, value in (args.get("default_headers") or {}).items()}
    for key, header in (("organization", "OpenAI-Organization"), ("project", "OpenAI-Project")):
        if args.get(key) and task.client != "sdk":
            headers[header] = str(args[key])
    return Endpoint(
        urls=(url,), api_key=task.api_key.get_secret_value() if task.api_key is not None else None, headers=headers,
        model_args=args if task.client == "sdk" else {},
    )  # fmt: skip


def _plan(task: TaskConfig, name: str, *, need_data: bool = True) -> Plan:
    """A benchmark with the task's settings; with `need_data`, its data is there."""
    found, args = benchmark(name), task.args_of(name)
    wanted = args.subset_list or found.subsets
    odd = [subset for subset in wanted if subset not in found.subsets]
    if odd:
        raise TaskError(f"dataset_args.{name}.subset_list names {odd[0]!r}; there are {', '.join(found.subsets)}")
    where = Where(
        dataset_dir=None if task.dataset_dir is None else Path(task.dataset_dir), hub=task.dataset_hub,
        local_path=None if args.local_path is None else Path(args.local_path),
    )  # fmt: skip
    few_shot = found.few_shot if args.few_shot_num is None else args.few_shot_num
    plan = Plan(name, found, args, where, tuple(wanted), few_shot)
    if need_data:
        split = args.eval_split or found.source.eval_split
        for subset in plan.subsets:
            find(found.source, subset, split, where)
    return plan


def _samples(task: TaskConfig, plan: Plan, subset: str) -> Iterator[Sample]:
    """What is asked of a subset, in the data's order. A file may hold several subsets."""
    reader = _reader(plan, subset, plan.args.eval_split or plan.benchmark.source.eval_split)
    chosen = pick(reader, task.limit, mode=task.limit_mode, seed=task.seed, subsets=(subset,))
    if not plan.args.shuffle_choices:
        return chosen
    from evalcore.benchmarks.choice import shuffled

    return (shuffled(sample, task.seed) for sample in chosen)


def _shots(plan: Plan, subset: str, seed: int) -> list[Sample]:
    split = plan.benchmark.source.shots_split
    if plan.few_shot == 0 or split is None:
        return []
    mode: Literal["stratified", "head"] = "stratified" if plan.args.few_shot_random else "head"
    return list(pick(_reader(plan, subset, split), plan.few_shot, mode=mode, seed=seed, subsets=(subset,)))


def _reader(plan: Plan, subset: str, split: str) -> Callable[[], Iterator[Sample]]:
    """Reads the samples of a split, from the beginning each time it is called."""
    found = plan.benchmark
    return lambda: (found.sample(row, subset) for row in rows(found.source, subset, split, plan.where))


async def _reviewer(task: TaskConfig, plans: list[Plan]) -> Reviewer:
    """What scores this task's answers. Raises before any request when a sandbox, a judge or an extra is missing."""
    sandbox: Sandbox | None = None
    if any(isinstance(plan.benchmark, RunsPrograms) for plan in plans):
        sandbox = Bubblewrap()
        await sandbox.check()
    reviewer = Reviewer(task, sandbox)
    for plan in plans:
        reviewer.is_judged(plan.benchmark)
        ready = getattr(plan.benchmark, "ready", None)
        if ready is not None:
            ready()
    return reviewer


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


def _conclude(
    task: TaskConfig, folder: EvalFolder, plans: list[Plan], requests: int, window_s: float | None = None
) -> EvalResult:
    """Compute the reports from what is in the folder, and what the shell learns."""
    reviewer = Reviewer(task)
    planned = orjson.loads(folder.plan().read_bytes()) if folder.plan().is_file() else {}
    reports: dict[str, Report] = {}
    for plan in plans:
        files = [file for subset in plan.subsets if (file := folder.reviews(plan.name, subset)).is_file()]
        report = build_report(
            plan.benchmark, chain.from_iterable(map(read_reviews, files)), model=task.name_of_model,
            expected=reviewer.protocols(plan.benchmark),
            planned=planned.get(plan.name), settings=_settings(task, plan), window_s=window_s,
        )  # fmt: skip
        target = folder.report(plan.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(report.dump())
        reports[plan.name] = report
    reviewer.close()
    write_page(folder, reports)
    coverage = min((report.coverage for report in reports.values()), default=0.0)
    code = ExitCode.DONE
    if coverage < task.needed_coverage:
        code = ExitCode.TARGET if coverage == 0 else ExitCode.INCONCLUSIVE
    elif task.strict and any(_is_doubtful(report) for report in reports.values()):
        code = ExitCode.GATE_MISSED
    return EvalResult(folder.path, reports, code, requests)


def _is_doubtful(report: Report) -> bool:
    """Whether too many answers were cut, empty or unreadable for the score to mean what it says."""
    found = report.integrity
    return max(found.truncated, found.empty, found.unparsed) > DOUBTFUL_SHARE * found.scored


def _settings(task: TaskConfig, plan: Plan) -> dict[str, Any]:
    """What moves scores more than models do."""
    options = options_of(task, plan.benchmark)
    asked = {"few_shot": plan.few_shot, "max_tokens": options.max_tokens, "temperature": options.temperature}
    taken = {"limit": task.limit, "limit_mode": task.limit_mode, "repeats": task.repeats, "seed": task.seed}
    shaped = plan.args.model_dump(include={"shuffle_choices", "prompt_template", "system_prompt"})
    return {**asked, "chat": True, **taken, **shaped}
