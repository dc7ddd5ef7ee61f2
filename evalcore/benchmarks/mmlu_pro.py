"""MMLU-Pro: harder questions from 14 subjects, up to ten options.

Paper: Wang et al., "MMLU-Pro: A More Robust and Challenging Multi-Task Language Understanding Benchmark", 2024,
https://arxiv.org/abs/2406.01574 (repository TIGER-AI-Lab/MMLU-Pro). Licence: MIT (repository Apache-2.0). Items:
12032 (test); 70 (validation, five a subject, with reasoning) give the worked examples.

Rows, the hub's and the repository's alike: question_id, question, options (padding "N/A" is dropped), answer,
answer_index, cot_content, category. One file holds all subjects.

Prompt: names the subject, five worked examples with their reasoning, ends in "The answer is (X).". Headline: micro,
the official overall; Meta reports the mean over subjects.

Protocols: mmlu_pro (headline: the official three patterns; nothing is guessed when all fail, which the official
script does at random); mmlu_pro_stage1 (lm-evaluation-harness); last_statement (ours).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.types import Sample

SUBJECTS = (
    *("biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history"),
    *("law", "math", "other", "philosophy", "physics", "psychology"),
)


class MmluPro(Choice):
    name = "mmlu_pro"
    info = Info("MMLU-Pro", "https://arxiv.org/abs/2406.01574", "MIT", 12032, ("knowledge", "choice", "english"))
    source = Source(
        local={
            "test": below("mmlu_pro", "test*.jsonl*", "data/test-*.parquet"),
            "validation": below("mmlu_pro", "validation*.jsonl*", "data/validation-*.parquet"),
        },
        shots_split="validation",
        huggingface="TIGER-Lab/MMLU-Pro",
        modelscope="TIGER-Lab/MMLU-Pro",
    )
    subsets = SUBJECTS
    few_shot = 5
    protocols = ("mmlu_pro", "mmlu_pro_stage1", "last_statement")
    wish = 'Think step by step, then finish with "The answer is (X).", where X is one of {letters}.'
    stated = "The answer is ({letter})."

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        reasoning = str(row.get("cot_content") or "").partition("step by step.")[2].strip()
        return choice_sample(
            self.name,
            row,
            subset=row.get("category") or subset,
            id=row.get("question_id"),
            question=field(self.name, row, "question"),
            choices=[option for option in field(self.name, row, "options") if option != "N/A"],
            gold=field(self.name, row, "answer", "answer_index"),
            meta={"reasoning": reasoning} if reasoning else {},
        )

    def about(self, sample: Sample) -> str:
        return f"A multiple-choice question on {sample.subset}:"

    def reply(self, shot: Sample) -> str:
        return shot.meta.get("reasoning") or super().reply(shot)
