"""HellaSwag: which sentence goes on with a description of everyday doings.

Paper: Zellers et al., "HellaSwag: Can a Machine Really Finish Your Sentence?", 2019,
https://arxiv.org/abs/1905.07830 (repository rowanz/hellaswag). Licence: MIT. Items: 10042 (validation; test has no
public labels).

Rows, original and hub (Rowan/hellaswag) alike: ind, activity_label, ctx_a, ctx_b, ctx, endings, source_id, split_type,
label (a number, as text in the hub's). The text is prepared as lm-evaluation-harness does: activity, colon, ctx_a and
ctx_b with a capital; " [title]" becomes a full stop and other bracketed parts go. No worked examples. Items of one
source share a group.

Protocols: last_statement (ours, headline), simple_evals, exact_letter. By likelihood, as the published figures are:
endings after the bare text; acc_norm (headline), acc and the others of evalcore.scoring.likelihood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.scoring.likelihood import NORMALISED
from evalcore.types import Sample

BRACKETED = re.compile(r"\[[^\[\]]*\]")


class Hellaswag(Choice):
    name = "hellaswag"
    info = Info("HellaSwag", "https://arxiv.org/abs/1905.07830", "MIT", 10042, ("commonsense", "choice", "english"))
    source = Source(
        local={
            "validation": below("hellaswag", "hellaswag_val*.jsonl*", "data/validation-*.parquet"),
            "train": below("hellaswag", "hellaswag_train*.jsonl*", "data/train-*.parquet"),
        },
        eval_split="validation",
        shots_split="train",
        huggingface="Rowan/hellaswag",
        modelscope="evalscope/hellaswag",
    )

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        begun = str(field(self.name, row, "ctx_b"))
        text = (
            f"{row.get('activity_label', '')}: {field(self.name, row, 'ctx_a')} {begun[:1].upper()}{begun[1:].lower()}"
        )
        return choice_sample(
            self.name,
            row,
            subset=subset,
            id=row.get("ind"),
            question=clean(text),
            choices=[clean(ending) for ending in field(self.name, row, "endings")],
            gold=field(self.name, row, "label"),
            group=str(row.get("source_id") or ""),
            category=str(row.get("split_type") or ""),
        )

    compares = "texts"
    likelihood_protocols = NORMALISED

    def statement(self, sample: Sample) -> str:
        return sample.question

    def about(self, sample: Sample) -> str:
        return "Which ending goes best with this beginning?"


def clean(text: str) -> str:
    """Without the marks of the wikiHow pages that a part of the data was taken from."""
    return BRACKETED.sub("", text.strip().replace(" [title]", ". ")).replace("  ", " ")
