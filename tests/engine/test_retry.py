"""Which faults are tried again, after how long, and when a dead server is left alone."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import (
    KINDS,
    BadHttp,
    BadReply,
    BadStatus,
    ConnectFault,
    Disconnected,
    TimedOut,
    TransportFault,
)
from perfbench.engine.retry import RetryBudget, RetryPolicy, is_retryable, retry_after_s

FAULTS = {
    "dns": (ConnectFault, False),
    "connect_refused": (ConnectFault, True),
    "connect_failed": (ConnectFault, True),
    "client_limit": (ConnectFault, True),
    "tls": (ConnectFault, False),
    "timeout_connect": (TimedOut, True),
    "timeout_first_byte": (TimedOut, True),
    "timeout_idle": (TimedOut, True),
    "timeout_total": (TimedOut, True),
    "disconnected": (Disconnected, True),
    "reset": (Disconnected, True),
    "truncated": (Disconnected, True),
    "bad_http": (BadHttp, False),
    "bad_encoding": (BadHttp, False),
    "bad_event": (BadReply, True),
    "bad_body": (BadReply, True),
    "stream_error": (BadReply, True),
    "error_body": (BadReply, False),
    "no_finish": (BadReply, True),
    "empty_reply": (BadReply, True),
    "cancelled": (TransportFault, False),
    "hung_up": (TransportFault, False),
    "unsent": (TransportFault, False),
}


def test_the_table_above_names_every_kind_but_the_statuses():
    assert set(FAULTS) == set(KINDS) - {"http_NNN"}


@pytest.mark.parametrize(("kind", "again"), [(kind, again) for kind, (_, again) in FAULTS.items()])
def test_whether_a_fault_is_tried_again_depends_on_its_kind(kind, again):
    assert is_retryable(FAULTS[kind][0](kind)) is again


@pytest.mark.parametrize("status", range(300, 600))
def test_a_status_is_tried_again_when_it_may_pass(status):
    may_pass = {408, 409, 425, 429, *range(500, 600)} - {501, 505}
    assert is_retryable(BadStatus(status)) is (status in may_pass)


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param(b"7", 7.0, id="seconds"),
        pytest.param(b" 7 ", 7.0, id="blanks around it"),
        pytest.param(b"0", 0.0, id="at once"),
        pytest.param(b"1.5", 1.5, id="a fraction, which some servers send"),
        pytest.param(b"Sun, 01 Mar 2026 12:01:30 GMT", 90.0, id="a date"),
        pytest.param(b"Sunday, 01-Mar-26 12:01:30 GMT", 90.0, id="a date of RFC 850"),
        pytest.param(b"Sun, 01 Mar 2026 14:01:30 +0200", 90.0, id="a date elsewhere"),
        pytest.param(b"Sun, 01 Mar 2026 12:01:30 -0000", 90.0, id="a date without a zone is UTC"),
        pytest.param(b"Sun, 01 Mar 2026 11:00:00 GMT", 0.0, id="a date that has passed"),
        pytest.param(None, None, id="no header"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b"soon", None, id="a word"),
        pytest.param(b"-3", None, id="a negative number"),
        pytest.param(b"1.2.3", None, id="a version"),
        pytest.param(b".", None, id="a full stop"),
        pytest.param(b"\xb2", None, id="a digit that is no digit"),
        pytest.param(b"nan", None, id="not a number"),
        pytest.param(b"inf", None, id="for ever"),
        pytest.param(b"Sun, 99 Mar 2026 12:01:30 GMT", None, id="a day that is none"),
        pytest.param(b"Sun, 01 Mar 99999 12:01:30 GMT", None, id="a year beyond the calendar"),
        pytest.param(b"Sun, 01 Mar 2026 12:01:30 +99999999999999999999", None, id="a zone beyond the earth"),
    ],
)
def test_retry_after_in_both_of_its_forms(value, seconds):
    assert retry_after_s(value, NOW) == seconds


@given(st.binary(max_size=60) | st.from_regex(rb"[SMTWF][a-z]{2}, [0-9]{1,9} [A-Z][a-z]{2} [0-9:+ \-]{0,40}"))
@settings(max_examples=400, deadline=None)
def test_no_header_of_a_server_can_raise(value):
    seconds = retry_after_s(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.integers(-(10**7), 10**7))
def test_a_date_is_the_seconds_until_then(seconds):
    value = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True).encode()
    assert retry_after_s(value, NOW) == max(0, seconds)


@given(tries=st.integers(1, 60), seed=st.integers())
@settings(max_examples=200, deadline=None)
def test_pauses_are_drawn_between_nothing_and_an_exponential_bound(tries, seed):
    policy = RetryPolicy(attempts=100, base_s=0.5, max_s=30.0)
    pause_s = policy.pause_s(Disconnected("reset"), tries, random.Random(seed))
    assert pause_s is not None
    assert 0 <= pause_s <= min(30.0, 0.5 * 2 ** (tries - 1))


def test_jitter_is_full():
    """Draws fill the whole span from nothing to the bound, evenly."""
    rng = random.Random(1)
    pauses_s = [RetryPolicy(attempts=9).pause_s(Disconnected("reset"), 3, rng) or 0 for _ in range(4000)]
    assert min(pauses_s) < 0.02
    assert max(pauses_s) > 1.98
    assert sum(pauses_s) / len(pauses_s) == pytest.approx(1.0, abs=0.05)


@given(asked_s=st.floats(0, 120), seed=st.integers())
def test_a_server_that_names_a_time_is_not_asked_before_it(asked_s, seed):
    pause_s = RetryPolicy(attempts=2).pause_s(BadStatus(429, retry_after_s=asked_s), 1, random.Random(seed))
    assert pause_s is not None
    assert asked_s <= pause_s <= asked_s + 0.5


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        pytest.param(Disconnected("reset"), 3, id="the attempts are used up"),
        pytest.param(BadStatus(400), 1, id="the fault is our own"),
        pytest.param(BadStatus(503, retry_after_s=121.0), 1, id="the server wants to be left alone for long"),
        pytest.param(BadStatus(404, retry_after_s=1.0), 1, id="a time does not make a 404 pass"),
    ],
)
def test_there_is_an_end_to_trying(fault, tries):
    assert RetryPolicy(attempts=3).pause_s(fault, tries, random.Random(0)) is None


def test_load_tests_do_not_retry_unless_told_to():
    assert RetryPolicy().pause_s(Disconnected("reset"), 1, random.Random(0)) is None


def test_the_budget_is_a_share_of_what_was_started_and_a_few_more():
    budget = RetryBudget(RetryPolicy(budget_share=0.2, budget_floor=10))
    assert sum(budget.take() for _ in range(100)) == 10
    budget.started = 50
    assert sum(budget.take() for _ in range(100)) == 10
    assert budget.spent == 20
