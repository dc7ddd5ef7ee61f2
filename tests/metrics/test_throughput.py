"""Throughput: whole work per second of a window."""

from __future__ import annotations

import pytest

from perfbench.engine.errors import NoData
from perfbench.engine.request import Attempt
from perfbench.metrics.throughput import last_dispatch_ns, throughput, window_ns
from tests.metrics.rows import at, record, reply, table


def test_the_window_runs_from_first_start_to_last_byte_of_everything_sent() -> None:
    found = table(
        reply(100, 300), record(900, started=200, outcome="failed", error="reset"),
        record(5000, outcome="unsent"),
        record(400, started=150, earlier=[Attempt(started_ns=at(50), finished_ns=at(60))]),
    )  # fmt: skip
    assert window_ns(found) == (at(50), at(900))
    assert last_dispatch_ns(found) == at(200)


def test_nothing_sent_has_no_window() -> None:
    nothing = table(record(10, outcome="unsent"))
    with pytest.raises(NoData):
        window_ns(nothing)
    with pytest.raises(NoData):
        last_dispatch_ns(nothing)


def test_only_successes_and_their_tokens_count() -> None:
    found = table(
        reply(0, 500, output_tokens=10, input_tokens=3), reply(0, 2000, output_tokens=20, input_tokens=4),
        record(1500, started=0, outcome="cancelled", error="cancelled", output_tokens=99),
    )  # fmt: skip
    assert throughput(found, at(0), at(2000)) == {
        "requests_per_s": 1.0, "output_tokens_per_s": 15.0, "total_tokens_per_s": 18.5,
    }  # fmt: skip


def test_a_part_of_the_run_counts_what_ended_in_it() -> None:
    found = table(reply(0, 1000), reply(0, 1001), reply(0, 2000), reply(0, 2001))
    assert throughput(found, at(1000), at(2000))["requests_per_s"] == 2.0


def test_tokens_that_nobody_counted_are_not_zero() -> None:
    assert throughput(table(reply(0, 1000)), at(0), at(1000)) == {
        "requests_per_s": 1.0, "output_tokens_per_s": None, "total_tokens_per_s": None,
    }  # fmt: skip
    only_output = throughput(table(reply(0, 1000, output_tokens=5)), at(0), at(1000))
    assert only_output["total_tokens_per_s"] == 5.0


def test_a_window_of_no_length_has_no_rate() -> None:
    assert set(throughput(table(reply(0, 0)), at(0), at(0)).values()) == {None}
