"""Order: what is asked first. Long answers begin early, so that none of them is left over when all else is done.

A benchmark with room for longer answers comes before one with less, and one that a judge reads before all others, so
that the judge has work from the start. Within that, items are put in order of the length to expect, in a window that
slides over the stream: it holds so many items and bytes and no more, and grows little by little, so that the first
request does not wait for it. Resuming goes by content, so an order is free to change.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import TypeVar

from evalcore.endpoint import options_of
from evalcore.plan import Item, Plan
from evalcore.task import TaskConfig

T = TypeVar("T")

MOST_ITEMS, MOST_BYTES = 2048, 32 * 2**20  # of the window
GROWTH = 8  # items that are read for each one that is taken, until the window is full


def plans_in_order(task: TaskConfig, plans: Sequence[Plan], is_judged: Callable[[Plan], bool]) -> list[Plan]:
    """The plans as they should be asked; in the task's order among equals."""
    if task.order == "data" or ends_early(task):
        return list(plans)
    return sorted(plans, key=lambda plan: (not is_judged(plan), -(options_of(task, plan.benchmark).max_tokens or 0)))


def ends_early(task: TaskConfig) -> bool:
    """Whether a run may end before everything is asked; then what was asked should be a fair sample of it."""
    return task.order == "auto" and (task.budget is not None or task.deadline is not None)


def in_turn(streams: Sequence[Iterator[T]]) -> Iterator[T]:
    """One of each, round and round, until all are at their end."""
    going = list(streams)
    while going:
        still = []
        for stream in going:
            for item in islice(stream, 1):
                yield item
                still.append(stream)
        going = still


def longest_first(
    items: Iterator[Item], length: Callable[[Item], float], most_items: int = MOST_ITEMS, most_bytes: int = MOST_BYTES
) -> Iterator[Item]:
    """The same items, of those in the window always the longest; in the order they came among equals."""
    window: list[tuple[float, int, Item]] = []
    held = 0
    number = count()
    more = True
    while more or window:
        read = 0
        while more and (not window or (read < GROWTH and len(window) < most_items and held < most_bytes)):
            item = next(items, None)
            if item is None:
                more = False
                break
            read += 1
            held += len(item.body)
            heapq.heappush(window, (-length(item), next(number), item))
        if window:
            _, _, item = heapq.heappop(window)
            held -= len(item.body)
            yield item
