"""Options compared by likelihood: which one wins under which protocol, against figures worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.likelihood.ways import WAYS
from evalcore.scoring.likelihood import (
    LETTERS_ONLY,
    TEXTS,
    score_chosen,
    score_letters,
    score_texts,
    score_truthful,
)
from evalcore.types import Likelihood

# Sums -6, -8, -7; 3, 8 and 4 characters; 3, 8 and 6 bytes; without the question -3, -7, -2.
OPTIONS = (
    Likelihood(text=" dog", logprob=-6.0, prior=-3.0, prior_answer=-9.0),
    Likelihood(text=" elephant", logprob=-8.0, prior=-7.0, prior_answer=-9.0),
    Likelihood(text=" Åße", logprob=-7.0, prior=-2.0, prior_answer=-9.0),
)


@pytest.mark.parametrize(
    ("protocol", "letter"),
    [
        pytest.param("acc", "A", id="the largest sum"),
        pytest.param("acc_norm", "B", id="per character: -2, -1, -2.33"),
        pytest.param("acc_bytes", "B", id="per byte: -2, -1, -1.4"),
        pytest.param("acc_mutual_info", "B", id="less what it has anyhow: -3, -1, -5"),
        pytest.param("acc_mutual_info_answer", "A", id="less what it has after Answer: 3, 1, 2"),
    ],
)
def test_each_protocol_picks_by_its_own_figure(protocol, letter):
    for target in "ABC":
        score = score_texts(OPTIONS, target, TEXTS)[protocol]
        assert (score.extracted, score.value) == (letter, float(target == letter))


def test_characters_and_bytes_differ_where_letters_take_several_bytes():
    options = (
        Likelihood(text=" ab", logprob=-2.2),
        Likelihood(text=" 你好", logprob=-2.4),
        Likelihood(text=" abcde", logprob=-6.0),
    )
    scores = score_texts(options, "A", ("acc_norm", "acc_bytes"))
    assert (scores["acc_norm"].extracted, scores["acc_bytes"].extracted) == ("A", "B")


def test_a_figure_that_nobody_told_gives_no_score():
    options = [
        Likelihood(text=" a", logprob=-1.0, prior_answer=-1.0),
        Likelihood(text=" b", logprob=-2.0, prior_answer=-1.0),
    ]
    assert list(score_texts(options, "A", TEXTS)) == ["acc", "acc_norm", "acc_bytes", "acc_mutual_info_answer"]


def test_the_first_of_equals_wins():
    options = [Likelihood(text=" x", logprob=-1.0), Likelihood(text=" y", logprob=-1.0)]
    assert score_texts(options, "A", ("acc",))["acc"].value == 1.0


def test_a_letter_that_was_not_listed_is_less_likely_than_any_that_was():
    letters = [Likelihood(text="A"), Likelihood(text="B", logprob=-40.0), Likelihood(text="C")]
    assert score_letters(letters, "B")["letter_acc"].value == 1.0


def test_a_masked_answer_is_its_letter():
    assert score_chosen("C", "C")["letter_choice"].value == 1.0
    assert score_chosen("B", "C")["letter_choice"].value == 0.0


def test_mc2_is_the_share_of_probability_on_true_options():
    def with_p(p: float) -> Likelihood:
        return Likelihood(text=" x", logprob=math.log(p))

    scores = score_truthful([with_p(0.2), with_p(0.3)], "A", [with_p(0.2), with_p(0.1)], [with_p(0.3), with_p(0.4)])
    assert scores["mc1"].value == 0.0
    assert scores["mc2"].value == pytest.approx(0.3)


def test_mc2_of_options_too_unlikely_for_a_float_is_still_a_share():
    true, false = Likelihood(text=" a", logprob=-2000.0), Likelihood(text=" b", logprob=-2000.0 + math.log(3))
    assert score_truthful([true, false], "A", [true], [false])["mc2"].value == pytest.approx(0.25)


THOUSANDTHS = st.integers(-10_000_000, 0).map(lambda number: number / 1000)
"""Sums that stay apart when something is added to them."""


@given(st.lists(THOUSANDTHS, min_size=2, max_size=6), st.floats(-100, 0))
def test_what_all_options_have_in_common_changes_no_choice(sums, shift):
    def picked(values: list[float]) -> str | None:
        options = [Likelihood(text=f" {at}", logprob=value, prior=shift) for at, value in enumerate(values)]
        found = score_texts(options, "A", ("acc", "acc_mutual_info"))
        assert found["acc"].extracted == found["acc_mutual_info"].extracted or len(set(sums)) < len(sums)
        return found["acc"].extracted

    best = max(range(len(sums)), key=sums.__getitem__)
    assert picked(sums) == "ABCDEF"[best]


def test_ways_that_only_know_letters_are_those_that_scoring_takes_for_such():
    assert {name for name, way in WAYS.items() if way.letters_only} == set(LETTERS_ONLY)
