"""Commands: what the command line answers beside running: lists, comparisons and reports, for people and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from evalcore.cli import main
from evalcore.ending import Budget
from evalcore.report.console import print_reports
from evalcore.run import run_task
from evalcore.task import TaskConfig
from tests.evalcore.recorder import recorder
from tests.evalcore.report.runs import report_of, review


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two questions, one of them answered rightly."""
    base = tmp_path_factory.mktemp("run")
    rows = [{"id": word, "question": f"Is it {word}?", "answer": word} for word in ("yes", "no")]
    (base / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = {"general_qa": {"local_path": str(base / "qa.jsonl")}}
    with recorder(text=lambda question: "yes") as server:
        given = {"model": "m", "api_url": server.url, "datasets": ["general_qa"], "dataset_args": args}
        return run_task(
            TaskConfig.from_mapping({**given, "work_dir": str(base / "outputs")}, "test", environment={})
        ).folder


@pytest.mark.parametrize("words", [["report"], ["rescore"], ["compare"]])
def test_every_command_on_a_run_tells_json_when_it_is_asked_to(folder, words, capsys):
    folders = [str(folder)] * (2 if words == ["compare"] else 1)
    assert main([*words, *folders, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [one["benchmark"] for one in found] == ["general_qa"]


def test_a_tag_that_no_benchmark_has_is_an_error_that_names_the_nearest(capsys):
    assert main(["list", "--tag", "mth"]) == 2
    assert "did you mean math?" in capsys.readouterr().err
    assert main(["list", "--tag", "math"]) == 0
    assert "gsm8k" in capsys.readouterr().out


def test_on_80_columns_a_table_of_answers_names_its_benchmarks_and_what_happened(monkeypatch):
    told = io.StringIO()
    monkeypatch.setattr(told, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    print_reports([report_of([review(0), review(1, attempts=3)])], None, told)
    head, row = next(
        (line, lines[place + 2])
        for lines in [told.getvalue().splitlines()]
        for place, line in enumerate(lines)
        if line.startswith("answers")
    )
    assert head.split() == ["answers", "planned", "scored", "unparsed", "truncated", "errored", "missing", "retried"]
    assert row.split()[1:] == ["2", "2", "0", "0", "0", "0", "1"]


@pytest.mark.parametrize(("amount", "said"), [(5.0, "5.00"), (0.0001, "0.0001"), (0.25, "0.25")])
def test_a_budget_is_told_as_large_as_it_is(amount, said):
    assert str(Budget(amount, in_tokens=False)) == said


DENIALS = [
    pytest.param(PermissionError(13, "Permission denied", "there/x"), 2, "read and write there", id="denied"),
    pytest.param(OSError(28, "No space left on device", "there/x"), 1, "what was written before is whole", id="full"),
]


@pytest.mark.parametrize(("error", "code", "remedy"), DENIALS)
def test_what_the_machine_refuses_is_told_by_its_place_and_is_no_bug(folder, monkeypatch, capsys, error, code, remedy):
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr("evalcore.conclude.report_again", refused)
    assert main(["report", str(folder)]) == code
    said = capsys.readouterr().err
    assert said.startswith("evalcore: there/x: ")
    assert remedy in said
