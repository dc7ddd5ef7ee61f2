"""Tokens laid along their text: where each begins, and where a context ends, whatever servers make of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.likelihood.align import Layout, Misaligned, lay, tokens_after


@pytest.mark.parametrize(
    ("tokens", "text", "starts"),
    [
        pytest.param(["The", " cat", " sat"], "The cat sat", (0, 3, 7), id="plain"),
        pytest.param(["<s>", "The", " cat"], "The cat", (0, 0, 3), id="a token before the prompt is none of its text"),
        pytest.param(["", "The", " cat"], "The cat", (0, 0, 3), id="... or has no text"),
        pytest.param([" The", " cat"], "The cat", (0, 3), id="a blank that the tokenizer put at the beginning"),
        pytest.param(["The", "cat"], "The cat", (0, 3), id="words without their blank: it belongs to the word"),
        pytest.param(["The", "Ġcat", "Ċ", "▁sat"], "The cat\n sat", (0, 3, 7, 8), id="as the vocabulary writes them"),
        pytest.param(["h", "", "", "l"], "hél", (0, 1, 1, 2), id="halves of a character as nothing"),
        pytest.param(["h", "\ufffd", "\ufffd", "l"], "hél", (0, 1, 1, 2), id="... as replacement characters"),
        pytest.param(["h", "bytes:\\xc3", "bytes:\\xa9", "l"], "hél", (0, 1, 1, 2), id="... as OpenAI writes them"),
        pytest.param([" x", "", "", "", "", "", ""], " x你好", (0, 2, 2, 2, 3, 3, 3), id="bytes at the end"),
        pytest.param(["The", " cat", " sat", "</s>"], "The cat sat", (0, 3, 7), id="what was generated is left out"),
    ],
)
def test_each_token_stands_where_its_text_does(tokens, text, starts):
    assert lay(tokens, text, len(text)).starts == starts


@pytest.mark.parametrize(
    "tokens",
    [
        pytest.param(["The", " dog"], id="another text"),
        pytest.param(["The"], id="too few"),
        pytest.param(["cat", "The"], id="another order"),
        pytest.param([], id="none"),
    ],
)
def test_tokens_of_another_text_are_an_error(tokens):
    with pytest.raises(Misaligned):
        lay(tokens, "The cat", 7)


@pytest.mark.parametrize(
    ("starts", "boundary", "first", "merged"),
    [
        pytest.param((0, 3, 7), 3, 1, False, id="a token begins at the boundary"),
        pytest.param((0, 3, 7), 5, 1, True, id="a token holds it: counted to what follows, and said"),
        pytest.param((0, 3, 7), 8, 2, True, id="... the last one too"),
        pytest.param((0, 0, 3), 0, 0, False, id="no context"),
    ],
)
def test_a_continuation_begins_with_the_token_at_its_boundary(starts, boundary, first, merged):
    assert tokens_after(Layout(starts), boundary) == (first, merged)


def test_a_boundary_among_bytes_that_cannot_be_told_apart_is_an_error():
    layout = lay(["a", "\ufffd", "\ufffd", "b"], "a你好b", 4)  # six bytes in two tokens ...
    with pytest.raises(Misaligned, match="split into several tokens"):
        tokens_after(Layout(layout.starts, ((1, 3),)), 2)
    assert tokens_after(layout, 3)[0] == 3


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), min_size=1, max_size=8))
def test_any_cut_of_any_text_is_found_again(pieces):
    text = "".join(pieces)
    starts = lay(pieces, text, len(text)).starts
    known = [at for at, piece in enumerate(pieces) if "\ufffd" not in piece]
    before = ["".join(pieces[:at]) for at in range(len(pieces))]
    if len(known) == len(pieces) and not any(piece.startswith("bytes:") for piece in pieces):
        assert list(starts) == [len(one) for one in before]


@given(st.text(max_size=12), st.lists(st.text(max_size=4), max_size=8))
def test_nothing_but_misaligned_is_ever_raised(text, tokens):
    try:
        layout = lay(tokens, text, len(text))
    except Misaligned:
        return
    assert list(layout.starts) == sorted(layout.starts)
