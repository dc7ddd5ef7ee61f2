"""BFCL on recorded answers of six models: each verdict, and so each published score, is the leaderboard's.

Which protocol is a model's: those offered functions by the API answer in tool calls; of the others the leaderboard
reads OpenAI's as they stand, and puts missing brackets around the calls of the rest.
"""

from __future__ import annotations

from collections import Counter

import pytest

from evalcore.benchmarks.bfcl import Bfcl
from evalcore.types import Answer
from tests.evalcore.shared import shared_rows

pytest.importorskip("tree_sitter_java")
pytest.importorskip("tree_sitter_javascript")

PUBLISHED = [
    ("claude-3-5-sonnet-20240620", "ast", (384, 190, 183, 185, 202, 65, 38)),
    ("gorilla-openfunctions-v2", "ast", (380, 191, 174, 174, 146, 67, 36)),
    ("meta-llama_Meta-Llama-3-70B-Instruct", "ast", (368, 185, 182, 174, 163, 59, 37)),
    ("gpt-4-0613", "ast_list", (375, 185, 182, 178, 196, 66, 39)),
    ("gpt-4o-2024-05-13-FC", "tool_calls", (353, 182, 180, 166, 185, 60, 30)),
    ("mistral-large-2407-FC-Auto", "tool_calls", (373, 182, 172, 176, 97, 8, 16)),
]


def answer_of(result):
    if isinstance(result, str):
        return Answer(text=result)
    pairs = [next(iter(call.items())) for call in result]
    return Answer(text="", tool_calls=tuple({"function": {"name": n, "arguments": text}} for n, text in pairs))


@pytest.fixture(scope="module")
def samples():
    benchmark = Bfcl()
    return {
        (subset, row["id"]): benchmark.sample(row, subset)
        for subset in Bfcl.subsets
        for row in shared_rows(f"correctness/bfcl/{subset}.jsonl")
    }


@pytest.mark.parametrize(("model", "protocol", "right"), PUBLISHED, ids=[model for model, _, _ in PUBLISHED])
def test_each_verdict_is_the_published_one(samples, model, protocol, right):
    benchmark, found, differ = Bfcl(), Counter(), []
    for row in shared_rows(f"oracles/bfcl/{model}.jsonl.gz"):
        score = benchmark.score(samples[row["category"], row["id"]], answer_of(row["result"]))[protocol]
        found[row["category"]] += int(score.value)
        differ += [row["id"]] if bool(score.value) != row["valid"] else []
    assert differ == []
    assert tuple(found[subset] for subset in Bfcl.subsets) == right


@pytest.mark.parametrize(
    "differing",
    [pytest.param(["relevance_115"], id="relevance_115: a call without brackets is a call to one, words to the other")],
)
def test_brackets_make_one_difference_in_the_answers_of_gpt_4(samples, differing):
    benchmark = Bfcl()
    scored = [
        (row["id"], benchmark.score(samples[row["category"], row["id"]], answer_of(row["result"])))
        for row in shared_rows("oracles/bfcl/gpt-4-0613.jsonl.gz")
    ]
    assert [name for name, scores in scored if scores["ast"].value != scores["ast_list"].value] == differing
