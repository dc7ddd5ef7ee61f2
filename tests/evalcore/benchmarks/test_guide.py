"""The guide to adding a benchmark is true: its files, its table lines and its commands do what it says."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from evalcore import cli
from evalcore.benchmarks import table
from evalcore.benchmarks.base import Benchmark
from evalcore.report.schema import read_report
from evalcore.run import run_task
from evalcore.task import TaskConfig
from evalcore.types import Answer

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "adding_a_benchmark.md").read_text(encoding="utf-8")
FILES = re.findall(r"`evalcore/benchmarks/(\w+)\.py`[^`]*```python\n(.*?)```", GUIDE, re.DOTALL)
LINES = dict(re.findall(r'^"(\w+)": "(evalcore\.benchmarks\.\w+:\w+)",$', GUIDE, re.MULTILINE))
SHELL = "".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The guide followed to the letter: its files in the package's folder (a stand-in beside it), its table lines."""
    package = sys.modules["evalcore.benchmarks"]
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "benchmarks")])
    (tmp_path / "benchmarks").mkdir()
    for name, code in FILES:
        (tmp_path / "benchmarks" / f"{name}.py").write_text(code)
    for name, place in LINES.items():
        monkeypatch.setitem(table.BENCHMARKS, name, place)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, _ in FILES:
        sys.modules.pop(f"evalcore.benchmarks.{name}", None)


def test_it_adds_what_is_not_there_yet():
    assert [name for name, _ in FILES] == list(LINES) == ["svamp", "sciq"]
    assert not set(LINES) & set(table.BENCHMARKS)
    assert all(len(line) <= 120 for _, code in FILES for line in code.splitlines())


def test_its_commands_work_as_they_stand(added, capsys):
    ran = []
    for line in SHELL.splitlines():
        words = shlex.split(line)
        if words[0] == "mkdir":
            Path(words[-1]).mkdir(parents=True)
        elif words[0] == "echo":
            _, row, _, file = words
            with Path(file).open("a") as out:
                out.write(row + "\n")
        else:
            ran.append(words[1])
            assert cli.main([*words[1:], *(["--quiet"] if words[1] == "run" else [])]) == 0, capsys.readouterr().err
    assert ran == ["show", "run"]
    (file,) = added.glob("outputs/*/reports/sim/svamp.json")
    assert read_report(file).protocols["numeric"].score == 1.0
    assert cli.main([*shlex.split(SHELL.splitlines()[-1].replace('"skill": 1', '"skill": 0'))[1:], "--quiet"]) == 0
    scores = {read_report(file).protocols["numeric"].score for file in added.glob("outputs/*/reports/sim/svamp.json")}
    assert scores == {0.0, 1.0}


def test_its_choices_stand_in_an_order_of_their_own_and_the_right_letter_scores(added):
    sciq = table.benchmark("sciq")
    row = {"question": "What boils?", "correct_answer": "water", "distractor1": "a", "distractor2": "b"}
    samples = [sciq.sample({**row, "distractor3": f"c{n}"}, "main") for n in range(40)]
    assert {sample.target for sample in samples} == set("ABCD")
    for sample in samples:
        assert sample.choices["ABCD".index(sample.target)] == "water"
        assert sciq.score(sample, Answer(text=f"Answer: {sample.target}"))["last_statement"].value == 1.0


def test_its_choices_can_be_run_too(added):
    wrong = ("distractor1", "distractor2", "distractor3")
    rows = [
        {"question": f"Which is number {n}?", "correct_answer": f"n{n}", **{name: f"{name} {n}" for name in wrong}}
        for n in range(10)
    ]
    (added / "sciq").mkdir()
    for split in ("test", "train"):
        (added / "sciq" / f"{split}.json").write_text(json.dumps(rows))
    given = {
        "eval_type": "mock", "mock": {"skill": 1.0, "ttft_ms": 0}, "datasets": ["sciq"], "dataset_hub": "local",
        "dataset_dir": str(added), "dataset_args": {"sciq": {"few_shot_num": 2}}, "work_dir": added / "out",
    }  # fmt: skip
    result = run_task(TaskConfig.from_mapping(given, "test", environment={}))
    assert result.reports["sciq"].protocols["last_statement"].score == 1.0


def test_what_it_sends_the_reader_to_is_there():
    for name in re.findall(r"\| `(\w+\.py)`", GUIDE):
        assert (ROOT / "evalcore" / "benchmarks" / name).is_file(), name
    assert all(hasattr(Benchmark, method) for method in ("sample", "messages", "score"))
