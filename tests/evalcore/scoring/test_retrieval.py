"""Rankings: ties, what was not judged, and bounds that every measure keeps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.retrieval import MEASURES, NOT_POOLED, UNJUDGED, Ranked, over_queries, queries, ranked


def test_of_equal_scores_the_later_name_is_first():
    one = ranked({"a": 1.0, "c": 1.0, "b": 1.0, "z": 0.5}, {"a": 0, "b": 1, "c": 2, "z": 3})
    assert one.grades == (2, 1, 0, 3)


def test_not_pooled_and_unjudged_are_not_the_same():
    one = ranked({"a": 3, "b": 2, "c": 1}, {"a": -1, "c": 1, "d": 0, "e": 2})
    assert (one.grades, dict(one.judged)) == ((UNJUDGED, NOT_POOLED, 1), {1: 1, 0: 1, 2: 1})
    assert (one.relevant, one.not_relevant, one.found()) == (2, 1, 1)


ROWS = [
    pytest.param("map", (1, 0, 1), {1: 2, 0: 1}, (1 + 2 / 3) / 2, id="average precision"),
    pytest.param("map", (1,), {1: 4}, 1 / 4, id="what was not found counts"),
    pytest.param("ndcg", (1, 3), {1: 1, 3: 1}, (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)), id="gain is the grade"),
    pytest.param("ndcg_cut_5", (NOT_POOLED, 1), {1: 1}, 1 / math.log2(3), id="nDCG of the first five"),
    pytest.param("recip_rank", (0, NOT_POOLED, 1), {1: 1, 0: 1}, 1 / 3, id="reciprocal rank"),
    pytest.param(
        "bpref", (NOT_POOLED, 1, UNJUDGED, 0, 1), {1: 2, 0: 1}, 0.5, id="bpref passes over what was not judged"
    ),
    pytest.param("P_5", (1, 1), {1: 2}, 0.4, id="precision is of five, however few were found"),
    pytest.param("relative_P_5", (1, 1), {1: 2}, 1.0, id="relative precision is not"),
    pytest.param("Rprec", (1, 0, 1), {1: 2, 0: 1}, 0.5, id="precision at R"),
    pytest.param("unj_5", (NOT_POOLED, UNJUDGED, 1), {1: 1}, 0.4, id="both are unjudged"),
    pytest.param("rbp", (1, 0, 1), {1: 2}, 0.1 * 1.81, id="rank-biased precision"),
]


@pytest.mark.parametrize(("measure", "grades", "judged", "value"), ROWS)
def test_by_hand(measure, grades, judged, value):
    assert MEASURES[measure](Ranked(grades, judged)) == pytest.approx(value)


@pytest.mark.parametrize("measure", MEASURES)
def test_nothing_found_and_nothing_relevant_is_zero(measure):
    assert MEASURES[measure](Ranked((), {})) == 0
    assert MEASURES[measure](Ranked((), {1: 3, 0: 2})) == 0
    if measure not in ("utility",) and not measure.startswith(("unj", "rbp_resid")):
        assert MEASURES[measure](Ranked((0, NOT_POOLED), {0: 3})) == 0


GRADES = st.lists(st.sampled_from([NOT_POOLED, UNJUDGED, 0, 1, 2, 3]), max_size=30)


@given(GRADES, st.dictionaries(st.integers(0, 3), st.integers(0, 5), max_size=4), st.integers(1, 3))
def test_measures_lie_between_nothing_and_all(grades, more, level):
    judged = {grade: grades.count(grade) + more.get(grade, 0) for grade in range(4)}
    one = Ranked(tuple(grades), judged, level)
    for name, measure in MEASURES.items():
        value = measure(one)
        assert name == "utility" or (0 <= value <= 1 + 1e-9) or name in ("G", "rbp_resid"), name


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_the_best_ranking_is_worth_all(grades):
    one = Ranked(tuple(sorted(grades, reverse=True)), {grade: grades.count(grade) for grade in set(grades)})
    if one.relevant:
        for name in ("map", "Rprec", "bpref", "recip_rank", "ndcg", "ndcg_rel", "Rndcg", "binG", "set_recall"):
            assert MEASURES[name](one) == pytest.approx(1), name


def test_queries_that_were_not_searched_count_only_when_all_are_wanted():
    judged = {"1": {"a": 1}, "2": {"b": 1}}
    assert over_queries("map", queries({"1": {"a": 1.0}, "3": {"c": 1.0}}, judged).values()) == 1.0
    assert over_queries("map", queries({"1": {"a": 1.0}}, judged, complete=True).values()) == 0.5
    assert over_queries("gm_map", queries({"1": {"a": 1.0}}, judged, complete=True).values()) == pytest.approx(
        0.00001**0.5
    )
    assert over_queries("map", ()) == 0.0
