"""Comparing translations: figures by hand, and what must hold of any texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.translation import bleu, chrf, ter, tokens_13a, word_edits

TOKENS = [
    ("Hello, world!", "Hello , world !"), ("It's 3.5, or 1,000.", "It's 3.5 , or 1,000 ."), ("a&quot;b", 'a " b'),
    ("1-2 x-y", "1 - 2 x-y"), ("", ""), ("(a)\n[b]", "( a ) [ b ]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tokens"), TOKENS)
def test_tokens(text, tokens):
    assert " ".join(tokens_13a(text)) == tokens


def test_bleu_by_hand():
    assert bleu(["the cat sat on the mat"], [["the cat sat on a mat"]]) == pytest.approx(
        100 * (5 / 6 * 3 / 5 * 2 / 4 / 3) ** 0.25
    )
    assert bleu(["a b c d x"], [["a b c d e", "a b c d x"]]) == pytest.approx(100), "any reference will do"
    assert bleu(["a b c"], [["a b c"]]) == 0, "no run of four words, no score"


def test_ter_counts_a_move_once():
    assert ter(["b c d a"], [["a b c d"]]) == 25
    assert ter(["A B"], [["a b"]]) == 0
    assert ter([""], [["a b"]]) == 100
    assert ter(["a x"], [["a b c d", "a b"]]) == pytest.approx(100 / 3), "the nearest, over the mean length"


def test_chrf_of_no_common_character_is_nothing():
    assert chrf(["abc"], [["xyz"]]) == chrf([""], [["xyz"]]) == 0


TEXT = st.lists(st.sampled_from(["a", "b", "the", "cat.", "3.5"]), max_size=12).map(" ".join)


@given(TEXT, TEXT)
def test_bounds(text, other):
    assert 0 <= bleu([text], [[other]]) <= 100 + 1e-9
    assert 0 <= chrf([text], [[other]]) <= 100 + 1e-9
    assert ter([text], [[other]]) <= 100 * word_edits(text.split(), other.split()) / max(len(other.split()), 1) + 1e-9
    assert ter([text], [[text]]) == 0


@pytest.mark.parametrize(
    ("text", "other"), [("a b " * 50, "b a " * 50), ("a " * 500, "b " * 500), ("w" * 20_000, "w" * 20_000)]
)
def test_no_texts_take_for_ever(text, other):
    began = time.process_time()
    ter([text], [[other]]), bleu([text], [[other]]), chrf([text], [[other]])
    assert time.process_time() - began < 20
