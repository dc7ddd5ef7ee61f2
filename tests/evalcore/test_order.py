"""Order: the longest first within a window that is bounded and slides; benchmarks in turn where a run may end early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.order import GROWTH, in_turn, longest_first, plans_in_order
from evalcore.plan import Item, plan_of
from evalcore.task import TaskConfig


@dataclass
class Thing:
    """What `longest_first` looks at of an item."""

    length: int
    body: bytes = b"x"


@dataclass
class Source:
    """Things one after the other, and how many have been taken out."""

    lengths: list[int]
    taken: int = 0

    def __iter__(self) -> Iterator[Any]:
        for length in self.lengths:
            self.taken += 1
            yield Thing(length)


def ordered(source: Source, **bounds: int) -> Iterator[int]:
    things = longest_first(iter(source), lambda thing: cast("Any", thing).length, **bounds)
    return (cast("Any", thing).length for thing in things)


@given(lengths=st.lists(st.integers(0, 50), max_size=200), most_items=st.integers(1, 40))
def test_nothing_is_lost_and_no_more_is_held_than_the_window(lengths, most_items):
    source, found = Source(lengths), []
    for length in ordered(source, most_items=most_items):
        found.append(length)
        assert source.taken - len(found) < most_items
    assert sorted(found) == sorted(lengths)


def test_within_the_window_the_longest_comes_first():
    lengths = [n * 37 % 101 for n in range(100)]
    found = list(ordered(Source(lengths), most_items=1000))
    settled = len(lengths) // GROWTH + 1
    assert found[settled:] == sorted(found[settled:], reverse=True)


def test_the_first_does_not_wait_for_a_window_to_fill():
    source = Source([1] * 10_000)
    next(ordered(source))
    assert source.taken <= GROWTH


def test_large_bodies_make_the_window_small():
    things = (Thing(1, b"x" * 1000) for _ in range(100))
    held = 0

    def counted() -> Iterator[Item]:
        nonlocal held
        for thing in things:
            held += 1
            yield cast("Item", thing)

    for given_out, _ in enumerate(longest_first(counted(), lambda item: 1.0, most_bytes=5000), 1):
        assert held - given_out <= 5


def test_in_turn_takes_one_of_each_until_all_are_at_their_end():
    assert list(in_turn([iter("abc"), iter("1"), iter("xy")])) == ["a", "1", "x", "b", "y", "c"]


@pytest.mark.parametrize(("keys", "names"), [
    pytest.param({}, ["simple_qa", "math_500", "gsm8k"], id="what a judge reads first, then the longest answers"),
    pytest.param({"order": "data"}, ["gsm8k", "simple_qa", "math_500"], id="as the task names them"),
    pytest.param({"deadline": "1h"}, ["gsm8k", "simple_qa", "math_500"], id="as named, where the run may end early"),
])  # fmt: skip
def test_benchmarks_come_in_the_order_that_keeps_everybody_busy(keys, names):
    datasets = ["gsm8k", "simple_qa", "math_500"]
    given_keys = {"model": "m", "api_url": "http://127.0.0.1:1/v1", "datasets": datasets, **keys}
    task = TaskConfig.from_mapping(given_keys, "test", environment={})
    plans = [plan_of(task, name, need_data=False) for name in datasets]
    assert [plan.name for plan in plans_in_order(task, plans, lambda plan: plan.name == "simple_qa")] == names
