"""Sweeps, searches and plans by their commands, on the built-in simulator: what they leave behind and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.truthd import REPOSITORY

SERVER = ("--url", "simulator", "--simulator", "ttft=5ms", "itl=1ms", "tokens=3", "slots=4")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.endswith("API_KEY")}


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "perfbench", *words], cwd=folder, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip


def perfbench(folder: Path, *words: str) -> tuple[int, str, str]:
    process = start(folder, *words)
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    code, out, err = perfbench(folder, "sweep", *SERVER, "--parallel", "1,2,4,8", "--number", "25x", "--seed", "3",
                               "--outputs-dir", "out", "--slo", "p50 e2e < 1s")  # fmt: skip
    assert code == 0, err
    assert "point 4 of 4: 8 in flight, 200 requests, about" in err
    assert "scaling (USL)" in out
    return only(folder / "out")


def test_a_sweep_is_a_folder_of_ordinary_runs(swept):
    sweep = json.loads((swept / "sweep.json").read_text())
    assert (sweep["schema"], sweep["kind"], sweep["over"], sweep["ended"]) == (1, "sweep", "parallel", "done")
    assert [point["load"] for point in sweep["points"]] == [1, 2, 4, 8]
    assert [point["requests"] for point in sweep["points"]] == [25, 50, 100, 200]
    for point in sweep["points"]:
        summary = json.loads((swept / point["folder"] / "summary.json").read_text())
        assert summary["requests"]["succeeded"] == point["requests"]
        assert point["latency_ms"]["e2e"] == summary["latency_ms"]["e2e"]
        assert summary["scenario"]["seed"] == point["seed"]
    assert len({point["seed"] for point in sweep["points"]}) == 4
    assert sweep["scaling"]["points"] == 4


def test_a_finished_sweep_is_not_run_again(swept):
    before = sorted(path.name for path in (swept / "points").iterdir())
    code, _, err = perfbench(swept, "sweep", "--resume", str(swept), "--quiet")
    assert (code, err) == (0, "")
    assert sorted(path.name for path in (swept / "points").iterdir()) == before


def test_a_plan_stands_on_a_sweep(swept):
    code, out, err = perfbench(swept, "plan", str(swept), "--target", "50 req/s", "--slo", "p99 e2e < 1s", "--json")
    plan = json.loads(out)
    assert code in (0, 5), err
    assert plan == json.loads((swept / "plan.json").read_text())
    assert plan["replicas"] == 1 and plan["model"]["runs"] == 4


@pytest.mark.slow
def test_an_interrupted_sweep_keeps_what_is_done_and_goes_on_with_the_same_arrivals(tmp_path):
    slow = ("--url", "simulator", "--simulator", "ttft=20ms", "itl=20ms", "tokens=8")
    process = start(tmp_path, "sweep", *slow, "--rate", "5,20,40", "--number", "2x", "--seed", "5",
                    "--outputs-dir", "out")  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("point 2 of 3"):
            break
    give_up_s = time.monotonic() + 60
    while not list((tmp_path / "out").glob("*/points/rate_20/run.json")):
        assert time.monotonic() < give_up_s
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    folder = only(tmp_path / "out")
    begun = json.loads((folder / "sweep.json").read_text())
    assert [point["state"] for point in begun["points"]] == ["done", "waiting", "waiting"]
    assert begun["ended"] == "interrupted"
    first = (folder / begun["points"][0]["folder"] / "requests.jsonl").read_bytes()

    code, _, err = perfbench(tmp_path, "sweep", "--resume", str(folder))
    assert code == 0, err
    done = json.loads((folder / "sweep.json").read_text())
    assert [point["state"] for point in done["points"]] == ["done"] * 3
    assert [point["seed"] for point in done["points"]] == [point["seed"] for point in begun["points"]]
    assert done["points"][1]["folder"] == "points/rate_20_2"  # beside the first try, which is kept
    assert (folder / done["points"][0]["folder"] / "requests.jsonl").read_bytes() == first


@pytest.mark.slow
def test_a_search_finds_an_answer_and_can_go_on(tmp_path):
    words = ("slo", *SERVER, "--search", "parallel", "--slo", "p50 e2e < 20ms", "--max-load", "64", "--seed", "3")
    code, _, err = perfbench(tmp_path, *words, "--probe-time", "1s", "--max-time", "2s", "--outputs-dir", "out")
    assert code == 5, err
    folder = only(tmp_path / "out")
    begun = json.loads((folder / "slo.json").read_text())
    assert begun["ended"] == "time" and begun["probes"]

    code, out, err = perfbench(tmp_path, "slo", "--resume", str(folder), "--max-time", "60s")
    done = json.loads((folder / "slo.json").read_text())
    assert done["probes"][: len(begun["probes"])] == [
        old | {"outcome": new["outcome"]} for old, new in zip(begun["probes"], done["probes"], strict=False)
    ]
    assert (code, done["answer"]["outcome"]) == (0, "met"), out + err
    assert 4 <= done["answer"]["load"] <= 64
    for judged in done["probes"]:
        assert (folder / judged["probe"]["folder"] / "summary.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sweep", *SERVER), "a sweep needs loads: --parallel 1,2,4,8,16"),
        (("sweep", *SERVER, "--parallel", "1,zwei"), "--parallel 'zwei' is not a count"),
        (("sweep", *SERVER, "--parallel", "1,1"), "holds a load twice"),
        (("sweep", *SERVER, "--rate", "1,2", "--number", "manyx"), "or 20x for 20 per unit of load"),
        (("sweep", *SERVER, "--rate", "1,2", "--parallel", "1,2"), "keep one"),
        (("sweep", *SERVER, "--parallel", "1,2", "--order", "odd"), "ascending and shuffled"),
        (("sweep", *SERVER, "--parallel", "1,2", "--number", "5", "--duration", "5s"), "keep one"),
        (("sweep", "--resume", "nowhere"), "there is no such folder"),
        (("sweep", "--resume", "nowhere", "--seed", "1"), "--seed beside --resume"),
        (("slo", "--resume", "nowhere", "--probe-time", "5s"), "--probe-time beside --resume"),
        (("slo", "--resume", "nowhere", "--from", "elsewhere"), "--from beside --resume"),
        (("slo", *SERVER), "--slo is missing"),
        (("slo", *SERVER, "--slo", "mean e2e < 1s"), "write p99 e2e"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--search", "both"), "there are rate and parallel"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--max-time", "soon"), "--max-time 'soon' is not a duration"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--rate", "9", "--max-load", "3"), "at most 3"),
        (("sweep", *SERVER, "--rate", "1,2", "--repeat", "2"), "a sweep is many"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--shape", "ramp 1% -> 2% over 3s"), "a search needs it level"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--number", "50"), "give --probe-time or --max-time"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--until", "p99 e2e +-5%"), "a search by --precision"),
        (("slo", *SERVER, "--slo", "p99 e2e < 1s", "--max-time", "9s"), "more than --max-time 9 s leaves"),
        (("plan", "nowhere", "--target", "5"), "there is no folder 'nowhere'"),
        (("plan", ".", "--target", "5"), "holds no run with 20"),
        (("plan", "."), "--target is missing"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(tmp_path, monkeypatch, capsys, words, said):
    from perfbench.cli import run

    monkeypatch.chdir(tmp_path)
    assert run(list(words)) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("sweep", "--parallel", "1,2"), ("slo", "--search", "parallel", "--slo", "p99 e2e < 1s")]
)
def test_a_trace_that_says_when_requests_leave_is_no_load_to_go_over(tmp_path, monkeypatch, capsys, words):
    from perfbench.cli import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "trace.jsonl").write_text('{"at": 0.5, "input_tokens": 5, "output_tokens": 1}\n')
    assert run([*words, "--url", "http://127.0.0.1:9", "--trace", "trace.jsonl"]) == 2
    assert "say --no-trace-times" in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["trace.jsonl"]
