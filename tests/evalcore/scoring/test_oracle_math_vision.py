"""MATH-Vision on recorded replies of three models: extraction, verdicts, and published scores per level and subject."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from evalcore.scoring.mathvision import extracted, is_right
from tests.evalcore.shared import shared, shared_rows

MODELS = ("Gemini-Pro", "LLaVA-v1.5-7B", "Qwen-VL-Max-CoT")
VERDICTS = {("Gemini-Pro", "3013")}
EXTRACTIONS = {("Qwen-VL-Max-CoT", "1787")}


@pytest.fixture(scope="module")
def problems():
    return {row["id"]: row for row in shared_rows("vqa/math_vision/test_text.jsonl.gz")}


def verdict(problem, answer):
    gold, options = str(problem["answer"]), problem["options"]
    return is_right(answer, gold, options[ord(gold) - ord("A")] if options else "")


@pytest.mark.parametrize("model", MODELS)
def test_verdicts_and_published_parts(problems, model):
    right, total = Counter(), Counter()
    for row in shared_rows(f"oracles/math_vision/{model}.jsonl.gz"):
        problem, answer = problems[row["id"]], extracted(row["response"])
        ours = verdict(problem, answer)
        if (model, row["id"]) not in EXTRACTIONS:
            assert answer == row["model_answer"], row["id"]
        if (model, row["id"]) not in VERDICTS:
            assert ours == row["correct"], row["id"]
        level, subject = f"level{problem['level']}", problem["subject"]
        parts = ("-all", f"-{level}", subject, f"{subject}_{level}", f"-{level}_{subject}")
        total.update(parts)
        right.update(parts if ours != ((model, row["id"]) in VERDICTS) else ())
    published = json.loads(shared(f"oracles/math_vision/{model}_result.json").read_text())
    for part, count in total.items():
        assert published[part].startswith(f"{right[part]}/{count}="), part


@pytest.mark.parametrize(
    ("model", "number", "ours"),
    [
        pytest.param("Gemini-Pro", "3013", ("4/3", True), id="3013: 4/3 is 4/3 here, and was not there"),
        pytest.param(
            "Qwen-VL-Max-CoT", "1787", ("a)", False), id="1787: of 'A)' the bracket was taken off, wrong alike"
        ),
    ],
)
def test_what_differs(problems, model, number, ours):
    row = next(row for row in shared_rows(f"oracles/math_vision/{model}.jsonl.gz") if row["id"] == number)
    answer = extracted(row["response"])
    assert (answer, verdict(problems[number], answer)) == ours
    assert (answer, ours[1]) != (row["model_answer"], row["correct"])
