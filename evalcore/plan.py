"""Plan: what a task will ask, in which order, and from which data.

A `Plan` is one benchmark with the task's settings; `items` reads its samples as they are needed and makes an `Item` of
each, once for every repeat. How an item is put to the model is `evalcore.asking`'s.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from evalcore.benchmarks.base import Benchmark, Comparison
from evalcore.benchmarks.table import benchmark
from evalcore.dataset.load import Where, find, rows
from evalcore.dataset.pick import in_random_order, pick
from evalcore.errors import DataError, TaskError
from evalcore.task import DatasetArgs, TaskConfig
from evalcore.types import Message, Sample

ROWS_CHECKED = 1000
"""Of each benchmark, before anything is asked; what is wrong further down ends the run when it is come to."""


class Owners:
    """Which subset each row of some files says it is of, so that reading one subset makes no samples of the others.

    Remembered of rows that were met while another subset was read; two bytes a row.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._of_row = array("H")

    def is_anothers(self, row: int, subset: str) -> bool:
        number = self._of_row[row] if row < len(self._of_row) else 0
        return number != 0 and number != self._numbers.get(subset)

    def remember(self, row: int, subset: str) -> None:
        if row >= len(self._of_row):
            self._of_row.extend([0] * (row + 1 - len(self._of_row)))
        self._of_row[row] = self._numbers.setdefault(subset, len(self._numbers) + 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """One benchmark of the task, ready to give its items."""

    name: str
    benchmark: Benchmark
    args: DatasetArgs
    where: Where
    subsets: tuple[str, ...]
    few_shot: int
    owners: dict[tuple[str, ...], Owners] = field(default_factory=dict, compare=False, repr=False)
    """By a split and its files, which may hold several subsets."""


@dataclass(frozen=True, slots=True)
class Item:
    """One sample, asked once."""

    plan: Plan
    sample: Sample
    repeat: int
    messages: list[Message]
    body: bytes
    compared: Comparison | None = None
    """Where options are compared and no words are asked for: what the body compares."""

    @property
    def content(self) -> str:
        """Names the request by its content: model, messages and settings are in the body."""
        return hashlib.blake2b(self.body + b"#%d" % self.repeat, digest_size=16).hexdigest()

    @property
    def key(self) -> str:
        """Names the answer: the content of its request, and whose answer it is. Two samples may ask the same."""
        whose = f"{self.plan.name}\0{self.sample.subset}\0{self.sample.id}".encode("utf-8", "surrogatepass")
        return f"{self.content}.{hashlib.blake2b(whose, digest_size=6).hexdigest()}"


def content_of(key: str) -> str:
    """The content's part of an item's key."""
    return key.partition(".")[0]


def plan_of(task: TaskConfig, name: str, *, need_data: bool = True) -> Plan:
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
        _check_data(plan)
    return plan


def _check_data(plan: Plan) -> None:
    """Raises DataError for files that are not there, for none that have a sample, and for a bad row among the first."""
    source = plan.benchmark.source
    split = plan.args.eval_split or source.eval_split
    try:
        for subset in plan.subsets:
            find(source, subset, split, plan.where)
    except DataError as error:
        there = _subsets_there(plan, split)
        raise _told(plan, error, f"subset_list: [{', '.join(there)}], which are there" if there else "") from None
    if plan.few_shot and source.shots_split is not None:
        try:
            for subset in plan.subsets:
                find(source, subset, source.shots_split, plan.where)
        except DataError as error:
            raise _told(plan, error, "few_shot_num: 0, which asks without worked examples") from None
    samples = chain.from_iterable(_reader(plan, subset, split)() for subset in plan.subsets)
    if not sum(sample.subset in plan.subsets for sample in islice(samples, ROWS_CHECKED)):
        files = ", ".join(str(file) for file in find(source, plan.subsets[0], split, plan.where))
        raise DataError(f"{plan.name}: {files} holds no sample of {', '.join(plan.subsets)}; name a file with rows")


def _subsets_there(plan: Plan, split: str) -> list[str]:
    """Subsets whose files are in a folder of the user's; a hub has all or none."""
    found: list[str] = []
    for subset in plan.subsets if plan.where.hub == "local" else ():
        with suppress(DataError):
            find(plan.benchmark.source, subset, split, plan.where)
            found.append(subset)
    return found


def _told(plan: Plan, error: DataError, another_way: str) -> DataError:
    """The same of this benchmark, with one more remedy."""
    more = f"; or dataset_args.NAME.{another_way}" if another_way else ""
    return DataError(f"{plan.name}: {error}{more}".replace("dataset_args.NAME", f"dataset_args.{plan.name}"))


def samples_of(task: TaskConfig, plan: Plan, subset: str) -> Iterator[Sample]:
    """What is asked of a subset, in the data's order. A file may hold several subsets."""
    reader = _reader(plan, subset, plan.args.eval_split or plan.benchmark.source.eval_split)
    if plan.args.shuffle:
        chosen = _shuffled(reader, task, subset)
    else:
        chosen = pick(reader, task.limit, mode=task.limit_mode, seed=task.seed, subsets=(subset,))
    if not plan.args.shuffle_choices:
        return chosen
    from evalcore.benchmarks.choice import shuffled

    return (shuffled(sample, task.seed) for sample in chosen)


def _shuffled(reader: Callable[[], Iterator[Sample]], task: TaskConfig, subset: str) -> Iterator[Sample]:
    """All of them, or those of a stratified limit, in an order of the seed's; then the first, if those are wanted."""
    head = task.limit_mode == "head"
    some = pick(reader, None if head else task.limit, mode=task.limit_mode, seed=task.seed, subsets=(subset,))
    ordered = in_random_order(some, task.seed)
    return pick(lambda: ordered, task.limit, mode="head", subsets=(subset,)) if head else iter(ordered)


def shots_of(plan: Plan, subset: str, seed: int) -> list[Sample]:
    split = plan.benchmark.source.shots_split
    if plan.few_shot == 0 or split is None:
        return []
    mode: Literal["stratified", "head"] = "stratified" if plan.args.few_shot_random else "head"
    return list(pick(_reader(plan, subset, split), plan.few_shot, mode=mode, seed=seed, subsets=(subset,)))


def _reader(plan: Plan, subset: str, split: str) -> Callable[[], Iterator[Sample]]:
    """Reads the samples of a split, from the beginning each time it is called."""
    found = plan.benchmark

    def samples() -> Iterator[Sample]:
        files = tuple(find(found.source, subset, split, plan.where))
        owners = plan.owners.setdefault((split, *map(str, files)), Owners())
        for number, row in enumerate(rows(found.source, subset, split, plan.where), 1):
            if owners.is_anothers(number, subset):
                continue
            try:
                sample = found.sample(row, subset)
            except DataError as error:
                raise DataError(f"{error}; it is row {number} of {', '.join(map(str, files))}") from None
            if sample.subset != subset:
                owners.remember(number, sample.subset)
            yield sample

    return samples
