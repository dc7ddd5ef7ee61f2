"""Real jobs: the command line at work behind the service, and what it says is what a shell would have said."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time

import pytest

from evalcore.service.process import command_of
from tests.evalcore.service.serving import AT_ONCE, ROOT, served, serving

SIMULATED = {"url": "simulator", "simulator": {"ttft": "40ms", "itl": "4ms", "tokens": "8"}, "seed": 5, "parallel": 4}


async def test_a_load_test_through_the_service_says_what_the_command_line_says(tmp_path):
    body = {**SIMULATED, "number": 60}
    async with serving(tmp_path / "outputs", command_of) as client:
        status, job = await client.ask("POST", "/api/v1/perf", body)
        assert (status, job["status"]) == (200, "done"), job["error"]
        run = await client.get(f"/api/v1/runs/{job['run']}/summary")
    (tmp_path / "scenario.yaml").write_text(json.dumps(body))
    shell = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "perfbench", "run", str(tmp_path / "scenario.yaml"), "--json",
                         "--outputs-dir", str(tmp_path / "shell")],
        capture_output=True, check=True,
    )  # fmt: skip
    ours, theirs = job["summary"], json.loads(shell.stdout)
    assert ours == run["summary"]
    assert ours["requests"]["succeeded"] == theirs["requests"]["succeeded"] == 60
    assert ours["tokens"] == theirs["tokens"]
    ignored = ("outputs_dir", "name")
    same = [{key: value for key, value in one["scenario"].items() if key not in ignored} for one in (ours, theirs)]
    assert same[0] == same[1]
    for name, truth_ms in (("ttft", 40.0), ("itl", 4.0)):
        for one in (ours, theirs):
            assert one["latency_ms"][name]["p50"] == pytest.approx(truth_ms, rel=0.15)


@pytest.fixture
def questions(tmp_path) -> str:
    file = tmp_path / "qa.jsonl"
    file.write_text("".join(f'{{"id": "q{n}", "question": "Number {n}?", "answer": "yes"}}\n' for n in range(400)))
    return str(file)


@pytest.mark.slow
async def test_an_evaluation_that_was_cancelled_goes_on_with_what_it_has(tmp_path, questions):
    body = {
        "eval_type": "mock", "datasets": ["general_qa"], "dataset_args": {"general_qa": {"local_path": questions}},
        "mock": {"ttft_ms": 50}, "parallel": 4,
    }  # fmt: skip
    async with serving(tmp_path / "outputs", command_of, stop_grace_s=30) as client:
        _, job = await client.ask("POST", "/api/v1/eval", body, headers=AT_ONCE)
        while ((await client.until(job["id"], "running"))["progress"]["done"] or 0) < 40:
            await client.service.jobs.changed(job["id"], 0.5)
        await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        stopped = await client.over(job["id"])
        assert stopped["status"] == "cancelled"
        assert 0 < stopped["scores"][0]["coverage"] < 1
        await client.ask("POST", f"/api/v1/jobs/{job['id']}/resume")
        done = await client.over(job["id"])
        assert (done["status"], done["folder"]) == ("done", stopped["folder"])
        assert (done["scores"][0]["n"], done["scores"][0]["coverage"]) == (400, 1.0)
        assert done["progress"]["figures"]["benchmarks"]["general_qa"]["reused"] >= 40


@pytest.mark.slow
async def test_a_sweep_tells_its_points_and_each_is_a_run(tmp_path):
    async with serving(tmp_path / "outputs", command_of) as client:
        body = {**SIMULATED, "parallel": [1, 4], "number": [10, 40], "warmup": None}
        status, job = await client.ask("POST", "/api/v1/perf", body)
        assert (status, job["status"], job["form"]) == (200, "done", "sweep"), job["error"]
        assert [point["load"] for point in job["summary"]["points"]] == [1, 4]
        children = await client.get(f"/api/v1/runs?parent={job['run']}")
        assert children["total"] == 2
        found = [await client.get(f"/api/v1/runs/{run['id']}/summary") for run in children["runs"]]
        assert sorted(one["summary"]["requests"]["succeeded"] for one in found) == [10, 40]


@pytest.mark.slow
def test_two_hundred_readers_do_not_disturb_a_load_test(tmp_path):
    """Readers elsewhere, as far as one machine can play that: at the lowest priority. What else the machine does can
    spoil a run, and so one of three is enough; readers that did disturb it would spoil them all."""
    with served("evalcore", "serve", "--port", "0", "--outputs", str(tmp_path / "outputs")) as service:

        def over(job):
            while (found := service.ask("GET", f"/api/v1/jobs/{job['id']}"))["status"] in ("queued", "running"):
                time.sleep(0.5)
            assert found["status"] == "done", found["error"]
            return found

        before = over(service.ask("POST", "/api/v1/perf", {**SIMULATED, "number": 2000, "parallel": 40}))
        of_run, of_job = f"/api/v1/runs/{before['run']}", f"/api/v1/jobs/{before['id']}"
        paths = ("/api/v1/runs", of_run, f"{of_run}/summary", f"{of_run}/requests?sort=ttft_ms", of_job)
        words = ["nice", "-n", "19", sys.executable, "-m", "tests.evalcore.service.readers", service.base, "200", "18"]
        verdicts = []
        while "ok" not in verdicts and len(verdicts) < 3:
            with subprocess.Popen([*words, *paths], cwd=ROOT, stdout=subprocess.PIPE, text=True) as readers:
                job = over(service.ask("POST", "/api/v1/perf", {**SIMULATED, "duration": "12s"}))
                answered, refused = map(int, readers.communicate()[0].split())
            assert (answered > 1000, refused) == (True, 0)
            verdicts.append(job["summary"]["client"]["verdict"])
    assert "ok" in verdicts
