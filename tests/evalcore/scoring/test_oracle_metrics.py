"""Metric fixtures of lighteval: our functions give the values expected there, within the tolerance given there."""

import json

import pytest

from evalcore.scoring.drop import exact_and_f1
from evalcore.scoring.text import bag_f1, best, rouge_l, words
from evalcore.statistics import pass_at
from tests.evalcore.shared import shared


def cases(name):
    """(label, accepted answers, responses, expected, tolerance) of each case of a file; none when it is absent."""
    try:
        found = json.loads(shared(f"oracles/metrics_lighteval/{name}.json").read_text())["test_cases"]
    except pytest.skip.Exception:
        return []
    return [
        pytest.param(
            case["doc"],
            case["model_response"]["text"],
            case["metric_params"],
            case["expected_output"],
            case["tolerance"],
            id=case["name"],
        )
        for case in found
    ]


def golds_of(doc):
    gold = doc["gold_index"]
    return [doc["choices"][at] for at in (gold if isinstance(gold, list) else [gold])]


@pytest.mark.parametrize(("doc", "responses", "params", "expected", "tolerance"), cases("drop"))
def test_drop(doc, responses, params, expected, tolerance):
    exact, f1 = exact_and_f1(responses, [[gold] for gold in doc["specific"]["golds_no_preprocessing"]])
    assert {"em": exact, "f1": f1} == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(("doc", "responses", "params", "expected", "tolerance"), cases("f1_score"))
def test_f1_score(doc, responses, params, expected, tolerance):
    ours = best(bag_f1(responses[0].split(), gold.split()) for gold in golds_of(doc))
    assert ours == pytest.approx(expected["f1"], abs=tolerance)


@pytest.mark.parametrize(("doc", "responses", "params", "expected", "tolerance"), cases("rougeL"))
def test_rouge_l(doc, responses, params, expected, tolerance):
    ours = best(rouge_l(words(responses[0]), words(gold)) for gold in golds_of(doc))
    assert ours == pytest.approx(expected["rougeL"], abs=tolerance)


@pytest.mark.parametrize(("doc", "responses", "params", "expected", "tolerance"), cases("pass_at_k"))
def test_pass_at_k(doc, responses, params, expected, tolerance):
    n = params["n"]
    right = sum(response in golds_of(doc) for response in responses[:n])
    assert pass_at(n, right, params["k"]) == pytest.approx(next(iter(expected.values())), abs=tolerance)
