"""Errors are counted exactly, by kind, and apart from what we cut off ourselves."""

from __future__ import annotations

from perfbench.engine.request import Attempt
from perfbench.metrics.errors import by_kind, counts, error_rate
from tests.metrics.rows import at, record, reply, table

RUN = table(
    reply(0, 1), reply(0, 1, reconnects=2), reply(0, 1, earlier=[Attempt(started_ns=at(0), finished_ns=at(0))]),
    record(1, started=0, outcome="failed", error="http_500"), record(1, started=0, outcome="failed", error="reset"),
    record(1, started=0, outcome="failed", error="reset"),
    record(1, started=0, outcome="cancelled", error="cancelled"), record(1, outcome="unsent", error="unsent"),
)  # fmt: skip


def test_counts_by_outcome() -> None:
    assert counts(RUN) == {
        "sent": 7, "succeeded": 3, "failed": 3, "cancelled": 1, "hung_up": 0, "retried": 1, "unsent": 1,
        "reconnects": 2,
    }  # fmt: skip


def test_kinds_are_those_of_failures_most_frequent_first() -> None:
    assert list(by_kind(RUN).items()) == [("reset", 2), ("http_500", 1)]


def test_the_error_rate_knows_neither_cut_off_nor_unsent_requests() -> None:
    assert error_rate(RUN) == 0.5
    assert error_rate(table(record(1, started=0, outcome="cancelled", error="cancelled"))) is None
