"""Scoring the records of a load: what is right, what is wrong, and what is neither."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalcore.errors import SandboxError
from evalcore.underload import scoring
from evalcore.underload.door import check, reviews
from perfbench.engine.request import Record
from perfbench.workload.quality import Asked


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [{"id": f"q{n}", "question": f"What are {n} and {n}?", "answer": str(2 * n), "group": "g" if n < 2 else ""}
             for n in range(5)]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Asked(benchmarks=("general_qa",), args={"local_path": str(path)}, api="chat")


def record(index, text="Answer: 0", item=None, **more):
    given = {"key": str(index), "index": index, "intended_ns": 0, "finished_ns": 1, "outcome": "ok", "text": text,
             "item": f"general_qa/main/q{index}" if item is None else item, "finish_reasons": ["stop"]}  # fmt: skip
    return Record(**(given | more))


def reviewed(asked, *records):
    return [one for batch in reviews([asked], [list(records)]) for one in batch]


@pytest.mark.parametrize(
    ("given", "status", "value", "fault"),
    [
        pytest.param({"text": "Answer: 6"}, "scored", 1.0, "", id="right"),
        pytest.param({"text": "Answer: 7"}, "scored", 0.0, "", id="wrong"),
        pytest.param({"text": "<think>7?</think>Answer: 6"}, "scored", 1.0, "", id="reasoning is taken off"),
        pytest.param({"text": ""}, "scored", 0.0, "", id="an answer that says nothing is wrong"),
        pytest.param({"text": None, "outcome": "failed", "error": "http_500"}, "unscored", None, "http_500",
                     id="a failure is not wrong"),
        pytest.param({"text": "Answer: 6", "outcome": "failed", "error": "truncated"}, "unscored", None, "truncated",
                     id="half an answer is none"),
        pytest.param({"text": None, "outcome": "cancelled", "error": "cancelled"}, "unscored", None, "cancelled",
                     id="cut off at the end"),
        pytest.param({"text": None}, "unscored", None, scoring.NOT_KEPT, id="a text that was not kept"),
        pytest.param({"item": "general_qa/main/q99"}, "unscored", None, scoring.UNKNOWN, id="not in the data any more"),
    ],
)  # fmt: skip
def test_what_an_answer_is_worth(asked, given, status, value, fault):
    (found,) = reviewed(asked, record(3, **given))
    assert (found.status, found.value, found.fault) == (status, value, fault)
    assert (found.key, found.index, found.benchmark, found.subset) == ("3", 3, "general_qa", "main")


def test_a_review_holds_what_a_reader_wants_to_check(asked):
    (found,) = reviewed(asked, record(3, "It is so. Answer: 6", finish_reasons=["length"]))
    assert (found.protocol, found.extracted, found.target, found.finish_reason) == ("exact_match", "6", ["6"], "length")
    assert set(found.scores) == {"exact_match", "f1", "rouge_l"}


def test_groups_are_those_of_their_benchmark(asked):
    first, third, failed = reviewed(asked, record(0), record(2), record(1, None, outcome="failed", error="reset"))
    assert (first.group, third.group, failed.group) == ("general_qa/main/g", "", "general_qa/main/g")


def test_warm_up_and_other_traffic_have_no_review(asked):
    assert reviewed(asked, record(1, warmup=True), record(2, item="")) == []


def test_programs_are_run_and_not_read(tmp_path):
    row = {"task_id": "HumanEval/0", "prompt": "def twice(x):\n", "entry_point": "twice",
           "test": "def check(f):\n    assert f(3) == 6\n", "canonical_solution": "    return 2 * x\n"}  # fmt: skip
    path = tmp_path / "HumanEval.jsonl"
    path.write_text(json.dumps(row) + "\n")
    asked = Asked(benchmarks=("humaneval",), args={"local_path": str(path)}, api="chat")
    try:
        check([asked])
    except SandboxError as error:
        pytest.skip(f"no sandbox here: {error}")
    texts = ["```python\ndef twice(x):\n    return 2 * x\n```", "```python\ndef twice(x):\n    return x\n```"]
    answers = [record(n, text, item="humaneval/main/HumanEval/0") for n, text in enumerate(texts)]
    with ThreadPoolExecutor(1) as aside:  # as perfbench.scored does it
        found = aside.submit(reviewed, asked, *answers).result()
    assert [one.value for one in found] == [1.0, 0.0]
