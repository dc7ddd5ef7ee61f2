"""RACE: English exams of Chinese middle and high schools, questions about an article. Two benchmarks, not one.

Paper: Lai et al., "RACE: Large-scale ReAding Comprehension Dataset From Examinations", 2017,
https://arxiv.org/abs/1704.04683. Licence: non-commercial research only (terms of Carnegie Mellon University).

race: the official test set, 4934 items (middle 1436, high 3498). Rows: the hub's ehovy/race: example_id
("high123.txt", "middle45.txt"), article, question, options, answer; a file may hold both levels. Micro, as the paper.

race_h_lm: what lm-evaluation-harness calls race, whose numbers are not comparable: high only, one item an article
(1045), its last question, the earlier ones shown with their answers. Rows: the hub's EleutherAI/race, configuration
high: article, problems (a Python literal: question, options, answer). There the options' likelihoods are compared
(method likelihood).

Items of one article share a group. No worked examples. Protocols: last_statement (ours, headline), simple_evals,
exact_letter. By likelihood: texts of the options after article and question; acc (headline) and the others of
evalcore.scoring.likelihood.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from evalcore.benchmarks.base import Info, Source
from evalcore.benchmarks.choice import LAYOUT, Choice, below, choice_sample, field
from evalcore.benchmarks.rows import content_id
from evalcore.errors import DataError
from evalcore.types import Sample

PAPER, LICENCE, TAGS = "https://arxiv.org/abs/1704.04683", "non-commercial research", ("reading", "choice", "english")


def article_and_question(_benchmark: Choice, sample: Sample) -> str:
    return f"Article: {sample.context}\n\nQuestion: {sample.question}\nAnswer:"


class Race(Choice):
    name = "race"
    info = Info("RACE", PAPER, LICENCE, 4934, TAGS)
    source = Source(
        local={
            "test": below("race", "{subset}/test-*.parquet", "test.jsonl*", "race_subset*.jsonl*"),
            "train": below("race", "{subset}/train-*.parquet", "train.jsonl*"),
        },
        shots_split="train",
        huggingface="ehovy/race",
        modelscope="evalscope/race",
        config="{subset}",
    )
    subsets = ("middle", "high")
    compares = "texts"
    statement = article_and_question

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        article = str(row.get("example_id") or "")
        level = next((level for level in self.subsets if article.startswith(level)), subset)
        return choice_sample(
            self.name,
            row,
            subset=level,
            question=field(self.name, row, "question"),
            context=field(self.name, row, "article"),
            choices=field(self.name, row, "options"),
            gold=field(self.name, row, "answer"),
            group=article,
        )


class RaceHighLastQuestion(Choice):
    name = "race_h_lm"
    info = Info("RACE-H, last question of each article", PAPER, LICENCE, 1045, TAGS)
    source = Source(
        local={"test": below("race_h_lm", "high/test-*.parquet", "test.jsonl*")},
        huggingface="EleutherAI/race",
        config="high",
    )
    compares = "texts"
    statement = article_and_question

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        article = str(field(self.name, row, "article"))
        try:
            problems = field(self.name, row, "problems")
            *earlier, last = ast.literal_eval(problems) if isinstance(problems, str) else problems
            answered = "\n\n".join(_answered(problem) for problem in earlier)
            question, options, gold = last["question"], last["options"], last["answer"]
        except (ValueError, SyntaxError, TypeError, LookupError) as error:
            raise DataError(f"race_h_lm: 'problems' of {article[:60]!r} cannot be read ({error!r}); {LAYOUT}") from None
        return choice_sample(
            self.name,
            row,
            subset=subset,
            question=question,
            context=f"{article}\n\n{answered}",
            choices=options,
            gold=gold,
            group=content_id(article),
        )


def _answered(problem: Mapping[str, Any]) -> str:
    text = problem["options"]["ABCD".index(problem["answer"])]
    before, blank, after = problem["question"].partition("  _  ")
    return f"{before}{text}{after}" if blank else f"Question: {problem['question']}\nAnswer: {text}"
