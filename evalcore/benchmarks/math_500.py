"""MATH-500: competition problems whose answers are formulas.

Paper: Hendrycks et al., "Measuring Mathematical Problem Solving With the MATH Dataset", 2021,
https://arxiv.org/abs/2103.03874; the 500 test items are those of Lightman et al., "Let's Verify Step by Step", 2023,
https://arxiv.org/abs/2305.20050 (repository openai/prm800k). Licence: MIT. Items: 500.

Prompt: the problem, and the wish for reasoning that ends in a box; no worked examples (the rows have no train split).
The answer is the last box, else what "the answer is ..." states; a text with neither is unreadable and counts as
wrong. Gold: the field `answer`.

Scores of one generation, in order of strength; all but `string` need the extra `math`:
- equal (headline): equal by the MATH normaliser, or to Math-Verify; a gold answer in words is compared as words.
- string: the MATH benchmark's own extraction (boxes alone) and normaliser, quirks kept.
- minerva: Minerva's normaliser, then sympy's simplify of the difference, on the same answer.
- math_verify: huggingface/Math-Verify alone, on the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id, text_of
from evalcore.scoring.boxed import last_box, last_box_of_math, stated_formula
from evalcore.scoring.mathequal import Equality, same_answer, same_by_math_verify, same_by_minerva, same_string
from evalcore.scoring.mathpool import require_math
from evalcore.types import Answer, Message, Sample, Score, Scores


class Math500:
    name = "math_500"
    info = Info(
        title="MATH-500",
        paper="https://arxiv.org/abs/2103.03874",
        licence="MIT",
        items=500,
        tags=("math", "reasoning", "english"),
    )
    source = Source(
        local={"test": ("math500/*.jsonl*", "math_500/*.jsonl*", "MATH-500/test*.jsonl*")},
        huggingface="HuggingFaceH4/MATH-500",
        modelscope="AI-ModelScope/MATH-500",
    )
    subsets = ("main",)
    few_shot = 0
    protocols = ("equal", "string", "minerva", "math_verify")
    average = "micro"
    max_tokens = 8192
    cpu_bound = True

    def ready(self) -> None:
        """Raises TaskError, naming the extra, when what the scores need is not installed."""
        require_math()

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        problem = text_of(row, "problem", self.name)
        return Sample(
            id=str(row.get("unique_id") or content_id(problem)),
            subset=subset,
            question=problem,
            target=text_of(row, "answer", self.name),
            category=str(row.get("subject") or ""),
            meta={"level": row.get("level"), "solution": row.get("solution") or ""},
        )

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(ask_boxed(sample), sample, options, turns(shots, ask_boxed, _worked))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        said, by_math = last_box(answer.text), last_box_of_math(answer.text)
        said = stated_formula(answer.text) if said is None else said
        return {
            "equal": _compared(same_answer, sample.target, said),
            "string": Score(
                value=float(by_math is not None and same_string(sample.target, by_math)), extracted=_short(by_math)
            ),
            "minerva": _compared(same_by_minerva, sample.target, said),
            "math_verify": _compared(same_by_math_verify, sample.target, said),
        }


def ask_boxed(sample: Sample) -> str:
    """A problem, and the wish for a box at the end."""
    return f"{sample.question}\n\nReason step by step, and give the final answer at the end inside \\boxed{{}}."


def _worked(shot: Sample) -> str:
    return str(shot.meta["solution"] or f"\\boxed{{{shot.target}}}")


def _compared(same: Callable[[str, str], Equality], gold: str, said: str | None) -> Score:
    if said is None:
        return Score(value=0.0)
    equality = same(gold, said)
    return Score(
        value=float(equality.same),
        extracted=_short(said),
        detail={"gave_up": equality.gave_up} if equality.gave_up else {},
    )


def _short(text: str | None) -> str | None:
    """What was read, for people: an extraction may be as long as the answer, a record of it need not."""
    return text if text is None or len(text) <= 500 else text[:500] + "..."
