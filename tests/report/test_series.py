"""What charts draw: reduced, and honestly."""

import numpy as np
import pytest

from perfbench.metrics.columns import columns
from perfbench.metrics.concurrency import steps
from perfbench.report import series
from perfbench.report.series import Bins
from tests.report.runs import BEGAN_NS, S, make_run


@pytest.mark.parametrize("length_s", [0, 0.5, 17.3, 60, 3600, 100_000, 10_000_000])
def test_bins_cover_the_run_and_are_few(length_s):
    made = series.bins(5 * S, 5 * S + round(length_s * S))
    assert made.edges_ns[0] == 5 * S
    assert made.edges_ns[-1] >= 5 * S + round(length_s * S) - 1000
    assert 1 <= made.size <= series.MOST_BINS
    assert np.ptp(np.diff(made.edges_ns)) == 0


def test_a_distribution_is_exact_where_it_is_drawn():
    values = np.random.default_rng(1).exponential(size=50_000)
    x, share = series.distribution(values)
    assert x.size < 500
    assert share == pytest.approx([(values <= edge).mean() for edge in x])
    assert (x[-1], share[-1]) == (values.max(), 1.0)


def test_a_distribution_leaves_out_what_is_missing_and_never_draws_infinity():
    x, share = series.distribution(np.array([1.0, np.nan, 2.0, np.inf, np.inf]))
    assert x.tolist() == [1.0, 2.0]
    assert share.tolist() == [0.25, 0.5]
    assert series.distribution(np.array([np.nan]))[0].size == 0


def test_few_points_are_all_drawn():
    assert series.thinned(np.arange(5.0), most=5).tolist() == [0, 1, 2, 3, 4]


def test_of_many_points_the_slowest_are_kept_and_the_others_sampled_evenly():
    values = np.random.default_rng(2).random(50_000)
    values[123] = 99.0
    places = series.thinned(values)
    assert places.size == np.unique(places).size == series.MOST_POINTS
    assert set(np.argsort(values)[-series.SLOWEST_KEPT :]) <= set(places)
    assert np.median(values[places]) == pytest.approx(0.5, abs=0.05)
    assert np.mean(places < 25_000) == pytest.approx(0.5, abs=0.05)


def test_quantiles_by_bin_are_nearest_rank_and_absent_where_there_is_too_little():
    made = Bins(np.array([0, 10, 20, 30], np.int64))
    at_ns = np.array([1, 2, 3, 4, 11, 25, 26, 27], np.int64)
    values = np.array([4.0, 1.0, 3.0, 2.0, 9.0, 7.0, 5.0, 6.0])
    found = series.quantiles_by_bin(made, at_ns, values, 0.5, fewest=2)
    assert found[[0, 2]].tolist() == [2.0, 6.0]
    assert np.isnan(found[1])


def test_the_highest_level_of_a_bin_is_exact_and_carries_over():
    flight = steps(np.array([0, 12, 13], np.int64), np.array([25, 14, 14], np.int64))
    means, highest = series.in_flight_by_bin(flight, Bins(np.array([0, 10, 20, 30], np.int64)))
    assert highest.tolist() == [1, 3, 1]
    assert means == pytest.approx([1.0, 1.3, 0.5])


def test_tokens_by_bin_lose_none(tmp_path):
    found = columns(make_run(tmp_path, 200).records())
    made = series.bins(BEGAN_NS, int(found.finished_ns.max()))
    total = (series.tokens_by_bin(found, made) * made.width_s).sum()
    assert total == pytest.approx(found.output_tokens[found.ok].sum())


def test_faults_by_bin_lose_none(tmp_path):
    found = columns(make_run(tmp_path, 200).records())
    made = series.bins(BEGAN_NS, int(found.finished_ns.max()))
    assert {kind: int(counts.sum()) for kind, counts in series.faults_by_bin(found, made).items()} == {"http_503": 20}
