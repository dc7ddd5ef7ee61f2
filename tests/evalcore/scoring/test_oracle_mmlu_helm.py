"""MMLU as HELM ran it: five shots, answers of one token, scored as HELM scores them."""

from __future__ import annotations

from collections import Counter

import pytest

from evalcore.benchmarks.mmlu import Mmlu
from evalcore.types import Answer
from tests.evalcore.shared import shared_rows

SUBJECTS = (
    *("college_chemistry", "college_mathematics", "econometrics", "formal_logic", "global_facts"),
    *("high_school_physics", "machine_learning", "public_relations", "virology"),
)
CORRECT = {
    "meta_llama-3-70b": (56, 56, 79, 82, 49, 87, 80, 80, 98),
    "openai_gpt-4-1106-preview": (47, 40, 77, 82, 58, 82, 81, 86, 98),
}


@pytest.mark.parametrize("protocol", ["exact_letter", "last_statement"])
@pytest.mark.parametrize("model", CORRECT)
def test_right_answers_per_subject_and_item_are_those_published(model, protocol):
    benchmark = Mmlu()
    right: Counter[str] = Counter()
    for row in shared_rows(f"oracles/mmlu_helm/{model}.jsonl.gz"):
        item = {"question": row["question"], "choices": row["choices"], "answer": row["answer"]}
        sample = benchmark.sample(item, row["subject"])
        score = {**benchmark.score(sample, Answer(text=row["completion"]))}
        if protocol == "exact_letter":
            assert bool(score[protocol].value) == row["correct"]
        right[row["subject"]] += int(score[protocol].value)
    assert tuple(right[subject] for subject in SUBJECTS) == CORRECT[model]
