"""GSM8K: grade-school word problems whose answer is one number.

Paper: Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021, https://arxiv.org/abs/2110.14168
(repository openai/grade-school-math). Licence: MIT. Items: 1319 (test); 7473 (train) give the worked examples.

Prompt: the question, and the wish for reasoning that ends in "The answer is N."; eight worked examples from the train
split as earlier turns (eight chain-of-thought shots are what Meta and Qwen report; theirs are fixed texts, ours are
rows with the calculator marks taken out). Gold: what stands behind "####".

Scores of one generation, side by side:
- numeric (headline): the number stated as the answer, else the last one; equal as values. Dots and commas alone are no
  number, and a text that was cut short is not searched for its last number.
- flexible: lm-evaluation-harness's flexible-extract: last hit of a loose regex, compared as strings; its quirk kept.
- strict: lm-evaluation-harness's strict-match: first "#### N", else the first "The answer is N."
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.errors import DataError
from evalcore.scoring.numbers import harness_flexible, harness_same, harness_strict, number_value, stated_number
from evalcore.types import Answer, Message, Sample, Score, Scores

_CALCULATOR = re.compile(r"<<[^<>\n]*>>")


class Gsm8k:
    name = "gsm8k"
    info = Info(
        title="GSM8K",
        paper="https://arxiv.org/abs/2110.14168",
        licence="MIT",
        items=1319,
        tags=("math", "reasoning", "english"),
    )
    source = Source(
        local={
            "test": ("gsm8k/test*.jsonl*", "gsm8k/main/test*.parquet", "gsm8k/**/test*.parquet"),
            "train": ("gsm8k/train*.jsonl*", "gsm8k/main/train*.parquet", "gsm8k/**/train*.parquet"),
        },
        shots_split="train",
        huggingface="openai/gsm8k",
        modelscope="AI-ModelScope/gsm8k",
        config="main",
    )
    subsets = ("main",)
    few_shot = 8
    protocols = ("numeric", "flexible", "strict")
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        question, worked = text_of(row, "question", self.name), text_of(row, "answer", self.name)
        solution, mark, target = worked.rpartition("####")
        target = target.strip().replace(",", "")
        if not mark or number_value(target) is None:
            raise DataError(
                f"gsm8k: the answer of {question[:60]!r} does not end in '#### NUMBER'; use the original rows"
            )
        return Sample(
            id=content_id(question),
            subset=subset,
            question=question,
            target=target,
            meta={"solution": _CALCULATOR.sub("", solution).strip()},
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options, turns(shots, _ask, _worked))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        stated = stated_number(answer.text, whole=answer.finish_reason != "length")
        flexible, strict = harness_flexible(answer.text), harness_strict(answer.text)
        return {
            "numeric": Score(
                value=float(stated is not None and stated.value == number_value(sample.target)),
                extracted=None if stated is None else stated.text,
            ),
            "flexible": Score(value=float(harness_same(flexible, sample.target)), extracted=flexible),
            "strict": Score(value=float(harness_same(strict, sample.target)), extracted=strict),
        }


def _ask(sample: Sample) -> str:
    return (
        f"{sample.question}\n\n"
        'Work it out step by step, then finish with one line that reads "The answer is N.", where N is a number.'
    )


def _worked(shot: Sample) -> str:
    return f"{shot.meta['solution']}\nThe answer is {shot.target}."
