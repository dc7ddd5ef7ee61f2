"""C-Eval, validation set, as a base model answered it in a few tokens: the published letters and figures."""

from __future__ import annotations

import json

import pytest

from evalcore.benchmarks.ceval import CEval
from evalcore.types import Answer
from tests.evalcore.shared import shared, shared_rows


@pytest.mark.parametrize("protocol", ["leading_letter", "last_statement"])
def test_letters_and_accuracy_of_each_subject_are_those_published(protocol):
    benchmark = CEval()
    items = {(row["subject"], row["id"]): row for row in shared_rows("correctness/ceval/val_zhtw.jsonl")}
    published = json.loads(shared("oracles/ceval/llama-3.1-8b.summary.json").read_text(encoding="utf-8"))
    subjects: dict[str, list[float]] = {}
    for row in shared_rows("oracles/ceval/llama-3.1-8b.jsonl"):
        sample = benchmark.sample(items[row["subject"], row["id"]], "")
        score = benchmark.score(sample, Answer(text=row["raw_output"]))[protocol]
        assert (score.extracted or "UNKNOWN") == row["prediction"]
        subjects.setdefault(sample.subset, []).append(score.value)
    assert {name: sum(values) for name, values in subjects.items()} == {
        name: figures["correct"] for name, figures in published["subject_breakdown"].items()
    }
    assert sum(map(sum, subjects.values())) == 650
