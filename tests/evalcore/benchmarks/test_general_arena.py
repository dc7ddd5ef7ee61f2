"""general_arena: rows of one's own, and of the files of AlpacaEval, Arena-Hard and MT-Bench."""

from __future__ import annotations

import json
import re

import pytest

from evalcore.benchmarks.base import PromptOptions
from evalcore.benchmarks.general_arena import GeneralArena
from evalcore.errors import DataError
from evalcore.plan import plan_of, samples_of
from evalcore.run import run_task
from evalcore.task import TaskConfig
from evalcore.types import Answer
from tests.evalcore.scripted import scripted
from tests.evalcore.shared import shared


@pytest.mark.parametrize(("row", "opponents", "more"), [
    pytest.param({"question": "Q", "answers": {"a": "x", "b": "y", "c": None}}, {"a": "x", "b": "y"}, {},
                 id="answers by name"),
    pytest.param({"prompt": "Q", "answer": "x"}, {"baseline": "x"}, {}, id="one answer of nobody"),
    pytest.param({"instruction": "Q", "output": "x", "generator": "g"}, {"g": "x"}, {}, id="one answer of somebody"),
    pytest.param({"query": "Q", "reference": "R", "cluster": "c", "uid": 7}, {},
                 {"target": "R", "category": "c", "id": "7"}, id="a reference is no opponent"),
    pytest.param({"turns": ["Q", "and then?"], "reference": ["R", "S"]}, {}, {"target": "R"}, id="the first turn"),
    pytest.param({"turns": [{"content": "Q"}]}, {}, {}, id="turns as messages"),
])  # fmt: skip
def test_rows(row, opponents, more):
    sample = GeneralArena().sample(row, "main")
    assert sample.question == "Q" and GeneralArena().opponents(sample) == opponents
    assert {name: getattr(sample, name) for name in more} == more


def test_a_row_without_a_question_is_named():
    with pytest.raises(DataError, match="needs a text as one of question"):
        GeneralArena().sample({"answers": {"a": "x"}}, "main")


def test_a_system_message_comes_first_and_there_is_no_rule():
    sample = GeneralArena().sample({"question": "Q", "system": "S"}, "main")
    messages = GeneralArena().messages(sample, [], PromptOptions())
    assert [message["role"] for message in messages] == ["system", "user"]
    with pytest.raises(TypeError, match="no rule"):
        GeneralArena().score(sample, Answer(text="x"))


@pytest.mark.parametrize(("path", "items", "categories", "opponents"), [
    pytest.param("alpaca_eval/alpaca_eval_805.jsonl.gz", 805, 5, {"baseline"}, id="AlpacaEval"),
    pytest.param("arena_hard/question_v0.1.jsonl.gz", 500, 1, set(), id="Arena-Hard"),
    pytest.param("mt_bench/question.jsonl", 80, 8, set(), id="MT-Bench"),
])  # fmt: skip
def test_files_of_others_fit_as_they_are(path, items, categories, opponents):
    task = TaskConfig.from_mapping({
        "model": "m", "api_url": "http://127.0.0.1:1/v1", "datasets": "general_arena", "dataset_hub": "local",
        "dataset_args": {"general_arena": {"local_path": str(shared(f"correctness/{path}"))}},
    }, "test", environment={})  # fmt: skip
    samples = list(samples_of(task, plan_of(task, "general_arena"), "main"))
    assert (len(samples), len({sample.id for sample in samples})) == (items, items)
    assert len({sample.category for sample in samples}) == categories
    assert {name for sample in samples for name in GeneralArena().opponents(sample)} == opponents


def test_the_simulator_says_something_to_questions_without_a_right_answer(tmp_path):
    file = tmp_path / "arena.jsonl"
    file.write_text(json.dumps({"question": "Q?", "answers": {"other": "x"}}) + "\n")
    with scripted(lambda *_: "Verdict: A") as judge:
        report = run_task(TaskConfig.from_mapping({
            "eval_type": "mock", "datasets": "general_arena", "dataset_hub": "local", "work_dir": tmp_path,
            "dataset_args": {"general_arena": {"local_path": str(file)}},
            "judge_model_args": {"model": "j", "api_url": judge.url},
        }, "test", environment={})).reports["general_arena"]  # fmt: skip
    assert (report.coverage, report.protocols["win_rate"].score) == (1.0, 0.5)


def test_mt_bench_questions_are_graded_beside_their_references(tmp_path):
    """The grade of single answers, with the recorded reference shown to the judge where the file has one."""

    def grade(message: str, times: int) -> str:
        has_reference = re.search(r"<reference \w+>", message) is not None
        return f"Some words.\nVerdict: {9 if has_reference else 4}"

    with scripted(lambda *_: "an answer") as model, scripted(grade) as judge:
        report = run_task(TaskConfig.from_mapping({
            "model": "m", "api_url": model.url, "datasets": "general_arena", "dataset_hub": "local",
            "dataset_args": {"general_arena": {"local_path": str(shared("correctness/mt_bench/question.jsonl"))}},
            "judge_strategy": "single", "judge_model_args": {"model": "j", "api_url": judge.url},
            "work_dir": tmp_path,
        }, "test", environment={})).reports["general_arena"]  # fmt: skip
    rows = [json.loads(line) for line in shared("correctness/mt_bench/question.jsonl").read_text().splitlines()]
    referred = sum(bool(row.get("reference") and row["reference"][0]) for row in rows)
    assert report.protocols["grade"].score == pytest.approx((referred * 8 / 9 + (80 - referred) * 3 / 9) / 80)
    assert report.coverage == 1.0 and len(report.categories) == 8
