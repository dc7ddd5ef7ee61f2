"""The small ones: means, rates, shares, repeated runs, early stopping, many p-values at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import false_discovery_control as scipy_bh

from perfbench.engine.errors import NoData
from perfbench.statistics.early_stopping import judge_tail, queries_needed
from perfbench.statistics.means import rate_interval, repeats, share_interval
from perfbench.statistics.multiplicity import benjamini_hochberg, holm
from tests.statistics.processes import autoregressive


@pytest.mark.parametrize(
    ("share", "no_miss", "one_miss"), [(0.9, 44, 64), (0.95, 90, 130), (0.99, 459, 662), (0.999, 4603, 6636)]
)
def test_the_floors_of_mlperf(share: float, no_miss: int, one_miss: int) -> None:
    assert queries_needed(share, 0) == no_miss
    assert queries_needed(share, 1) == one_miss


@given(st.sampled_from([0.5, 0.9, 0.99]), st.integers(0, 40))
def test_queries_needed_is_the_smallest_that_proves_it(share: float, misses: int) -> None:
    needed = queries_needed(share, misses)
    assert binom.cdf(misses, needed, 1 - share) <= 0.01 + 1e-12
    assert binom.cdf(misses, needed - 1, 1 - share) > 0.01 - 1e-12


@pytest.mark.parametrize(
    ("queries", "misses", "outcome", "more"),
    [
        pytest.param(458, 0, "inconclusive", 1, id="one short of the floor"),
        pytest.param(459, 0, "met", None, id="the floor"),
        pytest.param(661, 1, "inconclusive", 1, id="one miss, one short"),
        pytest.param(662, 1, "met", None, id="one miss"),
        pytest.param(1000, 30, "missed", None, id="three times too many"),
        pytest.param(1000, 12, "inconclusive", None, id="too many, but not beyond doubt: none more would help"),
        pytest.param(10_000, 90, "inconclusive", queries_needed(0.99, 90) - 10_000, id="close below"),
    ],
)
def test_a_tail_is_met_missed_or_undecided(queries: int, misses: int, outcome: str, more: int | None) -> None:
    found = judge_tail(queries, misses, 0.99)
    assert (found.outcome, found.more) == (outcome, more)


def test_holm_and_benjamini_hochberg_by_hand_and_against_scipy() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    drawn = np.random.default_rng(1).uniform(size=30) ** 3
    assert benjamini_hochberg(drawn) == pytest.approx(scipy_bh(drawn))


def test_the_rate_of_poisson_arrivals_is_covered() -> None:
    rng, held, given, runs = np.random.default_rng(4), 0, 0, 300
    for _ in range(runs):
        at = np.sort(rng.uniform(0, 60e9, rng.poisson(1200))).astype(np.int64)
        found = rate_interval(at, np.ones(at.size), 0, 60_000_000_000)
        if found is not None:
            given += 1
            held += found[0] <= 20 <= found[1]
    assert given / runs > 0.95, "hardly ever does chance look like change"
    assert 0.91 <= held / given <= 0.99


def test_a_rate_of_hardly_anything_has_no_interval() -> None:
    assert rate_interval(np.arange(1, 20) * 10**9, np.ones(19), 0, 30 * 10**9) is None


def test_a_share_of_requests_that_fail_together_is_less_sure() -> None:
    rng = np.random.default_rng(6)
    alone = share_interval(rng.uniform(size=4000) < 0.1)
    together = share_interval(autoregressive(0.95).draw(rng, 4000) > autoregressive(0.95).percentile(0.9))
    assert alone is not None and together is not None
    assert together[0][1] - together[0][0] > 2 * (alone[0][1] - alone[0][0])
    assert share_interval(np.zeros(0, np.bool_)) is None
    nothing = share_interval(np.zeros(100, np.bool_))
    assert nothing is not None
    assert nothing[0][0] == 0 < nothing[0][1] < 0.05


def test_repeated_runs_part_their_variance() -> None:
    rng, errors = np.random.default_rng(8), [1.0] * 2000
    drawn = rng.normal(0, 3, 2000) + rng.normal(0, 1, 2000)
    found = repeats(drawn.tolist(), errors)
    assert found.between == pytest.approx(3, rel=0.1)
    assert found.within == 1
    assert found.low is not None and found.high is not None and found.low < found.mean < found.high
    assert repeats([5.0, 5.1, 4.9], [1.0, 1.0, 1.0]).between == 0
    assert repeats([5.0], [None]).low is None
    with pytest.raises(NoData):
        repeats([], [])
