"""BoolQ: yes-or-no questions about a passage.

Paper: Clark et al., "BoolQ: Exploring the Surprising Difficulty of Natural Yes/No Questions", 2019,
https://arxiv.org/abs/1905.10044 (repository google-research-datasets/boolean-questions). Licence: CC BY-SA 3.0.
Items: 3270 (validation).

Rows: the hub's google/boolq and the original's dev.jsonl: question, passage, answer (true or false), title; a subset
as context, question, options, answer (position from 0). Options shown: A) No, B) Yes. Items of one title share a
group. No worked examples by default. The word alone is an answer too.

Protocols: last_statement (ours, headline), simple_evals, exact_letter. By likelihood: "no" and "yes" after passage and
question; acc (headline) and the others of evalcore.scoring.likelihood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Pair, Source, pair
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.types import Sample


class BoolQ(Choice):
    name = "boolq"
    info = Info("BoolQ", "https://arxiv.org/abs/1905.10044", "CC BY-SA 3.0", 3270, ("reading", "choice", "english"))
    source = Source(
        local={
            "validation": below("boolq", "dev.jsonl*", "data/validation-*.parquet", "boolq_subset.jsonl*"),
            "train": below("boolq", "train.jsonl*", "data/train-*.parquet"),
        },
        eval_split="validation",
        shots_split="train",
        huggingface="google/boolq",
        modelscope="extraordinarylab/boolq",
    )

    compares = "texts"

    def endings(self, sample: Sample) -> list[Pair]:
        said = f"{sample.context}\nQuestion: {sample.question}\nAnswer:"
        return [pair(said, f" {choice.lower()}") for choice in sample.choices]

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question = str(field(self.name, row, "question")).strip()
        return choice_sample(
            self.name,
            row,
            subset=subset,
            question=question if question.endswith("?") else f"{question}?",
            context=row.get("passage") or row.get("context"),
            choices=row.get("options") or ("No", "Yes"),
            gold=field(self.name, row, "answer"),
            group=str(row.get("title") or ""),
        )
