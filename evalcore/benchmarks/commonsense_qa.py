"""CommonsenseQA: questions about everyday concepts, five options.

Paper: Talmor et al., "CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge", 2018,
https://arxiv.org/abs/1811.00937. Licence: MIT. Items: 1221 (validation; test has no public labels).

Rows: the hub's tau/commonsense_qa: id, question, question_concept, choices {label, text}, answerKey; the original's:
id, question {stem, choices [{label, text}]}, answerKey. No worked examples by default (Meta: 7).

Protocols: last_statement (ours, headline), simple_evals, exact_letter. By likelihood: letters (letter_acc).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.arc import labelled_choices
from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.types import Sample


class CommonsenseQa(Choice):
    name = "commonsense_qa"
    info = Info("CommonsenseQA", "https://arxiv.org/abs/1811.00937", "MIT", 1221, ("commonsense", "choice", "english"))
    source = Source(
        local={
            "validation": below("commonsense_qa", "dev_rand_split.jsonl*", "data/validation-*.parquet"),
            "train": below("commonsense_qa", "train_rand_split.jsonl*", "data/train-*.parquet"),
        },
        eval_split="validation",
        shots_split="train",
        huggingface="tau/commonsense_qa",
        modelscope="extraordinarylab/commonsense-qa",
    )

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question, texts, labels = labelled_choices(self.name, row)
        return choice_sample(
            self.name,
            row,
            subset=subset,
            id=row.get("id"),
            question=question,
            choices=texts,
            labels=labels,
            gold=field(self.name, row, "answerKey"),
        )
