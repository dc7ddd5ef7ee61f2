"""Asker: one sample's options compared, with the requests that this takes.

A sample is one prediction, whatever number of requests it takes: they go one after the other within the sample's slot,
so that as many are in flight as there are slots, and an engine that keeps prefixes finds the context where it left it.
A sample of which one request fails is unscored: its options cannot be compared. The bodies of all of them name it.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalcore.answers import fault_of
from evalcore.benchmarks.base import Compares, PromptOptions
from evalcore.endpoint import options_of
from evalcore.likelihood.base import Reading, Unreadable, Way
from evalcore.plan import Item, Plan
from evalcore.task import TaskConfig
from evalcore.types import Message, Prediction, Sample
from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.request import Answer, Record, Request
from perfbench.engine.scheduler import Scheduler

UNREADABLE = "unreadable_likelihood"
"""Fault of a sample whose answers hold no likelihoods, or none that can be believed."""


class Comparing:
    """The model's likelihoods of the options are compared; nothing is answered in words."""

    repeats = 1  # the same numbers would come again

    def __init__(self, task: TaskConfig, plan: Plan, way: Way) -> None:
        if not isinstance(plan.benchmark, Compares):
            raise TypeError(f"{plan.name} has no options to compare")
        self._benchmark: Compares = plan.benchmark
        self._plan, self._way = plan, way
        self._speak = dialect(way.api)
        self._shaping = PromptOptions(plan.args.prompt_template, plan.args.system_prompt, plan.args.extra)
        given = options_of(task, plan.benchmark)
        self._options = Options(model=given.model, stream=False, extra=given.extra)

    def question(self, sample: Sample, shots: Sequence[Sample]) -> Item:
        compared = self._benchmark.comparison(sample, shots, self._shaping, letters=self._way.letters_only)
        bodies = [self._speak.encode(Prompt(body=body), self._options) for body in self._way.bodies(compared)]
        shown: list[Message] = [{"role": "user", "content": compared.pairs[0].context}]
        messages = list(compared.messages) if self._way.api == "chat" else shown
        return Item(self._plan, sample, 0, messages, b"\n".join(bodies), compared)

    async def ask(self, item: Item, scheduler: Scheduler) -> Prediction:
        records: list[Record] = []
        answers: list[Answer] = []
        for number, body in enumerate(item.body.split(b"\n")):  # JSON holds no line end of its own
            request = Request(
                key=f"{item.key}/{number}", body=body, dialect=self._speak, stream=False, model=self._options.model
            )
            record, answer = await scheduler.ask(request)
            records.append(record)
            answers.append(answer)
            if fault_of(record):
                break
        fault, detail, reading = fault_of(records[-1]), records[-1].error_detail, Reading()
        if not fault:
            assert item.compared is not None, "made by `question`"
            try:
                reading = self._way.read(item.compared, answers)
            except Unreadable as error:
                fault, detail = UNREADABLE, str(error)
        return self._prediction(item, records, reading, fault, detail)

    def _prediction(
        self, item: Item, records: Sequence[Record], reading: Reading, fault: str, detail: str
    ) -> Prediction:
        began = [record.started_ns for record in records if record.started_ns is not None]
        return Prediction(
            key=item.key, benchmark=item.plan.name, sample=item.sample, repeat=item.repeat,
            messages=tuple(item.messages), fault=fault, detail=detail, text=_said(reading), finish_reason="stop",
            attempts=max(len(record.earlier) + 1 for record in records), requests=len(records), way=self._way.name,
            likelihoods=reading.likelihoods, input_tokens=_total([record.input_tokens for record in records]),
            latency_ms=(records[-1].finished_ns - began[0]) / 1e6 if began else None,
        )  # fmt: skip


def _said(reading: Reading) -> str:
    """For readers: the likeliest option, or the letter that came."""
    known = [one for one in reading.likelihoods if one.logprob is not None]
    return max(known, key=lambda one: one.logprob or 0.0).text.strip() if known else reading.text


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
