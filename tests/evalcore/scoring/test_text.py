"""Short free answers: normal forms, overlaps, and which text counts as the answer."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.text import (
    bag_f1,
    harness_normal,
    rouge_l,
    short_answer,
    squad_normal,
    trivia_normal,
    words,
)


@pytest.mark.parametrize(
    ("text", "squad", "trivia", "harness"),
    [
        pytest.param(
            "The Cat's  Hat", "cats hat", "cat s hat", "the cats  hat", id="an article, an apostrophe, blanks"
        ),
        pytest.param("rock_'n'_roll", "rocknroll", "rock n roll", "rocknroll", id="underscores"),
        pytest.param(
            "“X” ‘b’ c´", "“x” ‘b’ c´", "“x” b c", "“x” ‘b’ c´", id="curly quotes: only single ones are spaced"
        ),
        pytest.param("Jean-Luc", "jeanluc", "jean luc", "jeanluc", id="a hyphen"),
    ],
)
def test_normal_forms(text, squad, trivia, harness):
    assert (squad_normal(text), trivia_normal(text), harness_normal(text)) == (squad, trivia, harness)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("Paris", "Paris", id="the only line"),
        pytest.param("  **Paris.**\n", "Paris", id="ornaments come off"),
        pytest.param("I think so.\nAnswer: Paris", "Paris", id="marked"),
        pytest.param("**Answer:** Paris\n(the capital)", "Paris", id="marked in bold, then more"),
        pytest.param("Answer: Rome. No!\nAnswer: Paris", "Paris", id="the last mark counts"),
        pytest.param("Well, the answer is Paris.", "Paris", id="in words"),
        pytest.param("Answer:\n\nParis", "Paris", id="on the next line"),
        pytest.param("Paris\nRome", None, id="two lines, none marked"),
        pytest.param("Answer:", None, id="marked, but nothing there"),
        pytest.param("", None, id="nothing"),
        pytest.param("My answers vary", "My answers vary", id="not a mark"),
    ],
)
def test_short_answer(text, answer):
    assert short_answer(text) == answer


def test_bag_f1_counts_words_as_often_as_they_occur():
    assert bag_f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2 / 3)
    assert (bag_f1([], []), bag_f1([], ["a"])) == (1.0, 0.0)


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_rouge_l_is_the_longest_common_subsequence(answer, target):
    longest = [[0] * (len(target) + 1)]
    for said in answer:
        row = [0]
        for at, wanted in enumerate(target):
            row.append(longest[-1][at] + 1 if said == wanted else max(row[-1], longest[-1][at + 1]))
        longest.append(row)
    total = len(answer) + len(target)
    assert rouge_l(answer, target) == pytest.approx(2 * longest[-1][-1] / total if answer and target else 0.0)


def test_characters_of_scripts_without_spaces_are_words():
    assert words("Tōkyō 東京タワー, yes") == ["tōkyō", "東", "京", "タ", "ワ", "ー", "yes"]


@pytest.mark.parametrize("unit", ["answer: ", "answer is ", "\n", "*", "a ", "_", "."])
def test_a_megabyte_takes_time_in_proportion(unit):
    text = unit * (10**6 // len(unit))
    began = time.process_time()
    for function in (squad_normal, trivia_normal, harness_normal, short_answer, words):
        function(text)
    rouge_l(words(text), words("one of a few words"))
    assert time.process_time() - began < 20  # quadratic time would be hours
