"""MBPP: write a short Python function from one sentence; its assertions decide.

Paper: Austin et al., 2021, https://arxiv.org/abs/2108.07732 (google-research, mbpp). Licence: CC BY 4.0. Items: 500
(test of the full set, tasks 11-510); the sanitized subset has 257 in its test split. Prompt: the sentence and the
assertions; three worked examples, tasks 2, 3 and 4, as in the paper. The first fenced block that defines the function
the assertions call is run with them in the sandbox; imports and set-up code of the row come before it. The paper states
no time limit; 10 seconds let every reference solution end (that of task 123 takes 3).

Score: passed. The one local file of all 974 tasks is divided by their numbers, as the paper does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalcore.benchmarks.base import Info, PromptOptions, Source, with_options
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.humaneval import passed
from evalcore.benchmarks.rows import text_of
from evalcore.errors import DataError
from evalcore.sandbox.base import Limits, Program, Result
from evalcore.scoring.code import code_of, mbpp_program
from evalcore.types import Answer, Message, Sample, Scores

LIMITS = Limits(wall_s=10.0)
SPLITS = {"prompt": range(2, 5), "test": range(11, 511), "validation": range(511, 601), "train": range(601, 975)}
CALLED = re.compile(
    r"\b(?!assert\b|set\b|sorted\b|tuple\b|list\b|str\b|int\b|float\b|len\b|round\b|not\b|math\b)(\w+)\s?\("
)


def of_split(row: Mapping[str, Any], split: str) -> bool:
    """By the number of the task; splits and numbers that the paper does not know are left as they are."""
    number = str(row.get("task_id", "")).rpartition("/")[2]
    return split not in SPLITS or not number.isdecimal() or int(number) in SPLITS[split]


class Mbpp:
    name = "mbpp"
    info = Info("MBPP", "https://arxiv.org/abs/2108.07732", "CC BY 4.0", 500, ("code", "sandbox"))
    source = Source(
        local={
            split: (
                f"mbpp/{{subset}}/{split}-*.parquet",
                "mbpp/{subset}-mbpp.json*",
                "mbpp/{subset}.json*",
                "mbpp/mbpp.json*",
            )
            for split in SPLITS
        },
        shots_split="prompt",
        huggingface="google-research-datasets/mbpp",
        modelscope="opencompass/mbpp",
        config="{subset}",
        belongs=of_split,
    )
    subsets = ("full",)
    few_shot = 3
    protocols = ("passed",)
    average = "micro"
    max_tokens = None
    cpu_bound = False

    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        tests = [str(test) for test in row.get("test_list") or ()]
        if not tests or row.get("task_id") is None:
            raise DataError(f"mbpp: a row without task_id or test_list: {str(dict(row))[:120]}; use the original rows")
        # What the assertions need: modules, and objects that may be of classes which the answer defines (item 367).
        imports, setup = "\n".join(row.get("test_imports") or ()), str(row.get("test_setup_code") or "")
        return Sample(
            id=str(row["task_id"]),
            subset=subset,
            question=text_of(row, "text" if "text" in row else "prompt", self.name),
            target=tests,
            meta={
                "imports": imports,
                "setup": setup.replace("\r\n", "\n"),
                "code": str(row.get("code") or "").replace("\r\n", "\n"),
            },
        )

    def right_answer(self, sample: Sample) -> str:
        return _reply(sample)

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(_ask(sample), sample, options, turns(shots, _ask, _reply))

    def program(self, sample: Sample, answer: Answer) -> Program:
        tests = [str(sample.meta["setup"]), *sample.target]
        source = mbpp_program(_code(sample, answer) or "", tests, str(sample.meta.get("imports") or ""))
        return Program(source=source, limits=LIMITS)

    def verdict(self, sample: Sample, answer: Answer, result: Result) -> Scores:
        return passed(_code(sample, answer), result)

    def score(self, sample: Sample, answer: Answer) -> Scores:
        raise TypeError("mbpp is scored by running programs: program() and verdict()")


class MbppSanitized(Mbpp):
    """The hand-checked subset, whose prompts and assertions were corrected: another data set under another name."""

    name = "mbpp_sanitized"
    info = Info("MBPP sanitized", "https://arxiv.org/abs/2108.07732", "CC BY 4.0", 257, ("code", "sandbox"))
    subsets = ("sanitized",)


def _code(sample: Sample, answer: Answer) -> str | None:
    """The code that defines the function under test, whose name only the assertions tell."""
    called = CALLED.search(sample.target[0])
    return code_of(answer.text, None if called is None else called[1])


def _ask(sample: Sample) -> str:
    tests = "\n".join(sample.target)
    return f"{sample.question}\nThese have to hold:\n```python\n{tests}\n```\nReply with the code in one fenced block."


def _reply(shot: Sample) -> str:
    return f"```python\n{shot.meta['code'].strip()}\n```"
