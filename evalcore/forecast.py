"""Forecast: what a task would ask, and what that would take, without a request (--dry-run).

Counts of requests are exact: the data is read, and what a run folder or the response cache has already is left out.
Prompt tokens are counted by the task's tokenizer, without what a chat template adds, else estimated by length. How long
answers will be nobody knows: `max_tokens` bounds it, and answers to the same samples that were kept say what to expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evalcore.asking import Generation, items
from evalcore.benchmarks.base import CallsFunctions
from evalcore.cache import ResponseCache, cache_folder, open_cache
from evalcore.course import Course, read_course
from evalcore.ending import budget_of, counter_of, prices_of
from evalcore.endpoint import endpoint_of, options_of
from evalcore.errors import TaskError
from evalcore.outputs import EvalFolder, LineIndex, read_predictions
from evalcore.plan import Plan, content_of, plan_of
from evalcore.reviewing import Reviewer
from evalcore.task import TaskConfig
from evalcore.types import Message, Prediction

FEWEST_BEFORE = 10  # answers of an earlier run that its speed can be judged by


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark."""

    name: str
    answers: int
    """Samples times repeats."""
    known: int
    """Of these: in the run folder that is gone on with, or in the response cache."""
    prompt_tokens: int
    """Of those that will be asked."""
    most_output_tokens: int | None
    """None: max_tokens is not set, and nothing bounds it."""
    expected_output_tokens: int | None
    """None: no earlier answers to go by."""
    judged: bool
    may_compare: bool
    """Options may be compared by likelihood, which takes other requests than these."""

    @property
    def asked(self) -> int:
        return self.answers - self.known


@dataclass(frozen=True, slots=True)
class Forecast:
    parts: tuple[Part, ...]
    counted_by: str
    """tokenizer, or estimate."""
    eta_s: float | None
    eta_by: str
    """What the time follows from; why it is not known, if it is not."""
    expected_cost: float | None
    most_cost: float | None
    budget: str

    @property
    def asked(self) -> int:
        return sum(part.asked for part in self.parts)

    @property
    def prompt_tokens(self) -> int:
        return sum(part.prompt_tokens for part in self.parts)

    @property
    def most_output_tokens(self) -> int | None:
        return _sum([part.most_output_tokens for part in self.parts])

    @property
    def expected_output_tokens(self) -> int | None:
        return _sum([part.expected_output_tokens for part in self.parts])

    def plain(self) -> dict[str, Any]:
        """For --json."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        names = ("asked", "prompt_tokens", "most_output_tokens", "expected_output_tokens")
        return {**{name: getattr(self, name) for name in names}, **found}


def forecast(task: TaskConfig) -> Forecast:
    """Read the data and count. Raises what a run would raise before its first request; sends nothing."""
    task.check_secrets()
    plans = [plan_of(task, name) for name in task.datasets]
    reviewer = Reviewer(task)
    with ExitStack() as cleanup:
        cleanup.callback(reviewer.close)
        before = _folder_before(task)
        found = [] if before is None else before.prediction_files()
        answers = LineIndex(found, Prediction, lambda one: not one.fault, [], also=content_of)
        cleanup.callback(answers.close)
        cache = None
        if task.cache is not None and task.api_url is not None and cache_folder(task).is_dir():
            cache = open_cache(task, endpoint_of(task, task.api_url).urls[0])
        if cache is not None:
            cleanup.callback(cache.close)
        earlier = before or _last_folder(task)
        lengths = {} if earlier is None else _mean_lengths(earlier.prediction_files())
        parts = tuple(_part(task, plan, reviewer, answers, cache, lengths) for plan in plans)
    whole = Forecast(
        parts, "estimate" if task.tokenizer is None else "tokenizer", None, "", None, None, str(budget_of(task) or "")
    )
    eta_s, eta_by = _eta(task, whole, None if earlier is None else read_course(earlier.course()))
    expected, most = _costs(task, whole)
    return Forecast(parts, whole.counted_by, eta_s, eta_by, expected, most, whole.budget)


def _part(
    task: TaskConfig, plan: Plan, reviewer: Reviewer, answers: LineIndex[Prediction], cache: ResponseCache | None,
    lengths: Mapping[str, float],
) -> Part:  # fmt: skip
    count, offers = counter_of(task), isinstance(plan.benchmark, CallsFunctions)
    planned = known = prompt_tokens = 0
    heard: list[int] = []  # tokens of earlier answers to samples that will be asked
    for item in items(task, plan, Generation(task, plan)):
        planned += 1
        if answers.get(item.key) or answers.like(item.content) or (cache is not None and cache.get(item)):
            known += 1
            continue
        prompt_tokens += sum(map(count, _texts(item.messages))) + (count(_tools(item.body)) if offers else 0)
        length = None if cache is None else cache.length_of(plan.name, item.sample)
        if length is not None:
            heard.append(length)
    asked = planned - known
    most = options_of(task, plan.benchmark).max_tokens
    mean = sum(heard) / len(heard) if heard else lengths.get(plan.name)
    method = plan.args.method or task.choice_method
    return Part(
        name=plan.name, answers=planned, known=known, prompt_tokens=prompt_tokens,
        most_output_tokens=None if most is None else asked * most,
        expected_output_tokens=0 if not asked else None if mean is None else round(asked * mean),
        judged=reviewer.is_judged(plan.benchmark), may_compare=method != "generate",
    )  # fmt: skip


def _tools(body: bytes) -> str:
    """Functions that a request offers, as the JSON that a chat template shows to the model."""
    tools = msgspec.json.decode(body).get("tools")
    return "" if tools is None else msgspec.json.encode(tools).decode()


def _texts(messages: Sequence[Message]) -> list[str]:
    """The texts of messages; pictures and the like are left out."""
    found: list[str] = []
    for message in messages:
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        found += [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return found


def _eta(task: TaskConfig, whole: Forecast, before: Course | None) -> tuple[float | None, str]:
    """The longest of the times that something is known of."""
    if not whole.asked:
        return 0.0, "nothing is left to ask"
    times: list[tuple[float, str]] = []
    if task.rpm is not None:
        times.append((whole.asked / task.rpm * 60, f"rpm {task.rpm}"))
    output = whole.expected_output_tokens
    output = whole.most_output_tokens if output is None else output
    if task.tpm is not None and output is not None:
        times.append(((whole.prompt_tokens + output) / task.tpm * 60, f"tpm {task.tpm}"))
    if before is not None and before.requests >= FEWEST_BEFORE and before.window_s > 0:
        speed = before.requests / before.window_s
        times.append((whole.asked / speed, f"{speed:.1f} answers/s of an earlier run (parallel {before.parallel})"))
    if not times:
        return None, "unknown: there is no rpm or tpm, and no earlier run of this model to go by"
    return max(times)


def _costs(task: TaskConfig, whole: Forecast) -> tuple[float | None, float | None]:
    if task.price_in is None and task.price_out is None:
        return None, None
    prices = prices_of(task)
    expected, most = whole.expected_output_tokens, whole.most_output_tokens
    return (
        None if expected is None else prices.of(whole.prompt_tokens, expected),
        None if most is None else prices.of(whole.prompt_tokens, most),
    )


def _folder_before(task: TaskConfig) -> EvalFolder | None:
    return None if task.use_cache is None else EvalFolder.opened(Path(task.use_cache), task.name_of_model)


def _last_folder(task: TaskConfig) -> EvalFolder | None:
    """The last run of this model in the folder of runs."""
    for folder in sorted(Path(task.work_dir).glob("*/logs/run.json"), reverse=True):
        try:
            found = EvalFolder.opened(folder.parent.parent, task.name_of_model)
        except TaskError:
            continue
        if found.prediction_files():
            return found
    return None


def _mean_lengths(files: Sequence[Path]) -> dict[str, float]:
    """Mean tokens of the answers that are there, by benchmark."""
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        for one in read_predictions(file):
            if one.output_tokens and not one.fault:
                total, number = sums.get(one.benchmark, (0, 0))
                sums[one.benchmark] = total + one.output_tokens, number + 1
    return {name: total / number for name, (total, number) in sums.items()}


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
