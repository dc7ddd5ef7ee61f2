"""SimpleQA on recorded grades of a judge: classes and F-score as published."""

import csv
import gzip
import io
from collections import Counter

import pytest

from evalcore.benchmarks.simple_qa import SimpleQa
from evalcore.types import Answer
from tests.evalcore.shared import shared


@pytest.mark.parametrize(
    ("model", "grades", "published"),
    [
        pytest.param("claude-3-5-sonnet-20240620", {"A": 828, "B": 1277, "C": 2221}, 25.8, id="claude-3-5-sonnet"),
        pytest.param("gpt-4o-mini-2024-07-18", {"A": 347, "B": 3913, "C": 66}, 8.1, id="gpt-4o-mini"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [{}, {"A": "CORRECT", "B": "INCORRECT", "C": "NOT_ATTEMPTED"}],
    ids=["letters", "words, which upstream misreads"],
)
def test_grades_give_the_published_f_score(model, grades, published, words):
    text = gzip.decompress(shared(f"oracles/simpleqa_cs/{model}.csv.gz").read_bytes()).decode()
    benchmark, sums, count = SimpleQa(), Counter(), 0
    for row in csv.DictReader(io.StringIO(text)):
        sample = benchmark.sample({"problem": row["problem"], "answer": row["target"]}, "main")
        scores = benchmark.judged(sample, Answer(text=row["predicted_answer"]), words.get(row["grade"], row["grade"]))
        sums.update({name: score.value for name, score in scores.items()})
        count += 1
    assert [sums[name] for name in benchmark.judge_protocols] == [grades[letter] for letter in "ABC"]
    derived = benchmark.derived({name: total / count for name, total in sums.items()})
    assert round(100 * derived["f_score"], 1) == published
