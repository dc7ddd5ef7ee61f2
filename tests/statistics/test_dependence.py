"""Dependence: found where it is, not where it is not, and intervals that hold what they promise because of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfbench.metrics.percentile import spread
from perfbench.statistics.dependence import dependence, effective_count
from tests.statistics.processes import Process, autoregressive, independent, queue


def coverage(process: Process, count: int, runs: int, seed: int = 11) -> dict[str, tuple[float, float]]:
    """Of the intervals that were given, the share that holds the truth; and the share of runs that gave one."""
    rng = np.random.default_rng(seed)
    truths = {"p50": process.percentile(0.5), "p90": process.percentile(0.9), "p99": process.percentile(0.99)}
    truths["mean"] = process.mean
    held, given = dict.fromkeys(truths, 0), dict.fromkeys(truths, 0)
    for _ in range(runs):
        found = spread(process.draw(rng, count))
        assert found is not None
        for name, truth in truths.items():
            if (interval := found.intervals.get(name)) is not None:
                given[name] += 1
                held[name] += interval[0] <= truth <= interval[1]
    return {name: (held[name] / max(1, given[name]), given[name] / runs) for name in truths}


@pytest.mark.slow
@pytest.mark.parametrize("count", [500, 1000, 5000])
def test_independent_intervals_cover_93_to_97_of_100(count: int) -> None:
    found = coverage(independent(), count, 1000)
    for name in ("p50", "p90", "p99"):
        assert 0.93 <= found[name][0] <= 0.97, (name, found)
        assert found[name][1] > 0.98


@pytest.mark.slow
@pytest.mark.parametrize(
    ("process", "count"),
    [
        pytest.param(autoregressive(0.5), 5000, id="AR(1) 0.5"),
        pytest.param(autoregressive(0.8), 10_000, id="AR(1) 0.8"),
        pytest.param(autoregressive(0.9), 20_000, id="AR(1) 0.9"),
        pytest.param(queue(0.5), 20_000, id="M/M/1 at half load"),
        pytest.param(queue(0.7), 40_000, id="M/M/1 at 0.7"),
    ],
)
def test_dependent_intervals_cover_at_least_90_of_100(process: Process, count: int) -> None:
    found = coverage(process, count, 1000)
    for name, (held, given) in found.items():
        assert held >= 0.90, (name, found)
        assert given >= 0.90, (name, found)


def test_intervals_of_a_queue_are_honest_where_independent_ones_are_not() -> None:
    process, rng, runs = queue(0.7), np.random.default_rng(5), 150
    truth, ours, naive = process.percentile(0.5), 0, 0
    for _ in range(runs):
        waits = process.draw(rng, 3000)
        aware, blind = spread(waits), spread(rng.permutation(waits))  # shuffled, nothing shows that they hang together
        assert aware is not None and blind is not None
        assert blind.percentiles == aware.percentiles
        ours += aware.intervals["p50"][0] <= truth <= aware.intervals["p50"][1] if "p50" in aware.intervals else 1
        naive += blind.intervals["p50"][0] <= truth <= blind.intervals["p50"][1]
    assert ours / runs >= 0.88
    assert naive / runs < 0.5


def test_a_run_shorter_than_its_memory_says_no_interval_instead_of_a_wrong_one() -> None:
    rising = spread(np.linspace(1, 2, 500))
    assert rising is not None
    assert rising.intervals == {}
    assert rising.percentiles["p99"] > 1.9
    assert "too short" in rising.as_json()["ci_method"]


def test_the_method_stands_beside_the_interval() -> None:
    rng = np.random.default_rng(3)
    calm, busy = spread(rng.exponential(size=2000)), spread(autoregressive(0.8).draw(rng, 2000))
    assert calm is not None and busy is not None
    assert "independent" in calm.as_json()["ci_method"]
    assert "blocks of" in busy.as_json()["ci_method"]
    assert busy.as_json()["lag1"] > 0.5
    assert busy.effective["p50"] < 600 < calm.effective["p50"] == 2000


def test_few_values_and_equal_values_are_taken_as_they_come() -> None:
    assert dependence(np.arange(10.0)).independent
    assert dependence(np.ones(1000)).independent
    assert dependence(np.random.default_rng(1).normal(size=1000)).independent


def test_dependence_that_takes_turns_is_dependence_too() -> None:
    """In a closed loop a long wait here makes a short one there."""
    found = dependence(np.tile([0.0, 1.0], 500) + np.random.default_rng(2).normal(0, 0.1, 1000))
    assert found.lag1 < -0.5
    assert found.block is not None and found.block > 1


@pytest.mark.parametrize(
    ("share", "variance", "expected"),
    [
        pytest.param(0.5, 0.25 / 100, 100, id="the variance of 100 tosses"),
        pytest.param(0.5, 0.0, 1000, id="no variance seen: no more than there are"),
        pytest.param(0.9, 0.09 / 50, 50, id="of 50 trials"),
    ],
)
def test_effective_count(share: float, variance: float, expected: float) -> None:
    assert effective_count(share, variance, 10_000, 1000) == pytest.approx(expected, rel=1e-3)
    assert effective_count(share, variance, 9, 1000) < expected * 0.8  # so few blocks know their variance badly


def test_values_that_never_came_are_no_obstacle() -> None:
    found = spread(np.concatenate((np.random.default_rng(1).exponential(size=1000), np.full(200, math.inf))))
    assert found is not None
    assert math.isinf(found.percentiles["p90"])
