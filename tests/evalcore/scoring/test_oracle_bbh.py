"""BIG-Bench Hard: published completions of code-davinci-002, with and without reasoning, by exact match."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import pytest

from evalcore.benchmarks.bbh import BigBenchHard
from evalcore.types import Answer
from tests.evalcore.shared import shared, shared_rows

COT_TASKS = """boolean_expressions 232 causal_judgement 101 date_understanding 218 disambiguation_qa 190
    dyck_languages 142 geometric_shapes 136 hyperbaton 166 logical_deduction_three_objects 219
    multistep_arithmetic_two 119 navigate 241 object_counting 233 snarks 106 sports_understanding 244
    word_sorting 101"""
DIRECT_TASKS = """boolean_expressions 221 causal_judgement 119 date_understanding 159 disambiguation_qa 168
    dyck_languages 117 geometric_shapes 80 hyperbaton 151 logical_deduction_three_objects 132
    multistep_arithmetic_two 3 navigate 126 object_counting 113 snarks 109 sports_understanding 182
    word_sorting 126"""
WITH_REASONING, ANSWER_ONLY = (
    [(task, int(correct)) for task, correct in zip(table.split()[::2], table.split()[1::2], strict=True)]
    for table in (COT_TASKS, DIRECT_TASKS)
)


@cache
def right(form: str, task: str) -> Counter[str]:
    benchmark = BigBenchHard()
    items = json.loads(shared(f"correctness/bbh/bbh/{task}.json").read_text(encoding="utf-8"))["examples"]
    count: Counter[str] = Counter()
    for row in shared_rows(f"oracles/bbh/code-davinci-002-{form}/{task}.jsonl"):
        sample = benchmark.sample(items[row["index"]], task)
        for name, score in benchmark.score(sample, Answer(text=row["prediction"])).items():
            count[name] += int(score.value)
    return count


@pytest.mark.parametrize(("task", "correct"), WITH_REASONING)
def test_exact_is_right_as_often_as_published(task, correct):
    assert right("cot", task)["exact"] == correct


@pytest.mark.parametrize(("task", "correct"), ANSWER_ONLY)
def test_direct_is_right_as_often_as_published(task, correct):
    assert right("direct", task)["direct"] == correct


HARNESS_LOSES = {"dyck_languages": 3}


@pytest.mark.parametrize(("task", "correct"), WITH_REASONING)
def test_harness_gives_the_same_where_answers_end_in_a_full_stop(task, correct):
    assert right("cot", task)["harness"] == correct - HARNESS_LOSES.get(task, 0)


@pytest.mark.parametrize(("task", "correct"), WITH_REASONING)
def test_answer_is_right_where_exact_is_on_answers_as_plain_as_these(task, correct):
    assert right("cot", task)["answer"] == correct


@pytest.mark.parametrize(("task", "correct"), ANSWER_ONLY)
def test_answer_reads_answers_without_a_statement_too(task, correct):
    assert right("direct", task)["answer"] == correct
