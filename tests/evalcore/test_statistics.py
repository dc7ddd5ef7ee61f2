"""Statistics: figures worked by hand, the estimators of the papers, and intervals that hold what they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evalcore import statistics
from evalcore.statistics import (
    bracket,
    g_pass_at,
    macro,
    majority,
    mcnemar,
    mean,
    mean_g_pass_at,
    paired,
    pass_at,
    pass_hat,
    wilson,
)
from perfbench.engine.errors import NoData


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        pytest.param(81, 263, 0.2553, 0.3662, id="81 of 263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="15 of 148"),
        pytest.param(0, 20, 0.0, 0.1611, id="none of 20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="1 of 29"),
    ],
)
def test_wilsons_interval_is_the_published_one(right, of, low, high):
    assert wilson(right / of, of) == pytest.approx((low, high), abs=5e-5)


def test_right_or_wrong_gets_wilson():
    found = mean([1.0] * 3 + [0.0])
    assert (found.value, found.n, found.method) == (0.75, 4, "wilson")
    assert found.se == pytest.approx(math.sqrt(0.75 * 0.25 / 3))
    assert (found.low, found.high) == wilson(0.75, 4)


def test_grades_get_students_t():
    grades = [0.1, 0.4, 0.35, 0.8, 0.6]
    found = mean(grades)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(grades), scale=stats.sem(grades))
    assert found.method == "t"
    assert (found.low, found.high) == pytest.approx((low, high))


def test_an_interval_of_shares_keeps_to_the_scale():
    found = mean([0.9, 1.0, 1.0, 0.5])
    assert found.high == 1.0


def test_grades_beyond_the_unit_scale_are_not_clipped():
    found = mean([8.0, 9.0, 10.0])
    assert found.high is not None and found.high > 10


def test_one_grade_has_no_interval():
    found = mean([0.5])
    assert (found.value, found.se, found.low, found.method) == (0.5, None, None, "none: one value")


@pytest.mark.parametrize("values", [[1.0] * 10, [0.0] * 10], ids=["all right", "all wrong"])
def test_all_the_same_is_not_all_that_is_known(values):
    found = mean(values)
    assert found.low is not None and found.high is not None
    assert found.high - found.low > 0.2


def test_no_values_are_no_data():
    for empty in (lambda: mean([]), lambda: macro({}), lambda: paired([], [])):
        with pytest.raises(NoData):
            empty()


def test_clustered_error_is_the_sandwich():
    """Worked by hand: residuals by cluster are +0.25+0.25, -0.75+0.25, so se = sqrt(2/1 * 0.5) / 4."""
    found = mean([1.0, 1.0, 0.0, 1.0], ["a", "a", "b", "b"])
    assert found.value == 0.75
    assert found.se == pytest.approx(math.sqrt(2 * (0.5**2 + 0.5**2)) / 4)
    assert found.method.startswith("clustered (2 clusters)")


def test_clusters_of_one_are_no_clusters():
    values = [1.0, 0.0, 1.0]
    assert mean(values, ["a", "b", "c"]) == mean(values, ["", "", ""]) == mean(values)


def test_items_that_say_the_same_count_once():
    """Each item ten times under one name is as sure as each item once."""
    values = [1.0, 0.0, 0.3, 0.8, 0.4, 0.9]
    often = mean(np.repeat(values, 10), list(np.repeat([f"p{i}" for i in range(6)], 10)))
    assert often.se == pytest.approx(mean(values).se)


def test_weights_make_a_ratio():
    found = mean([1.0, 0.5, 0.0], weights=[1.0, 2.0, 1.0])
    assert found.value == 0.5
    assert found.se == pytest.approx(math.sqrt(3 / 2 * (0.5**2 + 0 + 0.5**2)) / 4)
    assert mean([1.0, 0.0], weights=[2.0, 2.0]) == mean([1.0, 0.0])


def test_macro_weighs_parts_alike():
    found = macro({"many": [1.0, 0.0] * 50, "few": [1.0, 1.0, 1.0, 0.0]})
    assert found.value == pytest.approx((0.5 + 0.75) / 2)
    assert found.se == pytest.approx(math.sqrt(0.25 / 99 + 0.75 * 0.25 / 3) / 2)


def test_macro_gives_a_part_of_one_the_variance_of_the_others():
    found = macro({"a": [1.0, 0.0, 1.0, 0.0], "b": [1.0]})
    assert found.se == pytest.approx(math.sqrt((1 / 3) / 4 + (1 / 3) / 1) / 2)
    assert "1 of one unit pooled" in found.method


def test_macro_of_all_right_is_not_certain():
    found = macro({"a": [1.0] * 5, "b": [1.0] * 5})
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson(1.0, 10)[0])


def test_macro_sees_groups_that_reach_over_parts():
    """One question in three languages, always answered alike: three parts know no more than one."""
    answers = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    names = [f"q{i}" for i in range(8)]
    alike = macro(dict.fromkeys("abc", answers), dict.fromkeys("abc", names))
    apart = macro(dict.fromkeys("abc", answers))
    assert alike.se == pytest.approx(mean(answers).se)
    assert apart.se == pytest.approx(mean(answers).se / math.sqrt(3))


# ---- coverage: of many simulated runs, about 95 in 100 intervals hold the truth


def coverage(draw, truth: float, runs: int = 800) -> float:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(runs):
        found = draw(rng)
        held += found.low <= truth <= found.high
    return held / runs


@pytest.mark.parametrize(("truth", "n"), [(0.8, 30), (0.97, 50), (0.5, 100)])
def test_intervals_of_right_or_wrong_hold_the_truth(truth, n):
    assert 0.92 < coverage(lambda rng: mean((rng.random(n) < truth).astype(float)), truth) <= 1


def test_intervals_of_grades_hold_the_truth():
    assert 0.92 < coverage(lambda rng: mean(rng.beta(2, 1, 25)), 2 / 3) < 0.98


def test_clustered_intervals_hold_the_truth_where_plain_ones_do_not():
    def items(rng):
        chances = np.repeat(rng.beta(2, 2, 40), 8)
        return (rng.random(320) < chances).astype(float)

    names = [f"passage {i}" for i in np.repeat(range(40), 8)]
    assert 0.92 < coverage(lambda rng: mean(items(rng), names), 0.5) < 0.98
    assert coverage(lambda rng: mean(items(rng)), 0.5) < 0.90


def test_macro_intervals_hold_the_truth():
    skills = np.linspace(0.3, 0.95, 20)

    def draw(rng):
        return macro({str(i): (rng.random(12) < skill).astype(float) for i, skill in enumerate(skills)})

    assert 0.92 < coverage(draw, float(skills.mean()), runs=400) <= 1


# ---- repeats


def brute(n, c, k, enough):
    """Over all ways to draw k of n answers, c of them right: the share in which enough(right ones) holds."""
    draws = list(itertools.combinations([1] * c + [0] * (n - c), k))
    return sum(enough(sum(draw)) for draw in draws) / len(draws)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 2, 1), (5, 2, 3), (6, 5, 2), (6, 0, 3), (6, 6, 6), (7, 3, 4)])
def test_pass_at_and_pass_hat_are_shares_of_all_draws(n, c, k):
    assert pass_at(n, c, k) == pytest.approx(brute(n, c, k, lambda right: right >= 1))
    assert pass_hat(n, c, k) == pytest.approx(brute(n, c, k, lambda right: right == k))


@given(st.integers(1, 400), st.data())
def test_pass_at_k_is_the_papers_estimator(n, data):
    """1 - C(n-c, k) / C(n, k), in whole numbers."""
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k), abs=1e-9)


def test_too_few_answers_have_no_pass_at_k():
    assert pass_at(3, 3, 4) is None
    assert pass_hat(3, 3, 4) is None


@pytest.mark.parametrize(
    ("votes", "value"),
    [
        pytest.param([("18", 1.0), ("18", 1.0), ("3", 0.0)], 1.0, id="the commonest answer is the vote"),
        pytest.param([("18", 1.0), ("3", 0.0)], 0.5, id="a tie is drawn by lot"),
        pytest.param([(None, 0.0), (None, 0.0), ("18", 1.0)], 1.0, id="nothing read, no vote"),
        pytest.param([(None, 0.0)], None, id="nobody votes"),
    ],
)
def test_majority(votes, value):
    assert majority(votes) == value


def test_bracket():
    assert bracket(6.0, 8, 10) == (0.6, 0.8)
    assert bracket(10.0, 10, 10) == (1.0, 1.0)


# ---- pairs


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial(gained, lost):
    exact = 1.0 if gained + lost == 0 else stats.binomtest(gained, gained + lost, 0.5).pvalue
    assert mcnemar(gained, lost) == pytest.approx(exact, abs=1e-9)


def test_right_or_wrong_is_paired_by_mcnemar():
    first = [0.0] * 12 + [1.0] * 2 + [1.0] * 50
    second = [1.0] * 12 + [0.0] * 2 + [1.0] * 50
    found = paired(first, second)
    assert (found.gained, found.lost, found.n) == (12, 2, 64)
    assert found.difference == pytest.approx(10 / 64)
    assert found.p_value == pytest.approx(stats.binomtest(12, 14, 0.5).pvalue)
    assert found.real and found.method == "McNemar, exact"


def test_grades_are_paired_by_bootstrap_as_by_a_t_test():
    rng = np.random.default_rng(3)
    first = rng.normal(5, 2, 80)
    second = first + rng.normal(0.25, 1, 80)
    found = paired(first, second)
    assert found.method == "paired bootstrap of 80 items"
    assert found.p_value == pytest.approx(stats.ttest_rel(second, first).pvalue, abs=0.01)
    assert paired(first, second) == found, "the seed is fixed"


def test_a_passage_that_flips_whole_is_one_flip():
    """Forty flips, all in one passage of many: alone they would be overwhelming."""
    first, second = [0.0] * 40 + [1.0] * 60, [1.0] * 100
    names = ["one passage"] * 40 + [f"p{i}" for i in range(60)]
    assert paired(first, second).real
    assert not paired(first, second, names).real


def test_equal_runs_do_not_differ():
    found = paired([1.0, 0.5, 0.0], [1.0, 0.5, 0.0])
    assert (found.difference, found.p_value, found.real) == (0.0, 1.0, False)


def test_false_alarms_are_rare():
    rng = np.random.default_rng(11)
    alarms = sum(
        statistics.bootstrap_p(rng.normal(0, 1, 40), np.arange(40), seed=run, resamples=400) < 0.05
        for run in range(400)
    )
    assert 4 <= alarms <= 36  # 20 expected; outside these ends once in 5 000 times


def test_runs_of_different_length_are_no_pairs():
    with pytest.raises(ValueError, match="2 items against 1"):
        paired([1.0, 0.0], [1.0])


def test_figures_of_means_get_a_bootstrap():
    rng = np.random.default_rng(5)
    right = (rng.random(300) < 0.6).astype(float)
    found = statistics.function_of_means({"a": right, "b": right}, {}, lambda means: {"sum": means["a"] + means["b"]})
    plain = mean(right)
    assert found["sum"].value == pytest.approx(2 * plain.value)
    assert found["sum"].se == pytest.approx(2 * plain.se, rel=0.1)


def test_a_figure_that_is_not_defined_is_left_out():
    def of(means):
        return {} if means["a"] == 0 else {"inverse": 1 / means["a"]}

    assert statistics.function_of_means({"a": np.zeros(5)}, {}, of) == {}


@pytest.mark.parametrize(("n", "correct", "k"), [(1, 0, 1), (1, 1, 1), (8, 4, 5), (16, 3, 4), (16, 16, 16), (5, 2, 6)])
def test_g_pass_lies_between_pass_at_k_and_all_of_k(n, correct, k):
    found = [g_pass_at(n, correct, k, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    ends = [pass_at(n, correct, k), pass_hat(n, correct, k)]
    if n < k:
        assert {*found, *ends, mean_g_pass_at(n, correct, k)} == {None}
    else:
        assert [found[0], found[-1]] == pytest.approx(ends)
        assert found == sorted(found, reverse=True)


def test_g_pass_of_more_right_answers_than_answers_is_refused():
    with pytest.raises(ValueError, match="2 right answers out of 1"):
        g_pass_at(1, 2, 1, 0.5)
