"""Goodput: each request judged by itself against every limit."""

from __future__ import annotations

import pytest

from perfbench.engine.request import Record
from perfbench.metrics.goodput import meeting
from tests.metrics.rows import record, reply, table


def streamed(ttft: float, last: float, **given: object) -> Record:
    return reply(0, last, **({"first_output": ttft, "last_output": last, "output_tokens": 11} | given))


@pytest.mark.parametrize(
    ("row", "good"),
    [
        pytest.param(streamed(100, 300), True, id="within both limits"),
        pytest.param(streamed(200, 400), True, id="at the limit is within it"),
        pytest.param(streamed(201, 301), False, id="one limit missed"),
        pytest.param(streamed(100, 301), False, id="the other one missed"),
        pytest.param(streamed(100, 100, output_tokens=1), True, id="one token has no pace to miss"),
        pytest.param(reply(0, 10, output_tokens=0), False, id="no first token is not a timely one"),
        pytest.param(streamed(100, 200, outcome="failed"), False, id="a failure is never good"),
        pytest.param(record(900, outcome="unsent"), False, id="neither is what was never sent"),
    ],
)
def test_meeting(row: Record, good: bool) -> None:
    beside = streamed(100, 200)
    found = meeting(table(row, beside), {"ttft": 200.0, "tpot": 20.0})
    assert found is not None
    assert found.tolist() == [good, True]


def test_without_limits_every_success_is_good() -> None:
    found = meeting(table(reply(0, 1), record(1, started=0, outcome="failed")), {})
    assert found is not None
    assert found.tolist() == [True, False]


def test_a_limit_on_what_the_run_does_not_have_cannot_be_judged() -> None:
    assert meeting(table(reply(0, 1, stream=False)), {"ttft": 200.0}) is None
