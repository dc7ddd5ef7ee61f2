"""Sequential tests: what counts of misses say, however often they are looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfbench.capacity.sequential import decide, dispersion, evidence


@pytest.mark.parametrize(
    ("count", "misses", "allowed", "outcome"),
    [
        pytest.param(0, 0, 0.01, "inconclusive", id="nothing was seen"),
        pytest.param(100, 0, 0.01, "inconclusive", id="a hundred without a miss say little of one in a hundred"),
        pytest.param(2000, 0, 0.01, "met", id="two thousand without a miss"),
        pytest.param(2000, 20, 0.01, "inconclusive", id="exactly what is allowed"),
        pytest.param(2000, 60, 0.01, "missed", id="three times what is allowed"),
        pytest.param(40, 40, 0.01, "missed", id="all of them"),
        pytest.param(200, 70, 0.5, "met", id="a median well below its limit"),
        pytest.param(50_000, 50_000, 0.01, "missed", id="so many that a tail underflows"),
        pytest.param(50_000, 5_000, 0.01, "missed", id="and when not all of them miss"),
        pytest.param(500_000, 0, 0.01, "met", id="and on the other side"),
    ],
)
def test_counts_decide(count, misses, allowed, outcome):
    assert decide(count, misses, allowed) == outcome


def test_looking_after_every_request_is_seldom_wrong():
    rng = np.random.default_rng(1)
    wrong = 0
    looks = np.unique(np.geomspace(5, 4000, 60).astype(int))
    for _ in range(150):
        misses = np.cumsum(rng.random(4000) < 0.05)
        wrong += any(decide(int(n), int(misses[n - 1]), 0.05) != "inconclusive" for n in looks)
    assert wrong <= 150 * 2 * 0.05 + 3 * math.sqrt(150 * 0.1)  # both sides, at 5 % each


def test_evidence_on_the_far_side_is_none():
    below, above = evidence(1000, 500, 0.01)
    assert below <= 0 < above


def test_independent_misses_have_no_dispersion_and_bursts_have_much():
    rng = np.random.default_rng(2)
    single = [[(100, int(m)) for m in rng.binomial(100, 0.1, 12)] for _ in range(20)]
    bursts = [[(100, 60 if burst else 0) for burst in rng.random(12) < 0.17] for _ in range(20)]
    assert dispersion(single, 1.0) == pytest.approx(1.0, abs=0.25)
    assert dispersion(bursts, 1.0) > 20


def test_probes_without_misses_leave_the_assumed_dispersion():
    assert dispersion([[(100, 0)] * 12], 4.0) == 4.0
