"""The rest of lighteval's metric fixtures (see test_oracle_metrics and test_oracle_math): ours give what they expect.

Where a fixture expects what its metric cannot give, its name says so, and the test shows that it cannot be had.
"""

from __future__ import annotations

import json
import math

import pytest

from evalcore.scoring.likelihood import score_texts, score_truthful
from evalcore.scoring.text import bag_f1, words
from evalcore.scoring.translation import bleu, chrf, ter, word_edits
from evalcore.statistics import g_pass_at, mean_g_pass_at
from evalcore.types import Likelihood
from tests.evalcore.shared import shared

LETTERS = "ABCDEFGH"


def cases(name):
    try:
        found = json.loads(shared(f"oracles/metrics_lighteval/{name}.json").read_text())["test_cases"]
    except pytest.skip.Exception:
        return []
    return [pytest.param(case, id=case["name"]) for case in found]


def golds(doc):
    wanted = doc["gold_index"]
    return [doc["choices"][at] for at in (wanted if isinstance(wanted, list) else [wanted])]


def pairs(case):
    """(first answer, gold answer) of each item."""
    return [(r["text"][0], golds(doc)[0]) for r, doc in zip(case["model_responses"], case["docs"], strict=True)]


def close(ours, case, expected=None):
    assert ours == pytest.approx(case["expected_output"] if expected is None else expected, abs=case["tolerance"])


@pytest.mark.parametrize("case", cases("rouge1"))
def test_rouge_1_is_the_overlap_of_words(case):
    close(
        bag_f1(words(case["model_response"]["text"][0]), words(golds(case["doc"])[0])),
        case,
        case["expected_output"]["rouge1"],
    )


@pytest.mark.parametrize("case", cases("f1_score_micro"))
def test_micro_f1_over_answers_as_classes_is_the_share_of_right_ones(case):
    close(sum(text == gold for text, gold in pairs(case)) / len(case["docs"]), case)


@pytest.mark.parametrize("case", cases("avg_at_k"))
def test_average_at_k_is_the_share_of_right_ones_among_k_of_the_first_gold_answer_alone(case):
    k = case["metric_params"]["k"]
    right = [text == golds(case["doc"])[0] for text in case["model_response"]["text"][:k]]
    close(sum(right) / k, case, next(iter(case["expected_output"].values())))


@pytest.mark.parametrize("case", cases("g_pass_at_k"))
def test_g_pass_at_k(case):
    k, n = case["metric_params"]["k"], case["metric_params"]["n"]
    right = sum(text.strip() == golds(case["doc"])[0].strip() for text in case["model_response"]["text"][:n])
    for name, expected in case["expected_output"].items():
        share = name.rpartition("_")[2]
        ours = mean_g_pass_at(n, right, k) if name.startswith("mg") else g_pass_at(n, right, k, float(share))
        close(ours, case, expected)


@pytest.mark.parametrize("case", cases("bleu"))
def test_bleu_of_a_corpus(case):
    close(bleu([text for text, _ in pairs(case)], [[gold] for _, gold in pairs(case)]), case)


@pytest.mark.parametrize("case", cases("bleu_1"))
def test_bleu_of_single_words(case):
    ours = bleu(case["model_response"]["text"], [golds(case["doc"])], order=1) / 100
    close(ours, case, case["expected_output"]["bleu_1"])


@pytest.mark.parametrize(
    ("metric", "case"),
    [
        pytest.param(
            metric, case.values[0], id=f"{case.id}: theirs compares the first text with the gold answers of all"
        )
        for name, metric in (("chrf", chrf), ("ter", ter))
        for case in cases(name)
    ],
)
def test_chrf_and_ter(metric, case):
    close(metric([pairs(case)[0][0]], [[gold for _, gold in pairs(case)]]), case)


@pytest.mark.parametrize("case", cases("copyright"))
def test_copied_words(case):
    said, original = case["model_response"]["text"][0].split(), golds(case["doc"])[0].split()
    same = next(
        (at for at, (a, b) in enumerate(zip(said, original, strict=False)) if a != b), min(len(said), len(original))
    )
    edits = word_edits(said, original)
    ours = {"longest_common_prefix_length": same, "edit_distance": edits, "edit_similarity": 1 - edits / len(original)}
    close(ours, case)


@pytest.mark.parametrize("case", cases("word_perplexity"))
def test_word_perplexity_is_per_word_of_the_query(case):
    total = sum(sum(response["logprobs"]) for response in case["model_responses"])
    close(math.exp(-total / sum(len(doc["query"].split()) for doc in case["docs"])), case)


@pytest.mark.parametrize("case", cases("loglikelihood_acc"))
def test_likelihood_acc_is_right_where_the_likeliest_option_is_a_gold_one(case):
    options = [Likelihood(text=" x", logprob=value) for value in case["model_response"]["logprobs"]]
    right = case["doc"]["gold_index"]
    picked = score_texts(options, "A", ["acc"])["acc"].extracted
    assert (LETTERS.index(picked) in (right if isinstance(right, list) else [right])) == case["expected_output"]["acc"]


@pytest.mark.parametrize("case", cases("truthfulqa_mc_metrics"))
def test_truthful_qa_mc1(case):
    first = case["doc"]["specific"]["len_mc1"]
    options = [Likelihood(text=" x", logprob=value) for value in case["model_response"]["logprobs"]]
    assert score_truthful(options[:first], "A", (), ())["mc1"].value == case["expected_output"]["truthfulqa_mc1"]


@pytest.mark.parametrize(
    "case",
    [pytest.param(case.values[0], id=f"{case.id}: no option after those of mc1 is false, so a share is not defined; 1 "
                  "and 0 are expected of the like") for case in cases("truthfulqa_mc_metrics")],
)  # fmt: skip
def test_truthful_qa_mc2_is_not_defined_in_the_fixtures(case):
    first, right = case["doc"]["specific"]["len_mc1"], case["doc"]["gold_index"]
    values = case["model_response"]["logprobs"]
    rest = {at in right: Likelihood(text=" x", logprob=values[at]) for at in range(first, len(values))}
    assert list(rest) == [True]
    assert "mc2" not in score_truthful([Likelihood(text=" x", logprob=0.0)], "A", list(rest.values()), ())


@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param("target_perplexity", "ppl", id="target_perplexity: figures made up, no exponential is 0"),
        pytest.param(
            "bits_per_byte", "bits_per_byte", id="bits_per_byte: made up, logarithms above 0 are of no probability"
        ),
    ],
)
def test_fixtures_that_no_formula_gives(name, key):
    found = [case.values[0] for case in cases(name)] or pytest.skip("no shared data")
    if key == "ppl":
        assert any(case["expected_output"][key] <= 0 for case in found)
    else:
        assert all(max(case["model_response"]["logprobs"]) > 0 for case in found)
