"""Reviewing: from a prediction to its review, whatever it takes.

Pure scorers run on the loop, slow ones in threads (the slow part of them is in helper processes of their own), programs
in the sandbox, judgements through the judges' lanes of the scheduler (evalcore.judge). A prediction without an answer
is unscored, and so is one that no judge could be read on; neither is wrong. A scorer that raises is a bug of ours and
stops the run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import chain
from typing import Any

import msgspec

from evalcore.answers import answer_of, shown
from evalcore.benchmarks.base import Benchmark, RunsPrograms
from evalcore.errors import TaskError
from evalcore.judge.model import judge_models
from evalcore.judge.pairwise import Pairs
from evalcore.judge.panel import Panel, fault_of, read_again
from evalcore.judge.question import Question
from evalcore.judge.strategy import question_of
from evalcore.plan import Plan, samples_of
from evalcore.sandbox.base import Sandbox
from evalcore.sandbox.table import SANDBOXES
from evalcore.scoring.filters import Filter, made_of
from evalcore.task import TaskConfig
from evalcore.types import Answer, Prediction, Review, Sample, Scores, Verdict
from perfbench.engine.lane import Lane
from perfbench.engine.scheduler import Scheduler


class Reviewer:
    """Reviews the predictions of one task. `close` it when the last one is done."""

    def __init__(self, task: TaskConfig, sandbox: Sandbox | None = None) -> None:
        self._task = task
        self._sandbox = sandbox
        self._questions: dict[str, tuple[Question | None, str]] = {}
        """By benchmark: what judges are asked, and the name of those verdicts."""
        self._filters: dict[str, Filter | None] = {}
        self._runs_programs: dict[str, bool] = {}  # asked once: a check against a protocol costs more than most scorers
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 2, thread_name_prefix="scoring")

    @cached_property
    def _panel(self) -> Panel:
        return Panel(judge_models(self._task))

    def protocols(self, by: Benchmark) -> tuple[str, ...]:
        """The names of the scores that this task's reviews of a benchmark have, headline first."""
        question = self.question(by)
        return by.protocols if question is None else question.protocols

    def question(self, by: Benchmark) -> Question | None:
        """What judges are asked about this benchmark's answers; None: rules score them. Raises TaskError."""
        return self._question(by)[0]

    def is_judged(self, by: Benchmark) -> bool:
        """Whether models judge this benchmark's answers. Raises TaskError when the strategy does not fit it."""
        return self.question(by) is not None

    def settings(self, by: Benchmark) -> Mapping[str, Any]:
        """What moves judged scores, for the report; empty when rules score."""
        question = self.question(by)
        if question is None:
            return {}
        found: dict[str, Any] = {"judges": [judge.describe() for judge in self._panel.judges]}
        found["judge_question"] = question.describe()["question"]
        return found | {"self_judged": True} if any(judge.is_tested for judge in self._panel.judges) else found

    def still_holds(self, review: Review, by: Benchmark) -> bool:
        """Whether an earlier review is what this task would make again: by rule, or by the same judges and question."""
        return review.judged_by == self._question(by)[1]

    async def review(self, prediction: Prediction, by: Benchmark, scheduler: Scheduler) -> Review:
        sample, answer = prediction.sample, self._answer(prediction, by)
        if prediction.fault:
            return _review(prediction, answer, {}, fault=prediction.fault)
        question, judged_by = self._question(by)
        if question is None:
            return _review(prediction, answer, await self._by_rule(sample, answer, by))
        verdicts = await self._panel.verdicts(question, sample, answer, prediction.repeat, prediction.key, scheduler)
        return _judged(prediction, answer, question, verdicts, judged_by)

    async def review_again(self, prediction: Prediction, by: Benchmark, earlier: Review | None) -> Review | None:
        """Without one request: by rule, or from the texts of earlier verdicts. None: nobody has judged it yet."""
        answer = self._answer(prediction, by)
        if prediction.fault:
            return _review(prediction, answer, {}, fault=prediction.fault)
        question = self.question(by)
        if question is None:
            return _review(prediction, answer, await self._by_rule(prediction.sample, answer, by))
        if earlier is None or not earlier.verdicts:
            return None
        if any(one.opponent for one in earlier.verdicts) != isinstance(question, Pairs):
            return earlier  # they answer another question; what was paid for is kept
        verdicts = read_again(question, prediction.sample, answer, earlier.verdicts)
        return _judged(prediction, answer, question, verdicts, earlier.judged_by)  # they stay whose they were

    def judge_lanes(self) -> dict[str, Lane]:
        return self._panel.lanes()

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _answer(self, prediction: Prediction, by: Benchmark) -> Answer:
        """What a scorer sees: without reasoning, and through the task's filters."""
        answer, through = answer_of(prediction), self._filter(by)
        return answer if through is None else msgspec.structs.replace(answer, text=through(answer.text))

    def _filter(self, by: Benchmark) -> Filter | None:
        if by.name not in self._filters:
            given = self._task.args_of(by.name).filters
            self._filters[by.name] = made_of(given) if given else None
        return self._filters[by.name]

    def _question(self, by: Benchmark) -> tuple[Question | None, str]:
        if by.name not in self._questions:
            question = question_of(self._task, by, [judge.settings for judge in self._panel.judges])
            self._questions[by.name] = question, "" if question is None else self._panel.fingerprint(question)
        return self._questions[by.name]

    async def _by_rule(self, sample: Sample, answer: Answer, by: Benchmark) -> Scores:
        if by.name not in self._runs_programs:
            self._runs_programs[by.name] = isinstance(by, RunsPrograms)
        if self._runs_programs[by.name] and isinstance(by, RunsPrograms):
            if self._sandbox is None:
                raise TaskError(f"{by.name} runs programs that the model wrote, and there is no sandbox")
            result = await self._sandbox.run(by.program(sample, answer))
            return by.verdict(sample, answer, result)
        if by.cpu_bound:
            return await asyncio.get_running_loop().run_in_executor(self._threads, by.score, sample, answer)
        return by.score(sample, answer)


def _judged(
    prediction: Prediction, answer: Answer, question: Question, verdicts: tuple[Verdict, ...], judged_by: str
) -> Review:
    scores = question.scores(prediction.sample, answer, verdicts)
    fault, detail = fault_of(scores, verdicts)
    return _review(prediction, answer, scores, fault=fault, detail=detail, verdicts=verdicts, judged_by=judged_by)


def _review(
    prediction: Prediction, answer: Answer, scores: Scores, *, fault: str = "", detail: str = "",
    verdicts: tuple[Verdict, ...] = (), judged_by: str = "",
) -> Review:  # fmt: skip
    sample: Sample = prediction.sample
    return Review(
        key=prediction.key, sample_id=sample.id, subset=sample.subset, group=sample.group, category=sample.category,
        repeat=prediction.repeat, status="unscored" if fault else "scored", fault=fault,
        detail=detail or prediction.detail, scores=scores, attempts=prediction.attempts, verdicts=verdicts,
        judged_by=judged_by, prompt=prediction.messages, text=shown(answer), reasoning_chars=len(answer.reasoning),
        target=sample.target, choices=sample.choices, finish_reason=prediction.finish_reason,
        input_tokens=prediction.input_tokens, output_tokens=prediction.output_tokens, ttft_ms=prediction.ttft_ms,
        latency_ms=prediction.latency_ms,
    )  # fmt: skip


async def open_reviewer(task: TaskConfig, plans: Sequence[Plan], *, asks: bool = True) -> Reviewer:
    """What scores this task's answers. Raises before any request when a sandbox, a judge or an extra is missing, or
    (when it `asks`) when there is a sample that judges could not be asked about."""
    sandbox: Sandbox | None = None
    if any(isinstance(plan.benchmark, RunsPrograms) for plan in plans):
        sandbox = SANDBOXES[task.sandbox](task.sandbox_image)
        await sandbox.check()
    reviewer = Reviewer(task, sandbox)
    for plan in plans:
        question = reviewer.question(plan.benchmark)
        if question is not None and asks:
            question.check(chain.from_iterable(samples_of(task, plan, subset) for subset in plan.subsets))
        ready = getattr(plan.benchmark, "ready", None)
        if ready is not None:
            ready()
    return reviewer
