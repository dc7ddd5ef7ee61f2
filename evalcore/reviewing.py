"""Reviewing: from a prediction to its review, whatever it takes.

Pure scorers run on the loop, slow ones in threads (the slow part of them is in helper processes of their own), programs
in the sandbox, judgements through the judge's lane of the scheduler. A prediction without an answer is unscored, and so
is one that no judge could be read on; neither is wrong. A scorer that raises is a bug of ours and stops the run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from evalcore.answers import answer_of
from evalcore.benchmarks.base import Benchmark, Judged, RunsPrograms
from evalcore.errors import TaskError
from evalcore.plan import Plan
from evalcore.sandbox.base import Sandbox
from evalcore.sandbox.bubblewrap import Bubblewrap
from evalcore.task import GenerationConfig, TaskConfig
from evalcore.types import Answer, Prediction, Review, Sample, Scores, Verdict
from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.transport.base import Endpoint, open_transport

JUDGE_LANE = "judge"
JUDGE_TRIES = 3  # a reply without a verdict is asked for again
UNJUDGED = "unjudged"
"""Fault of an answer on which no verdict could be had."""


class Reviewer:
    """Reviews the predictions of one task. `close` it when the last one is done."""

    def __init__(self, task: TaskConfig, sandbox: Sandbox | None = None) -> None:
        self._task = task
        self._sandbox = sandbox
        self._judge = JudgeModel(task)
        self._kinds: dict[str, tuple[bool, bool]] = {}  # by benchmark: runs programs, is judged
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 2, thread_name_prefix="scoring")

    def protocols(self, by: Benchmark) -> tuple[str, ...]:
        """The names of the scores that this task's reviews of a benchmark have, headline first."""
        return by.judge_protocols if self.is_judged(by) and isinstance(by, Judged) else by.protocols

    def is_judged(self, by: Benchmark) -> bool:
        """Whether a model judges this benchmark's answers. Raises TaskError when the strategy does not fit it."""
        strategy = self._task.judge_strategy
        if strategy == "pairwise":
            raise TaskError("judge_strategy pairwise needs a benchmark of pairs, and none is here yet; take single")
        if isinstance(by, Judged):
            return by.judge_by_default if strategy == "auto" else strategy != "rule"
        if strategy in ("llm", "single"):
            raise TaskError(f"judge_strategy {strategy}: {by.name} has no question for a judge; take auto")
        return False

    async def review(self, prediction: Prediction, by: Benchmark, scheduler: Scheduler | None) -> Review:
        sample, answer = prediction.sample, answer_of(prediction)
        if prediction.fault:
            return _review(prediction, answer, {}, fault=prediction.fault)
        if by.name not in self._kinds:  # asked once: a check against a protocol costs more than most scorers
            self._kinds[by.name] = (isinstance(by, RunsPrograms), self.is_judged(by))
        runs_programs, judged = self._kinds[by.name]
        if runs_programs and isinstance(by, RunsPrograms):
            if self._sandbox is None:
                raise TaskError(f"{by.name} runs programs that the model wrote, and there is no sandbox")
            result = await self._sandbox.run(by.program(sample, answer))
            return _review(prediction, answer, by.verdict(sample, answer, result))
        if judged and isinstance(by, Judged) and scheduler is not None:
            return await self._judged(prediction, answer, by, scheduler)
        if by.cpu_bound:
            loop = asyncio.get_running_loop()
            return _review(
                prediction, answer, await loop.run_in_executor(self._threads, by.score, sample, answer)
            )  # fmt: skip
        return _review(prediction, answer, by.score(sample, answer))

    async def _judged(self, prediction: Prediction, answer: Answer, by: Judged, scheduler: Scheduler) -> Review:
        messages = by.judge_prompt(prediction.sample, answer)
        body = self._judge.body(messages)
        scores: Scores = {}
        fault, text = UNJUDGED, ""
        for attempt in range(1, JUDGE_TRIES + 1):
            record = await scheduler.submit(
                Request(key=f"{prediction.key}/judge/{attempt}", body=body, dialect=self._judge.speak, stream=False),
                JUDGE_LANE,
            )
            text = record.text or ""
            if record.outcome != "ok":
                fault = record.error
                break
            scores = by.judged(prediction.sample, answer, text)
            if any(score.extracted is not None for score in scores.values()):
                first = next(iter(scores.values()))
                verdict = Verdict(judge=self._judge.name, verdict=first.extracted, attempts=attempt, text=text)
                return _review(prediction, answer, scores, verdicts=(verdict,))
        # A judge that spoke and could not be understood is not one that failed to answer.
        failed = "" if fault == UNJUDGED else fault
        verdict = Verdict(judge=self._judge.name, fault=failed, attempts=attempt, text=text)
        return _review(prediction, answer, {}, fault=fault, verdicts=(verdict,))

    def judge_lane(self) -> Lane:
        return self._judge.lane()

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


class JudgeModel:
    """The judging endpoint of a task: the one named in judge_model_args, else the model under test itself."""

    def __init__(self, task: TaskConfig) -> None:
        args = dict(task.judge_model_args)
        self._task = task
        self.name = str(args.pop("model_id", args.pop("model", task.model or "sim")))
        self._url = args.pop("api_url", task.api_url)
        key: Any = args.pop("api_key", None)
        own = task.api_key.get_secret_value() if task.api_key is not None else None
        self._key = str(key) if key is not None else own
        self._generation = GenerationConfig.model_validate({"max_tokens": 1024, **args.pop("generation_config", {})})
        if args:
            names = ", ".join(sorted(args))
            raise TaskError(f"judge_model_args has {names}; it takes model_id, api_url, api_key, generation_config")
        self.speak = dialect("chat")

    def body(self, messages: Sequence[dict[str, Any]]) -> bytes:
        options = Options(
            model=self.name, stream=False, max_tokens=self._generation.max_tokens,
            temperature=self._generation.temperature, seed=self._generation.seed, extra=self._generation.extra_body,
        )  # fmt: skip
        return self.speak.encode(Prompt(messages=list(messages)), options)

    def lane(self) -> Lane:
        if self._url is None:
            raise TaskError("judge_model_args: api_url is missing; name the judge's endpoint")
        timeout_s = self._generation.timeout
        return Lane(
            transport=open_transport("wire", Endpoint((str(self._url),), api_key=self._key)),
            limits=Limits(concurrency=self._task.judge_worker_num),
            retry=RetryPolicy(attempts=1 + self._task.retries, budget_share=float(self._task.retries)),
            deadlines=Deadlines(timeout_s, timeout_s, None), keep=Keep(texts=True),
            secrets=() if self._key is None else (self._key,),
        )  # fmt: skip


def _review(
    prediction: Prediction, answer: Answer, scores: Scores, *, fault: str = "", verdicts: tuple[Verdict, ...] = ()
) -> Review:
    sample: Sample = prediction.sample
    return Review(
        key=prediction.key, sample_id=sample.id, subset=sample.subset, group=sample.group, category=sample.category,
        repeat=prediction.repeat, status="unscored" if fault else "scored", fault=fault,
        detail=prediction.detail, scores=scores, attempts=prediction.attempts, verdicts=verdicts,
        prompt=prediction.messages, text=answer.text, reasoning_chars=len(answer.reasoning), target=sample.target,
        choices=sample.choices, finish_reason=prediction.finish_reason, input_tokens=prediction.input_tokens,
        output_tokens=prediction.output_tokens, ttft_ms=prediction.ttft_ms, latency_ms=prediction.latency_ms,
    )  # fmt: skip


async def open_reviewer(task: TaskConfig, plans: Sequence[Plan]) -> Reviewer:
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
