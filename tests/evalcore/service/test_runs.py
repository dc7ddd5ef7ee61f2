"""Runs: folders of either kind, whoever made them, found, read page by page, compared and deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalcore.conclude import report_again
from evalcore.run import run_task
from evalcore.service import lines
from evalcore.service.heads import RECORDS
from evalcore.service.lines import Indexes
from evalcore.service.reading import Pages
from evalcore.task import TaskConfig
from perfbench.engine.request import Record
from perfbench.run import run_scenario
from perfbench.scenario import Scenario
from tests.evalcore.recorder import recorder
from tests.evalcore.service.serving import serving

ROWS = [{"id": f"q{number}", "question": f"Number {number}? <script>", "answer": "yes"} for number in range(10)]


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory) -> Path:
    """Outputs with two evaluations of the same ten questions, as the command line leaves them: 8 right, and 10."""
    place = tmp_path_factory.mktemp("evals")
    file = place / "qa.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def said(question: str) -> str:
        return "no" if "Number 1?" in question or "Number 5?" in question else "yes"

    for text in (said, lambda question: "yes"):
        with recorder(text=text) as server:
            given = {
                "model": "org/m", "api_url": server.url, "datasets": ["general_qa"],
                "work_dir": str(place / "outputs"), "dataset_args": {"general_qa": {"local_path": str(file)}},
            }  # fmt: skip
            run_task(TaskConfig.from_mapping(given, "test", environment={}))
    return place / "outputs"


@pytest.fixture(scope="module")
def load_test(tmp_path_factory) -> Path:
    """Outputs with one load test of the simulator."""
    outputs = tmp_path_factory.mktemp("perf") / "outputs"
    body = {"url": "simulator", "number": 30, "parallel": 3, "outputs_dir": str(outputs), "seed": 1,
            "simulator": {"ttft": "5ms", "itl": "1ms", "tokens": 4}}  # fmt: skip
    run_scenario(Scenario.from_mapping(body, "test", environment={}), quiet=True)
    return outputs


async def test_runs_of_the_command_line_are_listed_found_and_told(evaluations):
    async with serving(evaluations) as client:
        found = await client.get("/api/v1/runs")
        assert found["total"] == 2
        run = found["runs"][0]
        assert (run["kind"], run["status"], run["model"], run["benchmarks"]) == (
            "eval",
            "finished",
            "m",
            ["general_qa"],
        )
        assert (run["scores"][0]["score"], run["scores"][0]["n"], run["job"]) == (1.0, 10, None)
        assert (await client.get("/api/v1/runs?q=GENERAL m"))["total"] == 2
        assert (await client.get("/api/v1/runs?q=other"))["total"] == 0
        assert (await client.get("/api/v1/runs?kind=perf"))["total"] == 0
        assert (await client.get("/api/v1/runs?status=unfinished"))["total"] == 0
        oldest = (await client.get("/api/v1/runs?sort=started&descending=false&limit=1"))["runs"]
        assert [one["id"] for one in oldest] == [found["runs"][1]["id"]]
        detail = await client.get(f"/api/v1/runs/{run['id']}")
        assert detail["has"] == ["summary", "report", "samples", "requests"]
        assert detail["description"]["datasets"] == ["general_qa"]
        summary = await client.get(f"/api/v1/runs/{run['id']}/summary")
        assert [report["benchmark"] for report in summary["reports"]] == ["general_qa"]


async def ids(client: Any) -> list[str]:
    """The oldest first."""
    return [run["id"] for run in (await client.get("/api/v1/runs?descending=false"))["runs"]]


@pytest.mark.parametrize(
    ("query", "total", "first"),
    [
        pytest.param("", 10, None, id="all"),
        pytest.param("verdict=wrong", 2, None, id="wrong ones"),
        pytest.param("verdict=right", 8, None, id="right ones"),
        pytest.param("verdict=unscored", 0, None, id="unscored ones"),
        pytest.param("q=NUMBER 7%3F", 1, "q7", id="words"),
        pytest.param("q=nowhere", 0, None, id="words that are nowhere"),
        pytest.param("benchmark=other", 0, None, id="another benchmark"),
        pytest.param("subset=main&category=none", 0, None, id="another category"),
        pytest.param("sort=value&limit=1", 10, None, id="the worst first"),
    ],
)
async def test_samples_are_filtered_on_the_server(evaluations, query, total, first):
    async with serving(evaluations) as client:
        run = (await ids(client))[0]
        found = await client.get(f"/api/v1/runs/{run}/samples?{query}")
        assert found["total"] == total, found
        assert first is None or found["samples"][0]["sample_id"] == first
        if "verdict" in query or not query:
            assert found["counts"] == {"right": 8, "partly": 0, "wrong": 2, "unscored": 0}
        if "value" in query:
            assert found["samples"][0]["verdict"] == "wrong"


async def test_samples_come_page_by_page_and_one_with_its_conversation(evaluations):
    async with serving(evaluations) as client:
        run = (await ids(client))[0]
        pages = [await client.get(f"/api/v1/runs/{run}/samples?limit=4&offset={offset}") for offset in (0, 4, 8)]
        keys = [sample["key"] for page in pages for sample in page["samples"]]
        assert [len(page["samples"]) for page in pages] == [4, 4, 2]
        assert len(set(keys)) == 10
        backwards = await client.get(f"/api/v1/runs/{run}/samples?limit=4&descending=true")
        assert [sample["key"] for sample in backwards["samples"]] == keys[:-5:-1]
        sample = await client.get(f"/api/v1/runs/{run}/samples/{keys[0]}")
        assert sample["review"]["key"] == sample["prediction"]["key"] == keys[0]
        assert sample["prediction"]["messages"][-1]["content"].endswith("<script>")
        assert (await client.ask("GET", f"/api/v1/runs/{run}/samples/none"))[0] == 404


async def test_two_evaluations_are_compared_and_two_kinds_are_not(evaluations):
    async with serving(evaluations) as client:
        first, second = await ids(client)
        found = await client.get(f"/api/v1/compare?a={first}&b={second}")
        assert (found["kind"], found["benchmarks"][0]["gained"], found["benchmarks"][0]["lost"]) == ("eval", 2, 0)
        assert (await client.ask("GET", f"/api/v1/compare?a={first}&b=none"))[0] == 404
        assert (await client.ask("GET", f"/api/v1/compare?a={first}"))[0] == 422


async def test_two_load_tests_are_compared(load_test):
    async with serving(load_test) as client:
        (run,) = await ids(client)
        found = await client.get(f"/api/v1/compare?a={run}&b={run}")
        assert found["kind"] == "perf"
        assert found["figures"]


async def test_a_load_test_is_told_and_its_requests_are_found(load_test):
    async with serving(load_test) as client:
        (run,) = (await client.get("/api/v1/runs"))["runs"]
        assert (run["kind"], run["form"], run["figures"]["succeeded"]) == ("perf", "run", 30)
        address = f"/api/v1/runs/{run['id']}/requests"
        page = await client.get(f"{address}?sort=ttft_ms&descending=true&limit=5")
        assert (page["total"], page["counts"], len(page["requests"])) == (30, {"ok": 30}, 5)
        ttft_ms = [request["ttft_ms"] for request in page["requests"]]
        assert ttft_ms == sorted(ttft_ms, reverse=True)
        assert "itl_ns" not in page["requests"][0]
        slowest = page["requests"][0]
        record = (await client.get(f"{address}/{slowest['n']}"))["record"]
        assert record["index"] == slowest["index"]
        assert len(record["itl_ns"]) == 3
        assert (await client.get(f"{address}?ttft_ms_min={ttft_ms[0] - 1e-6}"))["total"] == 1
        assert (await client.get(f"{address}?outcome=failed"))["total"] == 0
        assert (await client.get(f"{address}?http_status=200&error="))["total"] == 30
        assert (await client.ask("GET", f"{address}/30"))[0] == 404
        points = await client.get(f"{address}/points?y=ttft_ms&most=10")
        assert (points["total"], len(points["value"]) <= 10) == (30, True)
        assert max(points["value"]) == pytest.approx(ttft_ms[0], abs=1e-3)
        assert points["start_s"] == sorted(points["start_s"])


async def test_a_report_page_keeps_its_scripts_and_gets_no_way_to_the_service(load_test, evaluations):
    for outputs in (load_test, evaluations):
        async with serving(outputs) as client:
            run = (await ids(client))[0]
            async with client.session.get(f"{client.base}/api/v1/runs/{run}/report") as response:
                policy, page = response.headers["Content-Security-Policy"], await response.text()
        assert policy.startswith("sandbox allow-scripts")
        assert "'sha256-" in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert "allow-same-origin" not in policy
        assert "<script>" in page


async def test_a_deleted_run_is_gone_and_nothing_else(load_test, tmp_path):
    import shutil

    shutil.copytree(load_test, tmp_path / "outputs", ignore=shutil.ignore_patterns(".service"))
    (tmp_path / "outputs" / "other").mkdir()
    async with serving(tmp_path / "outputs") as client:
        (run,) = await ids(client)
        assert (await client.ask("DELETE", f"/api/v1/runs/{run}"))[1] == {"id": run, "deleted": True}
        assert (await client.ask("GET", f"/api/v1/runs/{run}"))[0] == 404
        assert (await client.get("/api/v1/runs"))["total"] == 0
    assert sorted(path.name for path in (tmp_path / "outputs").iterdir()) == [".service", "other"]


async def test_a_run_that_is_written_to_is_not_deleted(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        job = await client.start("waits")
        run = (await client.until(job["id"], "running"))["run"]
        assert (await client.get(f"/api/v1/runs/{run}"))["status"] == "running"
        assert (await client.ask("DELETE", f"/api/v1/runs/{run}"))[0] == 409
        await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        await client.over(job["id"])
        assert (await client.get(f"/api/v1/runs/{run}"))["status"] == "unfinished"
        assert (await client.ask("DELETE", f"/api/v1/runs/{run}"))[0] == 200


async def test_folders_that_are_no_runs_and_files_that_are_cut_off_disturb_nothing(tmp_path):
    outputs = tmp_path / "outputs"
    for name, files in {
        "notes": {"readme.txt": "x"}, "torn": {"summary.json": '{"requests": {"su'}, "odd": {"summary.json": "[1, 2]"},
        "strange name <b>": {"run.json": "{}"}, "eval": {"configs/task_config_1.yaml": "datasets: [a\n"},
        "swept": {"sweep.json": '{"scenario": 3}'},
    }.items():  # fmt: skip
        for file, text in files.items():
            (outputs / name / file).parent.mkdir(parents=True, exist_ok=True)
            (outputs / name / file).write_text(text)
    (outputs / "link").symlink_to(outputs / "torn")
    async with serving(outputs) as client:
        runs = (await client.get("/api/v1/runs"))["runs"]
        assert len(runs) == 5
        for run in runs:
            assert run["status"] == "unfinished"
            assert run["id"].replace("_", "").isalnum()
            assert (await client.get(f"/api/v1/runs/{run['id']}"))["folder"] == run["folder"]
            for of_run in ("samples", "requests", "report"):
                assert (await client.ask("GET", f"/api/v1/runs/{run['id']}/{of_run}"))[0] == 404


def record(number: int, **more: Any) -> bytes:
    given = {
        "key": f"{number}", "index": number, "intended_ns": number * 1000, "written_ns": number * 1000,
        "first_output_ns": number * 1000 + 5_000_000, "finished_ns": number * 1000 + 9_000_000 + number,
        "outcome": "ok", **more,
    }  # fmt: skip
    return msgspec.json.encode(Record(**given)) + b"\n"


QUERY = {"offset": 0, "limit": 10, "sort": "n", "descending": False}


def test_a_file_that_grows_is_read_on_and_a_torn_line_waits_for_its_end(tmp_path, monkeypatch):
    file, decoded = tmp_path / "requests.jsonl", []
    original = lines._read_on

    def read_on(source, index, *rest):
        decoded.append(index.size)
        return original(source, index, *rest)

    monkeypatch.setattr(lines, "_read_on", read_on)
    whole = b"".join(map(record, range(5)))
    file.write_bytes(whole + record(5)[:20])
    pages = Pages(tmp_path / "kept")
    assert json.loads(pages.requests(tmp_path, QUERY))["total"] == 5
    assert json.loads(pages.requests(tmp_path, QUERY))["total"] == 5
    with file.open("ab") as more:
        more.write(record(5)[20:] + b"{}\n" + record(6, outcome="failed", error="reset"))
    found = json.loads(pages.requests(tmp_path, {**QUERY, "offset": 5}))
    assert (found["total"], [one["index"] for one in found["requests"]]) == (7, [5, 6])
    assert found["counts"] == {"ok": 6, "failed": 1}
    assert decoded == [0, len(whole)]


def test_a_large_file_is_indexed_once_for_all_processes(tmp_path):
    file = tmp_path / "requests.jsonl"
    file.write_bytes(b"".join(map(record, range(6000))))
    index = Indexes(tmp_path / "kept").of(file, RECORDS)
    kept = list((tmp_path / "kept").iterdir())
    assert (len(index), len(kept)) == (6000, 1)
    again = Indexes(tmp_path / "kept")
    assert again._load(file, RECORDS).offsets.tolist() == index.offsets.tolist()
    file.write_bytes(record(1))  # another file under the same name
    assert len(again.of(file, RECORDS)) == 1


def test_the_last_review_of_a_key_counts_as_it_does_in_reports(evaluations, tmp_path):
    import shutil

    source = min(path for path in evaluations.iterdir() if not path.name.startswith("."))
    folder = shutil.copytree(source, tmp_path / "run")
    (file,) = (folder / "reviews").glob("*/*.jsonl")
    first = json.loads(file.read_bytes().splitlines()[0])
    first["scores"] = {name: {"value": 0.0} for name in first["scores"]}
    with file.open("a") as more:
        more.write(json.dumps(first) + "\n")
    pages = Pages(tmp_path / "kept")
    found = json.loads(pages.samples(folder, {**QUERY, "limit": 50}))
    task = TaskConfig.from_yaml(next((folder / "configs").glob("task_config_*.yaml")))
    report = report_again(task, folder).reports["general_qa"]
    assert found["total"] == report.n == 10
    assert found["counts"]["right"] == round(report.protocols[report.headline].score * 10)
    again = json.loads(pages.sample(folder, first["key"]))
    assert again["review"]["verdict"] == "wrong"
