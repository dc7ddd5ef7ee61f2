"""Words: texts of exactly so many tokens under whatever tokenizer; each the beginning of the longer one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.scenario import Scenario
from perfbench.settings.lengths import lengths
from perfbench.workload import described, open_workload
from perfbench.workload.synthetic import SyntheticTexts
from perfbench.workload.tokens import Tokenizer
from perfbench.workload.words import ESTIMATE, SPELT, WORDS, Numbers, Words
from tests.evalcore.shared import shared

NAMES = ("gpt2", "smollm2-135m", "bert-base-uncased")
NUMBERS = st.integers(0, (1 << 64) - 1)
LENGTHS = st.one_of(st.integers(1, 20), st.integers(1, 600), st.just(20_000))


def tokenizer_file(name: str) -> Path:
    pytest.importorskip("tokenizers")
    return shared(f"tokenizers/{name}/tokenizer.json")


@cache
def under(file: Path) -> tuple[Words, Tokenizer]:
    tokenizer = Tokenizer(file)
    return Words(1, 1000, tokenizer), tokenizer


def bpe(folder: Path, merges: list[tuple[str, str]]) -> Path:
    """A byte-level tokenizer without a pre-tokenizer's splits: letters, spaces and those merges."""
    letters = sorted({letter for word in WORDS for letter in word} | {"\u0120"})
    tokens = [*letters, *("".join(pair) for pair in merges)]
    (folder / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u0120"},
                "pre_tokenizer": None,
                "post_processor": None,
                "decoder": None,
                "truncation": None,
                "padding": None,
                "model": {
                    "type": "BPE", "vocab": {token: number for number, token in enumerate(tokens)},
                    "merges": [" ".join(pair) for pair in merges],
                },
            }
        )
    )  # fmt: skip
    return folder / "tokenizer.json"


def spelt_out(words: list[str], space: bool) -> list[tuple[str, str]]:
    """Merges that make each of these words one token."""
    made: list[tuple[str, str]] = []
    for word in words:
        before = "\u0120" if space else word[0]
        for letter in word if space else word[1:]:
            made.append((before, letter))
            before += letter
    return list(dict.fromkeys(made))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(number=NUMBERS, other=NUMBERS, tokens=LENGTHS, more=LENGTHS)
def test_the_count_is_exact_under_real_tokenizers(name, number, other, tokens, more):
    words, tokenizer = under(tokenizer_file(name))
    text = words.text(number, tokens)
    assert tokenizer.count(text) == tokens
    assert tokenizer.count(text + words.text(other, more, opening=False)) == tokens + more
    assert not tokenizer.joins_words  # so that the above holds by construction, and for no luck of the draw


@pytest.mark.parametrize("name", NAMES)
def test_drawn_lengths_are_what_a_tokenizer_counts(name):
    file = tokenizer_file(name)
    law = "lognormal(mean=60, sd=50, max=400)"
    scenario = Scenario.from_mapping(
        {"url": "simulator", "prompt_tokens": law, "tokenizer": str(file), "seed": 4}, environment={}
    )
    workload, count = open_workload(scenario), Tokenizer(file).count
    items = [workload.item(index) for index in range(200)]
    assert [count(item.prompt.text) for item in items] == [item.wanted_input_tokens for item in items]
    assert len({item.wanted_input_tokens for item in items}) > 50
    told = described("synthetic", workload)
    assert told["prompt_tokens_source"] == "tokenizer tokenizer.json: exact, without the chat template"
    assert told["mean_input_tokens"] == pytest.approx(lengths(law).mean)


def test_without_a_tokenizer_the_summary_says_that_it_is_an_estimate():
    found = described("synthetic", open_workload(Scenario.from_mapping({"url": "simulator"}, environment={})))
    assert found["prompt_tokens_source"] == ESTIMATE


@pytest.mark.parametrize("tokens", [1, 2, 9, 40, 700])
def test_words_of_several_tokens_add_up_too(tmp_path, tokens):
    pytest.importorskip("tokenizers")
    tokenizer = Tokenizer(bpe(tmp_path, [*spelt_out(["sun", "oil"], False), *spelt_out(["sun", "sky"], True)]))
    words = Words(1, 800, tokenizer)
    assert not tokenizer.joins_words
    assert {tokenizer.count(words.text(number << 48, tokens)) for number in range(0, 4000, 37)} == {tokens}


def test_tokens_that_reach_over_a_space_are_counted_text_by_text(tmp_path):
    pytest.importorskip("tokenizers")
    merges = [*spelt_out(["sun", "oil"], False), *spelt_out(["sun", "sky"], True), ("e", "\u0120"), ("n", "\u0120")]
    tokenizer = Tokenizer(bpe(tmp_path, merges))
    words = Words(1, 800, tokenizer)
    assert tokenizer.joins_words
    assert words.source.endswith("each prompt is counted")
    assert {tokenizer.count(words.text(number << 48, 120)) for number in range(0, 4000, 37)} == {120}


def test_a_tokenizer_of_single_letters_cannot_be_met_and_says_so(tmp_path):
    pytest.importorskip("tokenizers")
    tokenizer = Tokenizer(bpe(tmp_path, []))
    with pytest.raises(ScenarioError, match="no common English word is a single token"):
        Words(1, 100, tokenizer)


@given(number=NUMBERS, tokens=st.integers(1, 40_000), more=st.integers(0, 3000))
def test_a_shorter_text_is_the_beginning_of_a_longer_one(number, tokens, more):
    words = Words(1, 100)
    assert words.text(number, tokens + more).startswith(words.text(number, tokens))
    assert len(words.text(number, tokens).split(" ")) == tokens
    assert words.text(number, tokens, opening=False) == " " + words.text(number, tokens)


@given(st.sets(NUMBERS, min_size=2, max_size=30))
def test_two_numbers_never_share_their_first_words(numbers):
    words = Words(1, 100)
    assert len({words.text(number, SPELT) for number in numbers}) == len(numbers)


def test_shares_are_even_and_within_their_ends():
    found = [Numbers(3, "anything").share(index) for index in range(20_000)]
    assert 0 < min(found) < max(found) < 1
    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.01)


def test_lengths_depend_on_seed_and_index_alone():
    law = lengths("uniform(10, 500)")
    first, again, other = (SyntheticTexts(seed, law) for seed in (1, 1, 2))
    assert [first.text(index) for index in (9, 0, 9)] == [again.text(index) for index in (9, 0, 9)]
    assert [first.drawn(index) for index in range(9)] != [other.drawn(index) for index in range(9)]
