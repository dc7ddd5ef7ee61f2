"""OpenBookQA: elementary science questions that need one fact and common knowledge.

Paper: Mihaylov et al., "Can a Suit of Armor Conduct Electricity?", 2018, https://arxiv.org/abs/1809.02789. Licence:
Apache-2.0. Items: 500 (test).

Rows: the hub's allenai/openbookqa: id, question_stem, choices {text, label}, answerKey; the original's: id, question
{stem, choices [{text, label}]}, answerKey; a subset as question, options, answer (position from 0). The book's facts
are not shown. No worked examples by default.

Protocols: last_statement (ours, headline), simple_evals, exact_letter. By likelihood: texts of the options after the
bare question; acc_norm (headline), acc and the others of evalcore.scoring.likelihood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.arc import labelled_choices
from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.scoring.likelihood import NORMALISED
from evalcore.types import Sample


class OpenBookQa(Choice):
    name = "openbookqa"
    info = Info("OpenBookQA", "https://arxiv.org/abs/1809.02789", "Apache-2.0", 500, ("science", "choice", "english"))
    source = Source(
        local={
            "test": below("openbookqa", "test.jsonl*", "main/test-*.parquet", "openbookqa_subset.jsonl*"),
            "train": below("openbookqa", "train.jsonl*", "main/train-*.parquet"),
        },
        shots_split="train",
        huggingface="allenai/openbookqa",
        modelscope="allenai/openbookqa",
        config="main",
    )
    compares = "texts"
    likelihood_protocols = NORMALISED

    def statement(self, sample: Sample) -> str:
        return sample.question

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        if "options" in row:
            question, texts, labels, gold = row.get("question"), row["options"], None, field(self.name, row, "answer")
        else:
            question, texts, labels = labelled_choices(self.name, row)
            gold = field(self.name, row, "answerKey")
        return choice_sample(
            self.name, row, subset=subset, id=row.get("id"), question=question, choices=texts, labels=labels, gold=gold
        )
