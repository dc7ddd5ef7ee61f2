"""ARC: grade-school science questions, an easy and a challenge set.

Paper: Clark et al., "Think you have Solved Question Answering? Try ARC, the AI2 Reasoning Challenge", 2018,
https://arxiv.org/abs/1803.05457. Licence: CC BY-SA 4.0. Items: 2376 (ARC-Easy) and 1172 (ARC-Challenge), test; a few
have three or five options, some label them 1 to 4: what is shown is always A, B, C, ...

Rows: the hub's allenai/ai2_arc: id, question, choices {text, label}, answerKey; the original's: question {stem,
choices [{text, label}]}. Prompt: options are shown, no worked examples by default (Meta: 25 for base models). The two
sets are two scores; their mean stands for nothing.

Protocols: last_statement (ours, headline), simple_evals, exact_letter. By likelihood: options not shown, their texts
after "Question: ... Answer:"; acc_norm (headline), acc and the others of evalcore.scoring.likelihood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field, mapping
from evalcore.scoring.likelihood import NORMALISED
from evalcore.types import Sample


class Arc(Choice):
    name = "arc"
    info = Info("ARC", "https://arxiv.org/abs/1803.05457", "CC BY-SA 4.0", 3548, ("science", "choice", "english"))
    source = Source(
        local={
            "test": below("arc", "{subset}-[Tt]est*.jsonl*", "{subset}/{subset}-Test.jsonl", "{subset}/test-*.parquet"),
            "train": below(
                "arc", "{subset}-[Tt]rain*.jsonl*", "{subset}/{subset}-Train.jsonl", "{subset}/train-*.parquet"
            ),
        },
        shots_split="train",
        huggingface="allenai/ai2_arc",
        modelscope="allenai/ai2_arc",
        config="{subset}",
    )
    subsets = ("ARC-Easy", "ARC-Challenge")
    average = "macro"
    compares = "texts"
    likelihood_protocols = NORMALISED

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


def labelled_choices(benchmark: str, row: Mapping[str, Any]) -> tuple[Any, list[Any], list[Any]]:
    """Question, texts and labels of a row as AI2 writes them: choices {text, label}, or question {stem, choices}."""
    question = field(benchmark, row, "question_stem", "question")
    if isinstance(question, Mapping):
        options = field(benchmark, question, "choices")
        return question.get("stem"), [option["text"] for option in options], [option["label"] for option in options]
    choices = mapping(benchmark, row, "choices")
    return question, list(field(benchmark, choices, "text")), list(field(benchmark, choices, "label"))
