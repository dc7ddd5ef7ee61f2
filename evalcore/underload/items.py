"""Items: the samples of benchmarks as a perfbench workload.

Which samples, and in which order, hangs on the seed in eval_args alone, never on that of the run: so every load of a
sweep asks the same ones, and answers can be compared item by item. The order mixes benchmarks and subsets, so that the
load is the same throughout and the first N are an honest sample of all. Samples are in memory; prompts are made as they
are sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from evalcore.benchmarks.base import CallsFunctions, Judged, Opposed, PromptOptions
from evalcore.benchmarks.table import BENCHMARKS
from evalcore.errors import TaskError
from evalcore.plan import Plan, plan_of, samples_of, shots_of
from evalcore.task import DatasetArgs, TaskConfig
from evalcore.types import Message, Sample
from perfbench.engine.dialect.base import Prompt
from perfbench.settings.suggest import did_you_mean
from perfbench.workload.base import Item, Workload, estimated_tokens
from perfbench.workload.quality import Asked

WHOLE = ("dataset_args", "dataset_dir", "dataset_hub", "limit", "limit_mode", "seed", "sandbox", "sandbox_image")
"""Keys of eval_args that are those of an evaluation; all others are those of dataset_args, for every benchmark."""
OWN_WAY = ("method", "shuffle")
"""Keys of dataset_args that mean nothing here: answers are in words, and the order is drawn anyway."""
SIZED_BY = 64  # prompts whose mean length stands for all


class Exam:
    """What one `Asked` comes to: a task, its plans, its samples. Raises TaskError and DataError."""

    def __init__(self, asked: Asked) -> None:
        workload = f"workload eval:{','.join(asked.benchmarks)}"
        for name in asked.benchmarks:
            if name not in BENCHMARKS:
                raise TaskError(
                    f"{workload}: {name!r} is not a benchmark{did_you_mean(name, BENCHMARKS)}; see `evalcore list`"
                )
        self.task = _task(asked)
        self.plans = [plan_of(self.task, name) for name in asked.benchmarks]
        for plan in self.plans:
            _fits(plan, asked, workload)

    def samples(self) -> Iterator[tuple[Plan, Sample]]:
        for plan in self.plans:
            for subset in plan.subsets:
                for sample in samples_of(self.task, plan, subset):
                    yield plan, sample

    def named(self) -> dict[str, tuple[Plan, Sample]]:
        """By the name that an item has in every run."""
        return {name_of(plan, sample): (plan, sample) for plan, sample in self.samples()}


def name_of(plan: Plan, sample: Sample) -> str:
    return f"{plan.name}/{sample.subset}/{sample.id}"


class EvalItems(Workload):
    def __init__(self, exam: Exam, asked: Asked) -> None:
        self._exam, self._asked = exam, asked
        seed = exam.task.seed
        named = exam.named()
        if not named:
            raise TaskError(f"workload eval:{','.join(asked.benchmarks)} has not one item; look at eval_args")
        self._order = sorted(named.items(), key=lambda pair: _drawn(seed, pair[0]))
        subsets = {(plan.name, sample.subset): plan for _, (plan, sample) in self._order}
        self._shots = {
            (name, subset): shots_of(plan, subset, seed) for (name, subset), plan in subsets.items()
        }  # all of them now: a file that is read while a run is going would hold everything up
        self.length = len(self._order)
        self.sessions = False
        some = range(min(self.length, SIZED_BY))
        sizes = [sum(len(str(message.get("content", ""))) for message in self._messages(at)) for at in some]
        self.expected_tokens = estimated_tokens(sum(sizes) / len(sizes))
        self.reuse = (
            f"as benchmarks ask: their instructions and worked examples begin prompts alike; {self.length} items in an "
            f"order of eval seed {seed}, the same in every run, and then again"
        )

    def item(self, index: int) -> Item:
        at = index % len(self._order)
        name, (plan, sample) = self._order[at]
        options: dict[str, Any] = {}
        if self._asked.max_tokens is None:
            options["max_tokens"] = plan.benchmark.max_tokens or self._exam.task.generation_config.max_tokens
        if isinstance(plan.benchmark, CallsFunctions) and (tools := plan.benchmark.tools(sample, _shaping(plan))):
            options["extra"] = {"tools": tools}
        return Item(
            prompt=Prompt(messages=self._messages(at)), options=options, item=name,
            tag=plan.name if len(self._exam.plans) > 1 else "",
        )  # fmt: skip

    def facts(self) -> Mapping[str, Any]:
        return {"benchmarks": self._told}

    @cached_property
    def _told(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            plan.name: {"items": 0, "few_shot": plan.few_shot, "protocol": plan.benchmark.protocols[0]}
            for plan in self._exam.plans
        }
        for _, (plan, _) in self._order:
            found[plan.name]["items"] += 1
        return found

    def _messages(self, at: int) -> list[Message]:
        plan, sample = self._order[at][1]
        return plan.benchmark.messages(sample, self._shots[plan.name, sample.subset], _shaping(plan))


def _shaping(plan: Plan) -> PromptOptions:
    return PromptOptions(plan.args.prompt_template, plan.args.system_prompt, plan.args.extra)


def _drawn(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"under load {seed}\0{name}".encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _task(asked: Asked) -> TaskConfig:
    args = dict(asked.args)
    whole = {key: args.pop(key) for key in WHOLE if key in args}
    known = [key for key in (*WHOLE, *DatasetArgs.model_fields) if key not in OWN_WAY]
    if strange := sorted(set(args) - set(known)):
        raise TaskError(
            f"eval_args.{strange[0]} means nothing here{did_you_mean(strange[0], known)} (there are {', '.join(known)})"
        )
    given = whole.pop("dataset_args", {})
    if not isinstance(given, Mapping):
        raise TaskError("eval_args.dataset_args is no mapping; write it like {gsm8k: {few_shot_num: 0}}")
    each = {name: {**args, **(given.get(name) or {})} for name in asked.benchmarks}
    # Nothing is asked through this task, so its model and address are only names.
    task = {"model": "under-load", "api_url": "http://127.0.0.1/v1", "judge_strategy": "rule", **whole}
    return TaskConfig.from_mapping(
        {**task, "datasets": list(asked.benchmarks), "dataset_args": {**given, **each}}, "eval_args", environment={}
    )


def _fits(plan: Plan, asked: Asked, workload: str) -> None:
    by = plan.benchmark
    if isinstance(by, Opposed) or (isinstance(by, Judged) and by.judge_by_default):
        raise TaskError(f"{workload}: no rule can score {by.name}, and here nobody judges; use evalcore run for it")
    if isinstance(by, CallsFunctions) and asked.api != "chat":
        raise TaskError(f"{workload}: {by.name} offers functions as api chat does, and api is {asked.api}")
