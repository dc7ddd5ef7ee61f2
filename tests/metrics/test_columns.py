"""Records become columns: nothing that never happened turns into a zero, whatever the batches."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from perfbench.engine.request import Attempt
from perfbench.metrics.columns import FAILED, NEVER, OK, UNKNOWN, UNSENT, Columns, columns
from tests.metrics.rows import at, batches, record, table


def test_what_never_happened_is_never_and_unknown_not_zero() -> None:
    bare = table(record(9, outcome="unsent", error="unsent"))
    for name in ("dispatched_ns", "started_ns", "written_ns", "first_byte_ns", "first_output_ns", "first_answer_ns"):
        assert getattr(bare, name).tolist() == [NEVER]
    for name in ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "token_source"):
        assert getattr(bare, name).tolist() == [UNKNOWN]
    assert bare.outcome.tolist() == [UNSENT]
    assert bare.sent.tolist() == [False]


def test_a_zero_that_was_measured_stays_a_zero() -> None:
    assert table(record(9, output_tokens=0, input_tokens=0)).output_tokens.tolist() == [0]


def test_a_retried_request_starts_with_its_first_attempt() -> None:
    earlier = [Attempt(started_ns=at(1), finished_ns=at(2)), Attempt(started_ns=at(4), finished_ns=at(5))]
    found = table(record(9, started=7, earlier=earlier), record(9, started=3))
    assert found.first_started_ns.tolist() == [at(1), at(3)]
    assert found.started_ns.tolist() == [at(7), at(3)]
    assert found.attempts.tolist() == [3, 1]


def test_gaps_belong_to_their_record() -> None:
    found = table(
        record(9, itl_ns=[1_000_000, 2_500_000]), record(9), record(9, itl_ns=[]), record(9, itl_ns=[7_000_000])
    )
    assert found.itl_count.tolist() == [2, 0, 0, 1]
    assert found.itl_ms.tolist() == [1.0, 2.5, 7.0]
    picked = found.where(np.array([False, True, True, True]))
    assert picked.itl_ms.tolist() == [7.0]
    assert picked.size == 3


def test_a_gap_longer_than_32_bits_of_ns_is_kept() -> None:
    assert table(record(9, itl_ns=[5_000_000_000])).itl_ms.tolist() == [5000.0]


def test_errors_are_codes_of_the_kinds_met() -> None:
    found = table(
        record(1), record(2, outcome="failed", error="reset"), record(3, outcome="failed", error="http_500"),
        record(4, outcome="failed", error="reset"),
    )  # fmt: skip
    assert found.outcome.tolist() == [OK, FAILED, FAILED, FAILED]
    assert [found.error_kinds[code] if code >= 0 else None for code in found.error] == [
        None,
        "reset",
        "http_500",
        "reset",
    ]


def test_batches_do_not_show() -> None:
    rows = [
        record(
            i,
            started=i / 2,
            output_tokens=i or None,
            itl_ns=[i] * (i % 3),
            error=("", "reset", "tls")[i % 3],
            tag=("", "a", "b")[i % 3],
            session=i // 2 or None,
            turn=i % 2 + 1,
        )
        for i in range(20)
    ]
    whole = batches(rows, 20)
    for size in (1, 3, 7):
        parts = batches(rows, size)
        for field in fields(Columns):
            left, right = getattr(whole, field.name), getattr(parts, field.name)
            assert np.array_equal(left, right), field.name
            assert isinstance(left, tuple) or left.dtype == right.dtype


def test_no_records_are_columns_of_no_length() -> None:
    nothing = columns([])
    assert nothing.size == 0
    assert nothing.itl_ms.size == 0


def test_what_a_reply_was_and_where_it_came_from() -> None:
    found = table(
        record(1, url="http://a/v1", chunks=3, finish_reasons=["stop"], wanted_output_tokens=8),
        record(2, url="http://b/v1", finish_reasons=["stop", "length"], wanted_input_tokens=128),
        record(3, url="http://a/v1"),
    )  # fmt: skip
    assert [found.urls[code] for code in found.url] == ["http://a/v1", "http://b/v1", "http://a/v1"]
    assert found.chunks.tolist() == [3, 0, 0]
    assert found.choices.tolist() == [1, 2, 0]
    assert found.cut.tolist() == [False, True, False]
    assert found.wanted_output_tokens.tolist() == [8, UNKNOWN, UNKNOWN]
    assert found.wanted_input_tokens.tolist() == [UNKNOWN, 128, UNKNOWN]
    assert found.where(found.cut).urls == found.urls
