"""AIME 2024 and 2025: thirty problems a year whose answers are whole numbers from 0 to 999.

American Invitational Mathematics Examination, papers I and II; problems (c) Mathematical Association of America.
Items: 30 each. Prompt: the problem, and the wish for reasoning that ends in a box; no worked examples, as DeepSeek-R1
(arXiv 2501.12948) and others report. One greedy pass moves by 3.3 points an item, so ask for 16 repeats or more.

Scores of one generation:
- integer (headline): the whole number in the last box, else the one the text states as its answer; equal as numbers, so
  073 is 73. What is not one whole number (a fraction, a sum left standing) is no answer.
- harness: lm-evaluation-harness's tasks aime24 and aime25: the last box, else what stands between the first and the
  last dollar sign, else the whole text; equal by the normaliser of MATH, so 073 is not 73.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.math_500 import ask_boxed
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.errors import DataError
from evalcore.scoring.boxed import last_box, last_box_of_math
from evalcore.scoring.mathequal import same_string
from evalcore.scoring.numbers import marked_number, whole_number
from evalcore.types import Answer, Message, Sample, Score, Scores

_TAGS = ("math", "reasoning", "competition", "english")
_PAPER = "https://maa.org/student-programs/amc/"
_LICENCE = "problems (c) Mathematical Association of America"


class Aime:
    """Both years; what differs is where the rows are."""

    name: str
    info: Info
    source: Source
    subsets = ("main",)
    few_shot = 0
    protocols = ("integer", "harness")
    average = "micro"
    max_tokens = 16384
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        row = {key.lower(): value for key, value in row.items()}  # some copies write Problem and Answer
        problem = text_of(row, "problem" if row.get("problem") else "question", self.name)
        gold = row.get("answer") or row.get("expected_answer") or last_box(str(row.get("solution") or ""))
        target = whole_number(str(gold))
        if target is None:
            raise DataError(f"{self.name}: {problem[:60]!r} has the answer {gold!r}, which is not a whole number")
        return Sample(id=content_id(problem), subset=subset, question=problem, target=str(target))

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        worked = turns(shots, ask_boxed, lambda shot: f"\\boxed{{{shot.target}}}")
        return with_options(ask_boxed(sample), sample, options, worked)

    def score(self, sample: Sample, answer: Answer) -> Scores:
        said = last_box(answer.text)
        if said is None:
            stated = marked_number(answer.text)
            said = None if stated is None else stated.text
        number = None if said is None else whole_number(said)
        by_harness = _by_harness(answer.text)
        return {
            "integer": Score(
                value=float(number is not None and str(number) == sample.target),
                extracted=None if number is None else str(number),
            ),
            "harness": Score(value=float(same_string(sample.target, by_harness)), extracted=by_harness[:500] or None),
        }


def _by_harness(text: str) -> str:
    boxed = last_box_of_math(text)
    if boxed is not None:
        return boxed
    first, last = text.find("$"), text.rfind("$")
    return text[first + 1 : last] if first < last else text


class Aime24(Aime):
    name = "aime24"
    info = Info(title="AIME 2024", paper=_PAPER, licence=_LICENCE, items=30, tags=_TAGS)
    source = Source(
        local={"test": ("aime/aime2024*.jsonl*", "aime24/**/*.jsonl*", "aime24/**/*.parquet")},
        huggingface="math-ai/aime24",
        modelscope="evalscope/aime24",
    )


class Aime25(Aime):
    name = "aime25"
    info = Info(title="AIME 2025", paper=_PAPER, licence=_LICENCE, items=30, tags=_TAGS)
    source = Source(
        local={"test": ("aime/aime2025*.jsonl*", "aime25/**/*.jsonl*", "aime25/**/*.parquet")},
        huggingface="math-ai/aime25",
        modelscope="evalscope/aime25",
    )
