"""Concurrency: an exact step function of starts and ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.metrics.concurrency import in_flight, littles_law_residual, steps
from tests.metrics.rows import at, record, reply, table

S = 1_000_000_000
spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=40)


def ns(*seconds: float) -> np.ndarray:
    return np.array([round(s * S) for s in seconds], np.int64)


def test_levels_by_hand() -> None:
    # ####      [0, 4)
    #   ######  [2, 8)
    flight = steps(ns(0, 2), ns(4, 8))
    assert [flight.at(t * S) for t in (-1, 0, 1, 2, 3, 4, 7, 8, 9)] == [0, 1, 1, 2, 2, 1, 1, 0, 0]
    assert flight.maximum() == 2
    assert flight.mean(0, 8 * S) == 10 / 8
    assert flight.mean(3 * S, 5 * S) == 1.5
    assert flight.binned_means(ns(0, 2, 4, 8, 10)).tolist() == [1, 2, 1, 0]
    assert flight.median(0, 8 * S) == 1
    assert flight.median(2 * S, 4 * S) == 2
    assert flight.first_at_least(2) == 2 * S
    assert flight.first_at_least(3) is None


def test_a_slot_that_ends_and_starts_at_one_instant_counts_once() -> None:
    assert steps(ns(0, 5, 5), ns(5, 9, 6)).maximum() == 2


def test_no_requests_are_no_load() -> None:
    nothing = steps(ns(), ns())
    assert (nothing.maximum(), nothing.mean(0, S), nothing.median(0, S)) == (0, 0, None)
    assert nothing.mean(S, S) is None


@given(spans)
def test_level_agrees_with_counting_the_open_intervals(drawn: list[tuple[int, int]]) -> None:
    starts, ends = ns(*[s for s, _ in drawn]), ns(*[s + length for s, length in drawn])
    flight = steps(starts, ends)
    for t in range(0, 95 * S, S // 2):
        assert flight.at(t) == sum(s <= t < e for s, e in zip(starts, ends, strict=True))
    assert flight.level[-1] == 0
    total_s = sum(length for _, length in drawn)
    assert flight.mean(0, 100 * S) == pytest.approx(total_s / 100)
    assert flight.binned_means(ns(*range(0, 101, 4))).sum() * 4 == pytest.approx(total_s)


def test_weights_are_summed_instead() -> None:
    assert steps(ns(0, 2), ns(4, 8), np.array([5.0, 0.5])).at(3 * S) == 5.5


def test_only_what_was_sent_is_in_flight() -> None:
    flight = in_flight(table(reply(0, 1000), record(500, outcome="unsent"), record(800, started=0, outcome="failed")))
    assert flight.maximum() == 2


def test_littles_law_holds_in_balance_and_not_while_the_load_grows() -> None:
    steady = table(*[reply(10 * i, 10 * i + 100) for i in range(500)])
    assert littles_law_residual(in_flight(steady), steady, at(1000), at(4000)) == pytest.approx(0, abs=1e-9)
    # Each request takes 5 ms longer than the one before it: inside the window, those that started take longer than
    # those that were in flight.
    growing = table(*[reply(10 * i, 10 * i + 100 + 5 * i) for i in range(500)])
    residual = littles_law_residual(in_flight(growing), growing, at(1000), at(4000))
    assert residual is not None and residual < -0.2
    assert littles_law_residual(in_flight(steady), steady, at(9000), at(9900)) is None
