"""Latencies: the arithmetic of each by hand, and who is left out."""

from __future__ import annotations

import math

import pytest

from perfbench.engine.request import Attempt
from perfbench.metrics import latency
from tests.metrics.rows import at, record, table

# due at 0, handed over at 1, let go at 4, on the wire at 6, first token 106, first answer 156, last token 206, over 210
FULL = {
    "intended": 0, "dispatched": 1, "started": 4, "written": 6, "first_byte": 100, "first_output": 106,
    "first_answer": 156, "last_output": 206, "finished": 210, "output_tokens": 11, "itl_ns": [30_000_000, 70_000_000],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ms"),
    [
        ("ttft", 100.0),
        ("ttfat", 150.0),
        ("ttst", 30.0),
        ("tpot", 10.0),
        ("e2e", 204.0),
        ("e2e_per_token", 204 / 11),
        ("response_e2e_per_token", 210 / 11),
        ("response_ttft", 106.0),
        ("response_e2e", 210.0),
        ("send_lag", 4.0),
        ("connect", 2.0),
    ],
)
def test_a_whole_streamed_reply(name: str, ms: float) -> None:
    assert latency.PER_REQUEST[name](table(record(**FULL))).tolist() == [ms]


def test_every_name_has_a_function_but_itl() -> None:
    assert {*latency.PER_REQUEST, "itl"} == set(latency.NAMES)


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_failures_and_cut_offs_have_no_latency_but_a_send_lag(outcome: str) -> None:
    found = table(record(**FULL, outcome=outcome))
    known = [name for name, function in latency.PER_REQUEST.items() if not math.isnan(function(found)[0])]
    assert known == ["send_lag"]
    assert latency.itl_ms(found).size == 0


def test_an_arrival_that_never_left_is_infinitely_late_on_the_response_base_only() -> None:
    found = table(record(99, outcome="unsent"))
    values = {name: function(found)[0] for name, function in latency.PER_REQUEST.items()}
    assert values["response_ttft"] == values["response_e2e"] == math.inf
    assert all(math.isnan(value) for name, value in values.items() if not name.startswith("response"))


def test_without_a_stream_there_is_no_first_token() -> None:
    found = table(record(**FULL, stream=False), record(99, outcome="unsent", stream=False))
    for name in ("ttft", "ttfat", "tpot", "response_ttft"):
        assert all(math.isnan(value) for value in latency.PER_REQUEST[name](found)), name


@pytest.mark.parametrize(
    ("tokens", "ms"),
    [
        pytest.param(None, math.nan, id="unknown tokens have no pace"),
        pytest.param(0, math.nan, id="no tokens have no pace"),
        pytest.param(1, math.nan, id="one token has no pace"),
        pytest.param(2, 100.0, id="two tokens have one gap"),
    ],
)
def test_tpot_needs_two_tokens(tokens: int | None, ms: float) -> None:
    assert latency.tpot_ms(table(record(**(FULL | {"output_tokens": tokens})))).tolist() == pytest.approx(
        [ms], nan_ok=True
    )


def test_all_tokens_in_one_chunk_have_a_pace_of_zero() -> None:
    assert latency.tpot_ms(table(record(**(FULL | {"last_output": 106})))).tolist() == [0.0]


def test_a_reused_connection_has_no_connect_time() -> None:
    assert math.isnan(latency.connect_ms(table(record(**FULL, reused=True)))[0])


def test_a_retry_counts_send_lag_to_the_first_attempt_and_service_from_the_last() -> None:
    tried = table(record(**FULL, earlier=[Attempt(started_ns=at(1), finished_ns=at(3))]))
    assert latency.send_lag_ms(tried).tolist() == [1.0]
    assert latency.e2e_ms(tried).tolist() == [204.0]
    assert latency.response_e2e_ms(tried).tolist() == [210.0]


def test_gaps_are_pooled_over_streamed_successes() -> None:
    found = table(
        record(9, itl_ns=[1_000_000, 3_000_000]), record(9, itl_ns=[9_000_000], outcome="failed"),
        record(9, itl_ns=[8_000_000], stream=False), record(9), record(9, itl_ns=[2_000_000]),
    )  # fmt: skip
    assert latency.itl_ms(found).tolist() == [1.0, 3.0, 2.0]
    assert latency.itl_owners(found).tolist() == [2, 1]


def test_the_second_token_is_that_of_its_own_request() -> None:
    one, two = record(**(FULL | {"itl_ns": [7_000_000]})), record(**(FULL | {"itl_ns": [9_000_000, 1_000_000]}))
    single, failed = record(**(FULL | {"itl_ns": []})), record(**(FULL | {"outcome": "failed"}))
    found = latency.ttst_ms(table(single, one, failed, two)).tolist()
    assert found == pytest.approx([math.nan, 7.0, math.nan, 9.0], nan_ok=True)


@pytest.mark.parametrize("tokens", [None, 0])
def test_a_reply_without_tokens_has_no_latency_per_token(tokens: int | None) -> None:
    unsent = record(9, outcome="unsent")
    found = table(record(**(FULL | {"output_tokens": tokens})), unsent)
    assert latency.e2e_per_token_ms(found).tolist() == pytest.approx([math.nan, math.nan], nan_ok=True)
    assert latency.response_e2e_per_token_ms(found).tolist() == pytest.approx([math.nan, math.inf], nan_ok=True)
