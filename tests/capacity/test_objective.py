"""Objectives: SLOs as shares of requests that may miss, and how records are counted against them."""

from __future__ import annotations

import pytest

from perfbench.capacity.objective import BLOCKS, count, parse_objective
from perfbench.engine.errors import ScenarioError
from tests.metrics.rows import at, record, reply, table


@pytest.mark.parametrize(
    ("text", "open_loop", "criteria"),
    [
        ("p99 ttft < 500ms and error_rate < 2%", True, [("response_ttft", 0.01, 500.0), ("error_rate", 0.02, None)]),
        ("p99 ttft < 500ms and error_rate < 2%", False, [("ttft", 0.01, 500.0), ("error_rate", 0.02, None)]),
        ("p50 e2e <= 1s", True, [("response_e2e", 0.5, 1000.0), ("error_rate", 0.01, None)]),
        ("p99.9 tpot < 40ms", True, [("tpot", 0.001, 40.0), ("error_rate", 0.01, None)]),
        ("p95 e2e < 1s and goodput > 90%", True, [("response_e2e", 0.05, 1000.0), ("goodput", 0.1, None)]),
    ],
)
def test_conditions_become_shares_that_may_miss(text, open_loop, criteria):
    found = parse_objective(text, open_loop=open_loop).criteria
    assert [(c.metric, pytest.approx(c.allowed), c.limit_ms) for c in found] == criteria


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mean ttft < 500ms", "not mean <; write p99 ttft"),
        ("max e2e < 1s", "not max <"),
        ("p99 ttft > 1ms", "not p99 >"),
        ("requests_per_s > 5", "says nothing against a large one"),
        ("goodput > 90%", "give one, like p99 ttft"),
        ("error_rate < 0%", "between 0 and 1"),
    ],
)
def test_what_no_share_of_requests_can_say_is_refused(text, said):
    with pytest.raises(ScenarioError, match=said):
        parse_objective(text, open_loop=True)


def counted(text, records, *, open_loop=True, to_ms=1200):
    objective = parse_objective(text, open_loop=open_loop)
    found = count(objective, table(*records), at(0), at(to_ms))
    return [tuple(sum(column) for column in zip(*blocks, strict=True)) for blocks in found]


NO_OUTPUT = {"first_output_ns": None, "last_output_ns": None}


def due(at_ms, took_ms, **more):
    """A request due at `at_ms`, written at once, with its first token half way."""
    instants = {} if more.keys() & NO_OUTPUT.keys() else {"first_output": at_ms + took_ms / 2}
    return reply(at_ms, at_ms + took_ms, **instants, **more)


def test_requests_are_counted_by_when_they_were_due():
    records = [due(100, 50), due(300, 500), due(1300, 500)]
    assert counted("p99 e2e < 200ms", records)[0] == (2, 1)


def test_blocks_are_equal_parts_of_the_time():
    objective = parse_objective("p99 e2e < 200ms", open_loop=True)
    found = count(objective, table(due(50, 300), due(1150, 50)), at(0), at(1200))[0]
    assert len(found) == BLOCKS and found[0] == (1, 1) and found[-1] == (1, 0)


def test_a_request_cut_off_after_its_limit_missed_it_and_one_cut_off_before_says_nothing():
    cut = {"outcome": "cancelled", "error": "cancelled", **NO_OUTPUT}
    assert counted("p99 e2e < 200ms", [due(0, 300, **cut), due(0, 100, **cut)])[0] == (1, 1)


def test_a_first_token_in_time_counts_although_the_rest_was_cut_off():
    cut = {"outcome": "cancelled", "error": "cancelled"}
    assert counted("p99 ttft < 200ms", [due(0, 300, **cut)])[0] == (1, 0)
    assert counted("p99 ttft < 100ms", [due(0, 300, **cut)])[0] == (1, 1)


def test_failures_are_no_latency_but_an_error():
    failed = {"outcome": "failed", "error": "http_500", **NO_OUTPUT}
    assert counted("p99 e2e < 200ms and error_rate < 1%", [due(0, 300, **failed), due(0, 50)]) == [(1, 0), (2, 1)]


def test_an_arrival_that_never_left_missed():
    assert counted("p99 e2e < 200ms", [record(100, 0, outcome="unsent", error="unsent")])[0] == (1, 1)


def test_goodput_counts_requests_that_met_every_limit():
    failed = {"outcome": "failed", "error": "http_500", **NO_OUTPUT}
    records = [due(0, 50), due(0, 300), due(0, 50, **failed)]
    assert counted("p99 e2e < 200ms and goodput > 90%", records)[1] == (3, 2)
