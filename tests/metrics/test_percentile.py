"""Percentiles: nearest rank, a floor below which nothing is said, and intervals that cover what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from perfbench.engine.errors import NoData
from perfbench.metrics.percentile import SHARES, minimum_count, nearest_rank, percentile, spread
from perfbench.statistics.ranks import interval_positions

values = st.lists(st.floats(0, 1e6) | st.just(math.inf), min_size=1, max_size=400)
shares = st.sampled_from([*SHARES.values(), 0.07, 0.29, 1.0])


@given(values, shares)
def test_percentile_is_the_smallest_value_with_the_share_at_or_below_it(numbers: list[float], share: float) -> None:
    found = percentile(np.array(numbers), share)
    needed = share * len(numbers) - 1e-6
    assert found in numbers
    assert sum(n <= found for n in numbers) >= needed
    assert not any(sum(n <= smaller for n in numbers) >= needed for smaller in numbers if smaller < found)


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 299, 1000, 12345])
def test_percentile_agrees_with_numpys_inverted_cdf(count: int) -> None:
    numbers = np.random.default_rng(count).exponential(size=count)
    for share in SHARES.values():
        assert percentile(numbers, share) == np.quantile(numbers, share, method="inverted_cdf")


@pytest.mark.parametrize(
    ("count", "share", "rank"),
    [
        pytest.param(100, 0.07, 7, id="0.07 * 100 is a little over 7 in floats, and still rank 7"),
        pytest.param(100, 0.99, 99, id="p99 of 100 is not the maximum"),
        pytest.param(99, 0.99, 99, id="p99 of 99 is"),
        pytest.param(1, 0.5, 1, id="one value is its own median"),
        pytest.param(4, 0.5, 2, id="the lower of two middles"),
    ],
)
def test_nearest_rank(count: int, share: float, rank: int) -> None:
    assert nearest_rank(count, share) == rank


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(NoData):
        percentile(np.empty(0), 0.5)
    assert spread(np.array([math.nan])) is None


@pytest.mark.parametrize(("name", "floor"), [("p50", 6), ("p90", 29), ("p95", 59), ("p99", 299), ("p99_9", 2995)])
def test_the_floor_is_where_the_interval_begins_to_exist(name: str, floor: int) -> None:
    share = SHARES[name]
    assert minimum_count(share) == floor
    assert interval_positions(floor - 1, share) is None
    assert interval_positions(floor, share) is not None
    below, at = spread(np.arange(floor - 1.0)), spread(np.arange(float(floor)))
    assert below is not None and at is not None
    assert name not in below.percentiles
    assert below.as_json()[name] is None
    assert at.percentiles[name] < at.max or name == "p50"


@pytest.mark.parametrize("share", SHARES.values())
def test_the_interval_promises_what_is_asked_between_two_whole_ranks(share: float) -> None:
    floor = minimum_count(share)
    for count in [*range(floor, floor + 40), 10 * floor, 1000 * floor]:
        positions = interval_positions(count, share)
        assert positions is not None
        low, high = positions
        assert 1 <= low <= nearest_rank(count, share) <= high <= count
        # Rounded outwards it covers at least 95 %, rounded inwards at most.
        wide, narrow = (math.floor(low), math.ceil(high)), (math.ceil(low), math.floor(high))
        at_least, at_most = (
            binom.cdf(end - 1, count, share) - binom.cdf(begin - 1, count, share) for begin, end in (wide, narrow)
        )
        assert at_most - 1e-9 <= 0.95 <= at_least + 1e-9


LAWS = {
    "exponential": (lambda rng, size: rng.exponential(size=size), lambda share: -math.log(1 - share)),
    "lognormal": (lambda rng, size: rng.lognormal(size=size), lambda share: math.exp(norm.ppf(share))),
    "uniform": (lambda rng, size: rng.uniform(size=size), lambda share: share),
}


@pytest.mark.parametrize(("count", "share"), [(20, 0.5), (100, 0.9), (300, 0.99), (1000, 0.99), (2000, 0.9)])
@pytest.mark.parametrize("law", LAWS)
def test_the_interval_covers_the_true_percentile_whatever_the_law(law: str, count: int, share: float) -> None:
    """The bar: 93 to 97 of 100. One sorted table of 1 000 runs, so that it costs milliseconds."""
    draw, truth = LAWS[law]
    samples = np.sort(draw(np.random.default_rng(7), (1000, count)), axis=1)
    positions = interval_positions(count, share)
    assert positions is not None
    low, high = (
        samples[:, int(at) - 1] + (at - int(at)) * (samples[:, min(int(at), count - 1)] - samples[:, int(at) - 1])
        for at in positions
    )
    assert 0.93 <= np.mean((low <= truth(share)) & (truth(share) <= high)) <= 0.97


def test_pooled_values_get_the_interval_of_their_requests_not_of_their_number() -> None:
    rng, runs, truth, covered, naive = np.random.default_rng(3), 300, [], 0, 0
    # 60 requests of 50 gaps; each request has a pace of its own, so its gaps are alike.
    paces = rng.gamma(4, 5, size=(runs, 60))
    truth = float(np.quantile(rng.gamma(4, 5, size=400_000) * rng.uniform(0.9, 1.1, 400_000), 0.9))
    for pace in paces:
        gaps = (pace[:, None] * rng.uniform(0.9, 1.1, size=(60, 50))).ravel()
        own, pooled = spread(gaps, np.full(60, 50, np.int32)), spread(rng.permutation(gaps))
        assert own is not None and pooled is not None
        assert own.percentiles == pooled.percentiles
        # Without room above the percentile there is no upper end, and no interval is given.
        interval = own.intervals.get("p90")
        covered += interval is None or interval[0] <= truth <= interval[1]
        naive += pooled.intervals["p90"][0] <= truth <= pooled.intervals["p90"][1]
    assert covered / runs > 0.88
    assert naive / runs < 0.5


def test_gaps_of_one_request_have_no_interval() -> None:
    one = spread(np.arange(500.0), np.array([500], np.int32))
    assert one is not None
    assert one.percentiles["p99"] == 494
    assert one.as_json()["p99_ci"] is None


def test_what_is_infinite_is_null_and_named() -> None:
    found = spread(np.random.default_rng(1).permutation(np.concatenate((np.arange(295.0), np.full(5, math.inf)))))
    assert found is not None
    figures = found.as_json()
    assert figures["count"] == 300
    assert figures["infinite"] == ["mean", "p99", "max", "p99_ci"]
    assert figures["mean_ci"] is None
    assert (figures["p99"], figures["max"], figures["p99_9"]) == (None, None, None)
    assert figures["p95"] == 284
    low, high = figures["p99_ci"]
    assert 289 < low < 291 and high is None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=700))
def test_figures_stand_in_order(numbers: list[float]) -> None:
    found = spread(np.array(numbers))
    assert found is not None
    line = [found.min, *found.percentiles.values(), found.max]
    assert line == sorted(line)
    for name, (low, high) in found.intervals.items():
        value = found.mean if name == "mean" else found.percentiles[name]
        assert low <= value <= high
