"""Pick: which samples are asked when not all of them are.

A quick evaluation is an honest sample: every category of a subset gets its share of the limit, and within it every
sample the same chance. The chance is drawn from the sample's id and the seed, never from its position, so the same
seed picks the same samples whatever their order, and a higher limit asks all that a lower one did: nothing that was
paid for is lost when a run is repeated with more.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from evalcore.compact import CompactMap
from evalcore.errors import TaskError
from evalcore.types import Sample

Mode: TypeAlias = Literal["stratified", "head"]
Limit: TypeAlias = int | float | None
"""A count for each subset, a share (0 to 1, a float) of each, or None: all."""


def content_id(row: Mapping[str, Any]) -> str:
    """A stable name for a row that has none: a hash of its content, whatever the order of its fields."""
    return hashlib.blake2b(msgspec.json.encode(row, order="sorted"), digest_size=8).hexdigest()


def pick(
    samples: Callable[[], Iterable[Sample]],
    limit: Limit = None,
    mode: Mode = "stratified",
    seed: int = 42,
    subsets: Collection[str] | None = None,
) -> Iterator[Sample]:
    """The samples to ask, in the order of their source.

    `samples` opens the source; with a limit it is read twice, so that no more than 8 bytes a sample are held.
    Only samples of `subsets` are looked at (None: of all). Identical rows get different ids ("ID~2"): both are asked.
    Raises TaskError when the limit makes no sense.
    """
    limit = checked(limit)

    def opened() -> Iterator[Sample]:
        return _told_apart(one for one in samples() if subsets is None or one.subset in subsets)

    if limit is None:
        return opened()
    if mode == "head":
        return _head(opened, limit)
    return _stratified(opened, limit, seed)


def in_random_order(samples: Iterable[Sample], seed: int) -> list[Sample]:
    """The samples in an order that hangs on the seed and their names alone, not on the order they came in."""
    return sorted(samples, key=lambda sample: (_even(f"order {seed}\0{sample.subset}\0{sample.id}"), sample.id))


def checked(limit: Limit) -> Limit:
    """The limit, a whole float above 1 as the count it is. Raises TaskError unless it is a count or a share."""
    if isinstance(limit, float) and limit > 1 and limit.is_integer():
        return int(limit)
    if limit is None or (isinstance(limit, float) and 0 < limit <= 1):
        return limit
    if isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1:
        return limit
    raise TaskError(
        f"limit is {limit!r}: give a count of samples for each subset (100), or a share above 0 and up to 1.0 (0.1)"
    )


def _head(opened: Callable[[], Iterator[Sample]], limit: int | float) -> Iterator[Sample]:
    left = Counter[str]()
    if isinstance(limit, float):
        for subset, count in Counter(one.subset for one in opened()).items():
            left[subset] = share_of(count, limit)
    begun = Counter[str]()
    for sample in opened():
        if begun[sample.subset] < (limit if isinstance(limit, int) else left[sample.subset]):
            begun[sample.subset] += 1
            yield sample


def _stratified(opened: Callable[[], Iterator[Sample]], limit: int | float, seed: int) -> Iterator[Sample]:
    chances: dict[str, dict[str, array[int]]] = {}
    for sample in opened():
        strata = chances.setdefault(sample.subset, {})
        strata.setdefault(sample.category, array("Q")).append(_chance(sample, seed))
    highest: dict[tuple[str, str], int] = {}
    for subset, strata in chances.items():
        sizes = {category: len(drawn) for category, drawn in strata.items()}
        total = sum(sizes.values())
        wanted = min(limit, total) if isinstance(limit, int) else share_of(total, limit)
        for category, count in allot(sizes, wanted, f"{seed}\0{subset}").items():
            if count:
                highest[subset, category] = heapq.nsmallest(count, strata[category])[-1]
    del chances
    for sample in opened():
        mark = highest.get((sample.subset, sample.category))
        if mark is not None and _chance(sample, seed) <= mark:
            yield sample


def share_of(count: int, share: float) -> int:
    """That share of a count, rounded to the nearest, and at least one of something."""
    return min(count, max(1, math.floor(count * share + 0.5)))


def allot(sizes: Mapping[str, int], wanted: int, salt: str) -> dict[str, int]:
    """How many of `wanted` each stratum gives: its share of them, up to the next whole number.

    Members stand at (rank + u) / size on a line from 0 to 1, with one random u a stratum, and the first `wanted` of
    all are taken. So every member has the same chance, in a stratum of one as in one of a thousand, and a higher
    `wanted` only adds.
    """
    names = [name for name, size in sizes.items() if size]
    if not names:
        return dict.fromkeys(sizes, 0)
    places = [(np.arange(sizes[name]) + _even(f"{salt}\0{name}") / 2**64) / sizes[name] for name in names]
    owners = np.repeat(np.arange(len(names)), [sizes[name] for name in names])
    first = np.argsort(np.concatenate(places), kind="stable")[:wanted]
    counts = np.bincount(owners[first], minlength=len(names))
    return dict.fromkeys(sizes, 0) | {name: int(count) for name, count in zip(names, counts, strict=True)}


def _chance(sample: Sample, seed: int) -> int:
    return _even(f"{seed}\0{sample.subset}\0{sample.id}")


def _even(word: str) -> int:
    """A number of 64 bits, even over all of them."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _told_apart(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Samples with ids of their own: the second with the same id and subset gets "~2", and so on."""
    seen = CompactMap()
    again: Counter[tuple[str, str]] = Counter()
    for number, sample in enumerate(samples):
        if seen.setdefault((sample.subset, sample.id), number) == number:
            yield sample
            continue
        again[sample.subset, sample.id] += 1
        yield msgspec.structs.replace(sample, id=f"{sample.id}~{again[sample.subset, sample.id] + 1}")
