"""Replayed: a trace is accused of nothing; a client that is late is."""

from __future__ import annotations

import numpy as np
import pytest

from perfbench.metrics.arrivals import FEWEST
from perfbench.metrics.replayed import audit_replay

MS = 1_000_000
BURSTS = np.repeat(np.arange(40) * 3000 * MS, 10)  # as Mooncake's: heaps of ten, 3 s apart
DRIFT = np.cumsum(np.linspace(1, 200, 400)).astype(np.int64) * MS  # slower and slower


@pytest.mark.parametrize("intended", [BURSTS, DRIFT, np.zeros(400, np.int64)], ids=["bursts", "drift", "one heap"])
def test_no_trace_is_accused_however_odd(intended):
    found = audit_replay(intended, intended + MS)
    assert found.as_asked is True
    assert found.verdict == "sent as the trace says: 99% of the arrivals left within 1 ms of their instants"
    assert found.law == "as the trace"


def test_a_trace_has_figures_and_those_that_were_sent_stand_beside_them():
    found = audit_replay(DRIFT, DRIFT + MS)
    assert found.rate_per_s == pytest.approx(found.rate_asked_per_s)
    assert found.cv == pytest.approx(found.cv_asked)
    assert found.ks_p is None


@pytest.mark.parametrize(("late", "as_asked"), [(0.005, True), (0.05, False)])
def test_one_in_a_hundred_may_be_late(late, as_asked):
    started = DRIFT.copy()
    started[: round(late * started.size)] += 80 * MS
    found = audit_replay(DRIFT, started)
    assert found.as_asked is as_asked
    assert found.verdict.startswith(
        "sent as" if as_asked else "not as the trace says: 99% of the arrivals left within 80"
    )


def test_lateness_is_that_of_each_request_and_not_of_the_order_they_left_in():
    swapped = BURSTS.copy()
    swapped[:100] += 3000 * MS  # the first ten heaps one heap late: as a set of instants, nearly the same
    assert audit_replay(BURSTS, swapped).as_asked is False


def test_a_few_are_too_few():
    few = np.arange(FEWEST - 1) * MS
    found = audit_replay(few, few)
    assert (found.as_asked, found.count) == (None, FEWEST - 1)
    assert "too few to test" in found.verdict
