"""Asking: how the items of one benchmark are put to the model.

An `Asker` turns a sample into an item, which holds what is sent, and an item into a prediction through the scheduler.
`Generation` asks for an answer in words, with one request; evalcore.likelihood compares options. What an item's body
holds is what its prediction is known by when a run goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from evalcore.answers import prediction_of
from evalcore.asked import Asked, read_asked, write_asked
from evalcore.benchmarks.base import CallsFunctions, PromptOptions
from evalcore.endpoint import options_of
from evalcore.plan import Item, Plan, samples_of, shots_of
from evalcore.task import TaskConfig
from evalcore.types import Prediction, Sample
from perfbench.engine.dialect.base import Prompt, dialect
from perfbench.engine.request import Request
from perfbench.engine.scheduler import Scheduler


class Asker(Protocol):
    """One benchmark's way of asking."""

    repeats: int
    """Times that each sample is asked."""

    def question(self, sample: Sample, shots: Sequence[Sample]) -> Item:
        """The item, for the first of its repeats: messages, for readers, and bytes that name all that is asked for."""

    async def ask(self, item: Item, scheduler: Scheduler) -> Prediction:
        """Put it to the model. A failure is in the prediction, not raised."""


class Generation:
    """The model answers in words."""

    def __init__(self, task: TaskConfig, plan: Plan) -> None:
        self._plan = plan
        self._speak = dialect("chat")
        self._options = options_of(task, plan.benchmark)
        self._shaping = PromptOptions(plan.args.prompt_template, plan.args.system_prompt, plan.args.extra)
        self._offers = plan.benchmark if isinstance(plan.benchmark, CallsFunctions) else None
        self.repeats = task.repeats

    def question(self, sample: Sample, shots: Sequence[Sample]) -> Item:
        messages = self._plan.benchmark.messages(sample, shots, self._shaping)
        options = self._options
        if self._offers is not None and (tools := self._offers.tools(sample, self._shaping)):
            options = replace(options, extra={"tools": tools, **options.extra})
        return Item(self._plan, sample, 0, messages, self._speak.encode(Prompt(messages=messages), options))

    async def ask(self, item: Item, scheduler: Scheduler) -> Prediction:
        options = self._options
        request = Request(
            key=item.key, body=item.body, dialect=self._speak, stream=options.stream, model=options.model,
            expected_tokens=options.max_tokens or 0,
        )  # fmt: skip
        record = await scheduler.submit(request)
        return prediction_of(record, item.plan.name, item.sample, item.repeat, item.messages)


async def open_askers(task: TaskConfig, plans: Sequence[Plan], folder: Path, scheduler: Scheduler) -> dict[str, Asker]:
    """The asker of each benchmark. Where options are to be compared the endpoint is probed first, once a run; how each
    benchmark is asked is written down in the run's folder.

    Raises TaskError when that is wanted and cannot be had.
    """
    from evalcore.likelihood.asker import Comparing
    from evalcore.likelihood.choose import RunOver, choose

    before = read_asked(folder)
    try:
        chosen = await choose(task, plans, before, scheduler)
    except RunOver:  # nothing will be asked
        return {plan.name: Generation(task, plan) for plan in plans}
    asked = {plan.name: chosen[plan.name][1] if plan.name in chosen else Asked() for plan in plans}
    if chosen or before:
        write_asked(folder, {**before, **asked})
    return {
        plan.name: Comparing(task, plan, chosen[plan.name][0]) if plan.name in chosen else Generation(task, plan)
        for plan in plans
    }


def items(task: TaskConfig, plan: Plan, asker: Asker) -> Iterator[Item]:
    """Every item of a plan, one after the other; samples are read as they are needed."""
    for subset in plan.subsets:
        shots = shots_of(plan, subset, task.seed)
        for sample in samples_of(task, plan, subset):
            once = asker.question(sample, shots)
            yield once
            for repeat in range(1, asker.repeats):
                yield replace(once, repeat=repeat)
