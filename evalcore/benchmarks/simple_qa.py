"""SimpleQA: short factual questions with one right answer, judged by a model; models may decline to answer.

Paper: Wei et al., 2024, https://arxiv.org/abs/2411.04368 (openai/simple-evals). Licence: MIT. Items: 4326. Prompt: the
bare question, no worked examples. A judge puts each answer into one of three classes; the rubric is the official one in
our own words, and its reader is ours (evalcore.scoring.grade), for the official one reads "CORRECT" as "not attempted".

Scores: correct (headline), incorrect, not_attempted; derived from their means: correct_given_attempted, and f_score,
the harmonic mean of that and correct. By rule, if the task insists: exact_match after SQuAD's normalisation: too low.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.judge.prompts import COMPARE, filled
from evalcore.scoring.grade import CLASSES, graded
from evalcore.scoring.text import short_answer, squad_normal
from evalcore.types import Answer, Message, Sample, Score, Scores

ENDING = "Reply with one word: CORRECT, INCORRECT or NOT_ATTEMPTED."


class SimpleQa:
    name = "simple_qa"
    info = Info("SimpleQA", "https://arxiv.org/abs/2411.04368", "MIT", 4326, ("knowledge", "judge", "english"))
    source = Source(
        local={"test": ("simple*qa/*test*.parquet", "simple*qa/*test*.csv*", "simple*qa/*.csv*", "simple*qa/*.jsonl*")},
        huggingface="basicv8vc/SimpleQA",
        modelscope="AI-ModelScope/SimpleQA",
    )
    subsets = ("main",)
    few_shot = 0
    protocols = ("exact_match",)
    judge_protocols = tuple(CLASSES)
    judge_words = tuple(CLASSES.values())
    judge_by_default = True
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question = text_of(row, "problem" if "problem" in row else "question", self.name)
        return Sample(
            id=content_id(question),
            subset=subset,
            question=question,
            target=text_of(row, "answer", self.name),
            category=_topic(row.get("metadata")),
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(sample.question, sample, options)

    def judge_prompt(self, sample: Sample, answer: Answer) -> list[Message]:
        texts = {"question": sample.question, "reference": sample.target, "answer": answer.text}
        return [{"role": "user", "content": filled(COMPARE, texts, ENDING)}]

    def judged(self, sample: Sample, answer: Answer, reply_text: str) -> Scores:
        return graded(reply_text)

    def score(self, sample: Sample, answer: Answer) -> Scores:
        said = short_answer(answer.text)
        right = said is not None and squad_normal(said) == squad_normal(sample.target) != ""
        return {"exact_match": Score(value=float(right), extracted=said)}

    def derived(self, means: Mapping[str, float]) -> Mapping[str, float]:
        attempted = means.get("correct", 0.0) + means.get("incorrect", 0.0)
        if attempted == 0:  # or judged by rule
            return {}
        of_attempted = means["correct"] / attempted
        both = means["correct"] + of_attempted
        return {
            "correct_given_attempted": of_attempted,
            "f_score": 2 * means["correct"] * of_attempted / both if both else 0.0,
        }


def _topic(metadata: Any) -> str:
    """The topic in a row's metadata, which the official file writes as a Python literal."""
    if isinstance(metadata, str):
        try:
            metadata = ast.literal_eval(metadata)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return ""
    return str(metadata.get("topic") or "") if isinstance(metadata, Mapping) else ""
