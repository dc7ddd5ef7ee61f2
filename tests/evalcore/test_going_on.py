"""Going on with a run folder under another task: what holds is reused, and a report is of its own task alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalcore.conclude import report_again
from evalcore.outputs import read_predictions, read_reviews
from evalcore.report.compare import compare
from evalcore.rescore import rescore
from evalcore.run import run_task
from evalcore.task import TaskConfig
from tests.evalcore.recorder import recorder

ROWS = [{"id": f"q{number}", "question": f"Number {number}?", "answer": "yes"} for number in range(12)]


def task(folder: Path, url: str, rows: list[dict[str, Any]] | None = None, **keys: Any) -> TaskConfig:
    file = folder / "qa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows or ROWS))
    given = {
        "model": "m", "api_url": url, "datasets": ["general_qa"], "work_dir": str(folder / "outputs"),
        "dataset_args": {"general_qa": {"local_path": str(file)}}, **keys,
    }  # fmt: skip
    return TaskConfig.from_mapping(given, "test", environment={})


def figures(result: Any) -> tuple[int, int, float]:
    report = result.reports["general_qa"]
    return report.n, report.integrity.planned, report.protocols["exact_match"].score


CHANGES = [
    pytest.param({}, {"limit": 4}, (4, 4), id="a smaller limit"),
    pytest.param({"limit": 4}, {}, (12, 12), id="a larger limit"),
    pytest.param({"repeats": 3}, {}, (12, 12), id="fewer repeats"),
    pytest.param({}, {"limit": 4, "generation_config": {"temperature": 0.5}}, (4, 4), id="other settings"),
]


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES)
def test_a_report_is_of_its_own_task_and_not_of_all_that_the_folder_holds(tmp_path, before, after, expected):
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url, **before))
        changed = task(tmp_path, server.url, use_cache=str(first.folder), **after)
        second = run_task(changed)
        assert figures(second)[:2] == expected
        assert figures(report_again(changed, first.folder))[:2] == expected
        assert figures(rescore(changed, first.folder))[:2] == expected
        assert compare(first.folder, first.folder)[0].paired.n == expected[0]
        asked = len(server.seen)
        back = run_task(task(tmp_path, server.url, use_cache=str(first.folder), **before))
    assert figures(back) == figures(first)
    assert len(server.seen) == asked


def test_what_is_left_out_of_one_benchmark_is_remembered_while_another_is_asked(tmp_path):
    args = {
        "general_qa": {"local_path": str(tmp_path / "qa.jsonl")},
        "general_mcq": {"local_path": str(tmp_path / "mcq.jsonl")},
    }
    (tmp_path / "mcq.jsonl").write_text(
        json.dumps({"question": "Which?", "A": "this", "B": "that", "answer": "A"}) + "\n"
    )
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url))
        few = task(tmp_path, server.url, use_cache=str(first.folder), limit=4)
        run_task(few)
        run_task(task(tmp_path, server.url, use_cache=str(first.folder), datasets=["general_mcq"], dataset_args=args))
    assert figures(report_again(few, first.folder))[0] == 4


def test_an_answer_whose_target_was_corrected_is_scored_by_the_new_one_without_a_request(tmp_path):
    corrected = [{**row, "answer": "no"} if number < 3 else row for number, row in enumerate(ROWS)]
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url))
        second = run_task(task(tmp_path, server.url, corrected, use_cache=str(first.folder)))
        third = run_task(task(tmp_path, server.url, corrected, use_cache=str(first.folder)))
        assert len(server.seen) == len(ROWS)
    assert [figures(one)[2] for one in (first, second, third)] == [1.0, 0.75, 0.75]
    rescored = rescore(task(tmp_path, server.url, corrected), first.folder)
    assert figures(rescored)[2] == 0.75


def test_a_folder_that_nothing_changed_for_is_not_written_to(tmp_path):
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url))
        kept = [first.folder / of / "m" / "general_qa_main.jsonl" for of in ("predictions", "reviews")]
        before = [file.read_bytes() for file in kept]
        run_task(task(tmp_path, server.url, use_cache=str(first.folder)))
    assert [file.read_bytes() for file in kept] == before


SPOILED = [b"", b"\0\0\0\0", b'{"key": 5}', b'{"key": "abc"', b'{"key": "abc"}', b"\xff\xfe"]


@pytest.mark.parametrize("of", ["predictions", "reviews"])
@pytest.mark.parametrize("line", SPOILED)
def test_a_spoiled_line_costs_its_own_sample_and_no_other(tmp_path, of, line):
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url))
        file = first.folder / of / "m" / "general_qa_main.jsonl"
        lines = file.read_bytes().splitlines()
        file.write_bytes(b"\n".join([*lines[:3], line, *lines[4:]]) + b"\n")
        found = report_again(task(tmp_path, server.url), first.folder)
        assert figures(found) == (12 - (of == "reviews"), 12, 1.0)
        again = run_task(task(tmp_path, server.url, use_cache=str(first.folder)))
    assert figures(again) == (12, 12, 1.0)
    assert len(server.seen) == 12 + (of == "predictions")
    reader: Any = read_predictions if of == "predictions" else read_reviews
    assert len(list(reader(file))) == 12


def test_speed_is_told_of_answers_of_one_run_and_of_no_others(tmp_path):
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url, limit=4))
        again = report_again(task(tmp_path, server.url, limit=4), first.folder)
        mixed = run_task(task(tmp_path, server.url, use_cache=str(first.folder)))
    speeds = [result.reports["general_qa"].perf.samples_per_s for result in (first, again, mixed)]
    assert speeds[0] is not None
    assert speeds == [speeds[0], speeds[0], None]
