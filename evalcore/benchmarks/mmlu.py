"""MMLU: 57 subjects of school, university and profession, four options each.

Paper: Hendrycks et al., "Measuring Massive Multitask Language Understanding", 2020, https://arxiv.org/abs/2009.03300
(repository hendrycks/test). Licence: MIT. Items: 14042 (test); 285 (dev, five a subject) give the worked examples.

Rows: the original's csv files without header, question, four options, gold letter (test/SUBJECT_test.csv); the hub's
cais/mmlu: question, choices, answer (0 to 3), subject, one configuration a subject.

Prompt: names the subject, five worked examples. Headline: micro, as the paper's own script and lm-evaluation-harness;
Meta reports the mean over subjects, which the report shows beside it. Categories: the paper's four groups.

By likelihood: letters after the options, five worked examples (letter_acc), as the paper does.

Protocols: last_statement (ours, headline); simple_evals_languages (openai/simple-evals, mmlu_eval); simple_evals (its
English pattern alone); exact_letter (HELM, for answers of one token).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import Choice, below, choice_sample, field
from evalcore.types import Sample

GROUPS = {
    "STEM": """abstract_algebra astronomy college_biology college_chemistry college_computer_science
        college_mathematics college_physics computer_security conceptual_physics electrical_engineering
        elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science
        high_school_mathematics high_school_physics high_school_statistics machine_learning""",
    "humanities": """formal_logic high_school_european_history high_school_us_history high_school_world_history
        international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory
        professional_law world_religions""",
    "social sciences": """econometrics high_school_geography high_school_government_and_politics
        high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality
        professional_psychology public_relations security_studies sociology us_foreign_policy""",
    "other": """anatomy business_ethics clinical_knowledge college_medicine global_facts human_aging management
        marketing medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology""",
}
CATEGORY = {subject: group for group, subjects in GROUPS.items() for subject in subjects.split()}


class Mmlu(Choice):
    name = "mmlu"
    info = Info("MMLU", "https://arxiv.org/abs/2009.03300", "MIT", 14042, ("knowledge", "choice", "english"))
    source = Source(
        local={
            "test": below("mmlu", "test/{subset}_test.csv", "{subset}/test-*.parquet"),
            "dev": below("mmlu", "dev/{subset}_dev.csv", "{subset}/dev-*.parquet"),
        },
        shots_split="dev",
        huggingface="cais/mmlu",
        modelscope="cais/mmlu",
        config="{subset}",
        columns=("question", "A", "B", "C", "D", "answer"),
    )
    subsets = tuple(sorted(CATEGORY))
    few_shot = 5
    protocols = ("last_statement", "simple_evals_languages", "simple_evals", "exact_letter")

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        subject = row.get("subject") or subset
        return choice_sample(
            self.name,
            row,
            subset=subject,
            question=field(self.name, row, "question"),
            choices=row.get("choices") or [field(self.name, row, letter) for letter in "ABCD"],
            gold=field(self.name, row, "answer"),
            category=CATEGORY.get(subject, ""),
        )

    def about(self, sample: Sample) -> str:
        return f"A multiple-choice question on {sample.subset.replace('_', ' ')}:"
