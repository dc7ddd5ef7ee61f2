"""Quality under load, whole: from the shipped scenario to what run, report and sweep say of the answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perfbench import cli
from perfbench.runfolder import REVIEWS, SUMMARY, RunFolder
from tests.truthd import REPOSITORY

SCENARIO = str(REPOSITORY / "scenarios" / "quality_under_load.yaml")


def perfbench(*words: str) -> int:
    return cli.run([*words])


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ran")
    assert perfbench("run", SCENARIO, "--quiet", "--no-live", "--outputs-dir", str(folder)) == 0
    (found,) = folder.iterdir()
    return found


def summary_of(folder: Path) -> dict:
    return json.loads((folder / SUMMARY).read_text())


def test_a_run_has_accuracy_beside_latency_and_it_is_the_truth(ran):
    summary = summary_of(ran)
    assert (summary["requests"]["sent"], summary["requests"]["succeeded"]) == (120, 120)
    found = summary["quality"]
    assert (found["accuracy"], found["scored"], found["items"]) == (0.9, 120, 120)
    low, high = found["accuracy_ci"]
    assert low < 0.9 < high
    assert found["correct_per_s"] == pytest.approx(0.9 * summary["throughput"]["requests_per_s"], rel=0.01)
    assert found["correct_in_slo"] == 108
    assert (summary["slo"]["met"], summary["workload"]["benchmarks"]["general_qa"]["items"]) == (True, 120)


def test_every_figure_can_be_made_again_from_the_records(ran, capsys):
    before = summary_of(ran)["quality"]
    reviews = (ran / REVIEWS).read_bytes()
    (ran / REVIEWS).unlink()
    assert perfbench("report", str(ran)) == 0
    assert (ran / REVIEWS).read_bytes() == reviews
    assert summary_of(ran)["quality"] == before
    assert "general_qa, exact_match" in capsys.readouterr().out


def test_reviews_name_the_record_and_the_item(ran):
    folder = RunFolder(ran)
    records = {record.key: record for batch in folder.records() for record in batch}
    for review in folder.reviews() or []:
        assert records[review.key].item == review.item
        assert records[review.key].text is not None


def test_answers_that_cannot_be_scored_cost_no_other_figure(ran, tmp_path, capsys):
    moved = tmp_path / "run"
    moved.mkdir()
    for file in ran.iterdir():
        text = file.read_text(encoding="utf-8") if file.name == "scenario.yaml" else None
        if text is None:
            (moved / file.name).write_bytes(file.read_bytes())
        else:
            (moved / file.name).write_text(text.replace("arithmetic.jsonl", "gone.jsonl"), encoding="utf-8")
    (moved / REVIEWS).unlink()
    assert perfbench("report", str(moved)) == 2
    assert "the answers cannot be scored" in capsys.readouterr().err
    summary = summary_of(moved)
    assert summary["quality"] is None
    assert summary["latency_ms"] == summary_of(ran)["latency_ms"]


def swept(folder: Path, *words: str) -> dict:
    assert perfbench("sweep", SCENARIO, "--quiet", "--outputs-dir", str(folder), *words) == 0
    (found,) = folder.iterdir()
    return json.loads((found / "sweep.json").read_text())


@pytest.mark.slow
def test_a_sweep_finds_the_fall_its_p_value_and_where_it_begins(tmp_path, capsys):
    sweep = swept(tmp_path, "--parallel", "4,8,16,32,64")
    assert [point["quality"]["accuracy"] for point in sweep["points"]] == [0.9, 0.9, 0.9, 0.6, 0.6]
    found = sweep["quality"]
    assert found["falls"]
    assert found["p_value"] < 0.001
    assert found["begins"] == {"after": 16.0, "at": 32.0, "between": [16.0, 32.0]}
    assert {(point["requests"], point["quality"]["items"]) for point in sweep["points"]} == {(120, 120)}
    assert "accuracy falls as load rises" in capsys.readouterr().out
    (folder,) = tmp_path.iterdir()
    assert "accuracy falls as load rises" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_a_sweep_does_not_accuse_a_server_that_holds(tmp_path, capsys):
    sweep = swept(tmp_path, "--parallel", "8,32", "--simulator", "busy=1000")
    assert (sweep["quality"]["falls"], sweep["quality"]["changing"]) == (False, 0)
    assert "no fall found" in capsys.readouterr().out
