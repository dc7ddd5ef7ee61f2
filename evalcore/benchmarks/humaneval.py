"""HumanEval: write a Python function from its signature and description; hidden tests decide.

Paper: Chen et al., 2021, https://arxiv.org/abs/2107.03374 (openai/human-eval). Licence: MIT. Items: 164. Prompt: the
official prompt in a fence and the wish for the whole function; no worked examples. The first fenced block that defines
the function is run (else the first block, else the text as a completion), in the sandbox, for at most 3 seconds, as the
official harness does; pass@k comes from repeats.

Score: passed. Detail says which exception, or which limit, ended the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.rows import text_of
from evalcore.sandbox.base import Program, Result
from evalcore.scoring.code import code_of, humaneval_program
from evalcore.types import Answer, Message, Sample, Score, Scores


class HumanEval:
    name = "humaneval"
    info = Info("HumanEval", "https://arxiv.org/abs/2107.03374", "MIT", 164, ("code", "sandbox"))
    source = Source(
        local={"test": ("*human*eval/**/*.parquet", "*human*eval/**/*.jsonl*")},
        huggingface="openai/openai_humaneval",
        modelscope="opencompass/humaneval",
    )
    subsets = ("main",)
    few_shot = 0
    protocols = ("passed",)
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        fields = {field: text_of(row, field, self.name) for field in ("task_id", "prompt", "entry_point", "test")}
        return Sample(
            id=fields["task_id"],
            subset=subset,
            question=row["prompt"],  # its white space counts
            target=row["test"],
            meta={"entry_point": fields["entry_point"], "code": str(row.get("canonical_solution") or "")},
        )

    def right_answer(self, sample: Sample) -> str:
        return f"```python\n{sample.question}{sample.meta['code']}\n```"

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options)

    def program(self, sample: Sample, answer: Answer) -> Program:
        entry_point = sample.meta["entry_point"]
        code = code_of(answer.text, entry_point) or ""
        return Program(source=humaneval_program(sample.question, entry_point, sample.target, code))

    def verdict(self, sample: Sample, answer: Answer, result: Result) -> Scores:
        return passed(code_of(answer.text, sample.meta["entry_point"]), result)

    def score(self, sample: Sample, answer: Answer) -> Scores:
        raise TypeError("humaneval is scored by running programs: program() and verdict()")


def passed(code: str | None, result: Result) -> Scores:
    """The one score of a program that was run."""
    detail = {"status": result.status, "why": result.detail} if result.detail else {"status": result.status}
    return {"passed": Score(value=float(result.status == "passed"), extracted=code, detail=detail)}


def _ask(sample: Sample) -> str:
    return (
        "Complete the Python function below. Reply with the whole function, with the imports it needs, "
        f"in one fenced code block.\n\n```python\n{sample.question.rstrip()}\n```"
    )
