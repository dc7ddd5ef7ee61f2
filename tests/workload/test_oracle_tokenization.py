"""Published token ids: what the tokenizers count is what was published for GPT-2 and for BERT."""

from __future__ import annotations

import json

import pytest

from perfbench.workload.tokens import token_counter
from tests.evalcore.shared import shared

tokenizers = pytest.importorskip("tokenizers")

FRAME = {"gpt2": 0, "bert-base-uncased": 2}
"""Tokens that the model's template puts around a text: [CLS] and [SEP]. A count leaves them out."""


def file_of(model):
    return shared(f"tokenizers/{model}/tokenizer.json")


def cases():
    return json.loads(shared("oracles/tokenization/cases.json").read_text())


@pytest.mark.parametrize("model", FRAME)
def test_ids_and_counts_are_those_published(model):
    count, tokenizer = token_counter(file_of(model)), tokenizers.Tokenizer.from_file(str(file_of(model)))
    found = cases()[model]
    assert len(found) == 18
    for case in found:
        ids = case["encoded"]["input_ids"]
        assert tokenizer.encode(case["input"]).ids == ids, case["input"]
        assert count(case["input"]) == len(ids) - FRAME[model], case["input"]


def test_a_whole_text_has_its_221_published_tokens():
    published = json.loads(shared("oracles/tokenization/gpt2_encoded.json").read_text())
    encoded = tokenizers.Tokenizer.from_file(str(file_of("gpt2"))).encode(published["text"])
    assert (encoded.ids, encoded.tokens) == (published["token_ids"], published["bpe_tokens"])
    assert token_counter(file_of("gpt2"))(published["text"]) == 221
