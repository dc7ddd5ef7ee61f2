"""Adaptive concurrency finds what an endpoint bears: a queue in front of slots, refusals, noise, and callers that idle.

The endpoint is a model of one, driven by events in virtual time: what the search is told is exact and nothing waits.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.adaptive import Adaptive, Search
from perfbench.engine.errors import ScenarioError

S = 1_000_000_000


@dataclass
class Endpoint:
    """Serves `slots` at a time, the rest in order of arrival (or refuses them); each takes `time_s` of its tokens."""

    slots: int
    refuses: bool = False
    accidents: float = 0.0  # share refused whatever the load
    retry_after_s: float | None = None
    counts_tokens: bool = True
    long_tail: float = 0.0  # 0: all answers are alike; 1: their lengths are exponential
    slower_per_active: float = 0.0  # share by which each one in flight slows down all of them
    idle: int | None = None  # callers there are; None: always enough
    seed: int = 1
    history: list[tuple[float, int]] = field(default_factory=list)
    served: int = 0

    def drive(self, search: Search, answers: int, slots_of: Callable[[int], int] | None = None) -> Search:
        rng = random.Random(self.seed)
        events: list[tuple[int, int, int, int, bool]] = []  # at, number, began, tokens, refused
        queue: deque[tuple[int, int]] = deque()
        now, number, busy, active = 0, 0, 0, 0

        def begin(began: int, tokens: int) -> None:
            nonlocal busy, number
            busy += 1
            number += 1
            each_s = 0.01 * (1 + self.slower_per_active * busy)
            heapq.heappush(events, (now + round(tokens * each_s * S), number, began, tokens, False))

        while self.served < answers:
            slots = self.slots if slots_of is None else slots_of(self.served)
            while active < search.limit and now >= search.paused_until_ns and (self.idle is None or active < self.idle):
                active += 1
                search.entered(now)
                tokens = max(1, round(100 * (1 - self.long_tail + self.long_tail * rng.expovariate(1.0))))
                if (self.refuses and busy >= slots) or rng.random() < self.accidents:
                    number += 1
                    heapq.heappush(events, (now + 1_000_000, number, now, 0, True))
                elif busy < slots:
                    begin(now, tokens)
                else:
                    queue.append((now, tokens))
            if not events:
                now = search.paused_until_ns
                continue
            now, _, began, tokens, refused = heapq.heappop(events)
            active -= 1
            if not refused:
                self.served += 1
                busy -= 1
                if queue and busy < slots:
                    begin(*queue.popleft())
            units = tokens if self.counts_tokens else 1
            search.left(now, began, 0 if refused else units, refused=refused, retry_after_s=self.retry_after_s)
            if not self.history or self.history[-1][1] != search.limit:
                self.history.append((now / S, search.limit))
        return search


def throughput(endpoint: Endpoint, level: int) -> float:
    return min(level, endpoint.slots) / (1 + endpoint.slower_per_active * min(level, endpoint.slots))


def levels_after(endpoint: Endpoint, share: float) -> list[tuple[float, float]]:
    """(level, seconds at it) in the last part of what was driven."""
    end_s = endpoint.history[-1][0]
    steps = [*endpoint.history, (end_s, 0)]
    spans = [(level, after - at) for (at, level), (after, _) in pairwise(steps)]
    return [(level, span) for (level, span), (at, _) in zip(spans, steps, strict=False) if at > (1 - share) * end_s]


@settings(max_examples=60, deadline=None, derandomize=True)  # seldom a run of long answers makes a level look better
@given(
    slots=st.integers(10, 200), long_tail=st.sampled_from([0.0, 0.5, 1.0]), refuses=st.booleans(),
    seed=st.integers(0, 99), start=st.sampled_from([1, 8]),
)  # fmt: skip
def test_the_slots_of_an_endpoint_are_found_within_a_fifth(slots, long_tail, refuses, seed, start):
    endpoint = Endpoint(slots, refuses=refuses, long_tail=long_tail, seed=seed)
    search = endpoint.drive(Search(Adaptive(start=start)), 60 * slots + 800)
    assert search.found is not None
    assert 0.8 * slots - 1 <= search.found <= 1.25 * slots + 1
    assert search.limit <= 1.25 * search.found + 1


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_an_endpoint_that_bears_next_to_nothing_gets_little(slots):
    search = Endpoint(slots, refuses=True).drive(Search(Adaptive()), 500)
    assert search.found is not None and search.found <= slots


@pytest.mark.parametrize("accidents", [0.02, 0.05, 0.2])
def test_refusals_that_have_nothing_to_do_with_load_do_not_hold_the_level_down(accidents):
    search = Endpoint(48, accidents=accidents, long_tail=0.5).drive(Search(Adaptive()), 6000)
    assert search.found is not None and 38 <= search.found <= 60


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_where_each_answer_slows_down_all_the_found_level_has_most_of_the_throughput_there_is(share):
    endpoint = Endpoint(10_000, slower_per_active=share, long_tail=0.5)
    search = endpoint.drive(Search(Adaptive()), 12_000)
    assert search.found is not None
    assert throughput(endpoint, search.found) >= 0.75 * throughput(endpoint, 1024)
    assert search.found < 1024


def test_without_counted_tokens_requests_are_what_is_measured():
    search = Endpoint(24, counts_tokens=False).drive(Search(Adaptive()), 2000)
    assert search.found is not None and 19 <= search.found <= 29


def test_a_caller_that_does_not_fill_the_level_does_not_raise_it():
    search = Endpoint(500, idle=5).drive(Search(Adaptive(start=8)), 3000)
    assert search.limit == 8
    assert search.found is None


def test_an_endpoint_that_grows_is_followed():
    search = Search(Adaptive())
    endpoint = Endpoint(20, long_tail=0.5)
    endpoint.drive(search, 30_000, lambda served: 20 if served < 3000 else 60)
    assert search.found is not None and search.found >= 45


def test_an_endpoint_that_turns_away_what_it_took_before_gets_less():
    search = Search(Adaptive())
    endpoint = Endpoint(60, refuses=True, long_tail=0.5)
    endpoint.drive(search, 12_000, lambda served: 60 if served < 4000 else 20)
    assert search.found is not None and 13 <= search.found <= 25


def test_once_found_a_level_is_left_seldom_and_not_far():
    endpoint = Endpoint(32, long_tail=1.0, seed=3)
    search = endpoint.drive(Search(Adaptive()), 20_000)
    late = levels_after(endpoint, 0.5)
    assert search.found is not None
    assert all(0.7 * 32 <= level <= 1.5 * 32 for level, _ in late)
    assert sum(span for level, span in late if level != search.found) < 0.4 * sum(span for _, span in late)


def test_nobody_enters_before_the_time_that_the_endpoint_asked_for():
    search = Search(Adaptive(start=8))
    for number in range(8):
        search.entered(number)
    for number in range(8):
        search.left(S, number + 1, 0, refused=True, retry_after_s=3.0)
    assert search.limit < 8
    assert search.paused_until_ns == 4 * S


def test_a_refusal_of_a_level_that_was_left_already_cuts_no_further():
    search = Search(Adaptive(start=64))
    for number in range(64):
        search.entered(number)
    for number in range(64):
        search.left(S, number + 1, 0, refused=True, retry_after_s=None)
    assert search.limit == 32


def test_the_level_never_passes_the_most_it_may():
    search = Endpoint(500).drive(Search(Adaptive(start=8, most=50)), 4000)
    assert search.found == 50


@pytest.mark.parametrize(("start", "most"), [(0, 10), (20, 10)])
def test_bounds_that_are_none_are_refused(start, most):
    with pytest.raises(ScenarioError, match="from 1 up"):
        Adaptive(start, most)
