"""DROP's official evaluator, rule by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.drop import exact_and_f1, normal


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ("The  Twenty-One Jets!", "twenty one jets"),
        ("7", "7.0"),
        ("7 yards", "7.0 yards"),
        ("1,000", "1000.0"),
        ("3.5%", "35.0"),  # no float with the sign, so punctuation goes, the point included
        ("a b-a", "b"),
        ("", ""),
    ],
)
def test_normal_form(span, expected):
    assert normal(span) == expected


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        pytest.param(["7"], [["7.0"]], 1.0, 1.0, id="numbers as values"),
        pytest.param(["seven"], [["7"]], 0.0, 0.0, id="a number in words is none"),
        pytest.param(["7 yards"], [["7"]], 0.0, 0.67, id="rounded to two decimals"),
        pytest.param(["8 yards"], [["7 yards"]], 0.0, 0.0, id="a shared word is nothing without a shared number"),
        pytest.param(["Bears", "Jets"], [["Jets", "Bears"]], 1.0, 1.0, id="spans in any order"),
        pytest.param(["Jets"], [["Jets", "Bears"]], 0.0, 0.5, id="a missing span"),
        pytest.param(["Jets", "Jets"], [["Jets"]], 0.0, 0.5, id="a span said twice"),
        pytest.param(
            ["a b", "a b", "c"], [["c", "b", "c"]], 1.0, 0.67, id="exact match looks at sets and counts: kept"
        ),
        pytest.param(["Jets"], [["Bears"], ["Jets"]], 1.0, 1.0, id="the best gold counts"),
        pytest.param(["x"], [[" "], []], 0.0, 0.0, id="blank golds are passed over"),
        pytest.param([], [["x"]], 0.0, 0.0, id="no answer"),
    ],
)
def test_exact_and_f1(answer, golds, exact, f1):
    assert exact_and_f1(answer, golds) == (exact, f1)


@given(st.lists(st.text(), max_size=4), st.lists(st.lists(st.text(), max_size=3), max_size=3))
def test_any_texts_score_between_0_and_1(answer, golds):
    exact, f1 = exact_and_f1(answer, golds)
    assert exact in (0.0, 1.0) and 0 <= f1 <= 1


def test_a_megabyte_of_numbers_is_scored():
    assert exact_and_f1(["1 " * 500_000], [["1"]]) == (0.0, 1.0)
