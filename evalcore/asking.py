"""Asking: how the items of one benchmark are put to the model.

An `Asker` turns a sample into what is sent, and an item into a prediction through the scheduler. `Generation` asks for
an answer in words, with one request. What an item's body holds is what its prediction is known by when a run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from evalcore.answers import prediction_of
from evalcore.benchmarks.base import PromptOptions
from evalcore.endpoint import options_of
from evalcore.plan import Item, Plan, samples_of, shots_of
from evalcore.task import TaskConfig
from evalcore.types import Message, Prediction, Sample
from perfbench.engine.dialect.base import Prompt, dialect
from perfbench.engine.request import Request
from perfbench.engine.scheduler import Scheduler


class Asker(Protocol):
    """One benchmark's way of asking."""

    def question(self, sample: Sample, shots: Sequence[Sample]) -> tuple[list[Message], bytes]:
        """The messages, for readers, and the bytes that name everything that is asked for."""

    async def ask(self, item: Item, scheduler: Scheduler) -> Prediction:
        """Put it to the model. A failure is in the prediction, not raised."""


class Generation:
    """The model answers in words."""

    def __init__(self, task: TaskConfig, plan: Plan) -> None:
        self._plan = plan
        self._speak = dialect("chat")
        self._options = options_of(task, plan.benchmark)
        self._shaping = PromptOptions(plan.args.prompt_template, plan.args.system_prompt, plan.args.extra)

    def question(self, sample: Sample, shots: Sequence[Sample]) -> tuple[list[Message], bytes]:
        messages = self._plan.benchmark.messages(sample, shots, self._shaping)
        return messages, self._speak.encode(Prompt(messages=messages), self._options)

    async def ask(self, item: Item, scheduler: Scheduler) -> Prediction:
        options = self._options
        request = Request(
            key=item.key, body=item.body, dialect=self._speak, stream=options.stream, model=options.model,
            expected_tokens=options.max_tokens or 0,
        )  # fmt: skip
        record = await scheduler.submit(request)
        return prediction_of(record, item.plan.name, item.sample, item.repeat, item.messages)


def items(task: TaskConfig, plan: Plan, asker: Asker) -> Iterator[Item]:
    """Every item of a plan, one after the other; samples are read as they are needed."""
    for subset in plan.subsets:
        shots = shots_of(plan, subset, task.seed)
        for sample in samples_of(task, plan, subset):
            messages, body = asker.question(sample, shots)
            for repeat in range(task.repeats):
                yield Item(plan, sample, repeat, messages, body)
