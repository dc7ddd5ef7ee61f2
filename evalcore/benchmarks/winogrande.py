"""WinoGrande: which of two names or things a blank stands for.

Paper: Sakaguchi et al., "WinoGrande: An Adversarial Winograd Schema Challenge at Scale", 2019,
https://arxiv.org/abs/1907.10641 (repository allenai/winogrande). Licence: CC BY (code Apache-2.0). Items: 1267
(validation of winogrande_xl; test has no public labels).

Rows, original and hub (allenai/winogrande, configuration winogrande_xl) alike: sentence with one "_", option1,
option2, answer "1" or "2"; the original has qID, whose twins ("...-1", "...-2") share a group. No worked examples by
default.

Protocols: last_statement (ours, headline), simple_evals, exact_letter. By likelihood: the "partial" scoring of the
field, each option in the blank and the rest of the sentence compared; acc.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Pair, Source, pair
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.types import Sample


class Winogrande(Choice):
    name = "winogrande"
    info = Info("WinoGrande", "https://arxiv.org/abs/1907.10641", "CC BY", 1267, ("commonsense", "choice", "english"))
    source = Source(
        local={
            "validation": below("winogrande", "dev*.jsonl*", "winogrande_xl/validation-*.parquet"),
            "train": below("winogrande", "train_xl.jsonl*", "winogrande_xl/train-*.parquet"),
        },
        eval_split="validation",
        shots_split="train",
        huggingface="allenai/winogrande",
        modelscope="AI-ModelScope/winogrande_val",
        config="winogrande_xl",
    )

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        return choice_sample(
            self.name,
            row,
            subset=subset,
            id=row.get("qID"),
            question=field(self.name, row, "sentence"),
            choices=[field(self.name, row, "option1"), field(self.name, row, "option2")],
            labels="12",
            gold=field(self.name, row, "answer"),
            group=str(row.get("qID") or "").rpartition("-")[0],
        )

    compares = "texts"
    likelihood_protocols = ("acc",)

    def endings(self, sample: Sample) -> list[Pair]:
        before, _, after = sample.question.partition("_")
        return [pair(before + choice, f" {after.strip()}") for choice in sample.choices]

    def about(self, sample: Sample) -> str:
        return 'What does the blank "_" in this sentence stand for?'
