"""Whole evaluations: against the simulator whose truth is known, killed and gone on with, and against a bad server."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalcore.commands.report import task_of
from evalcore.outputs import read_predictions, read_reviews
from evalcore.rescore import rescore
from evalcore.run import run_task
from evalcore.task import TaskConfig
from perfbench.engine.errors import ExitCode
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

ITEMS = 150
KILLS = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sums of our own, in the layout of GSM8K; and the same as an answer key."""
    folder = tmp_path_factory.mktemp("data")
    asked = "A jar holds {} beans and {} are added. How many are in it?"
    rows = [{"question": asked.format(a, a % 17), "answer": f"#### {a + a % 17}"} for a in range(100, 100 + ITEMS)]
    (folder / "gsm8k").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "gsm8k" / "test.jsonl").write_text(lines)
    (folder / "gsm8k" / "train.jsonl").write_text(lines)
    return folder


def task(data: Path, outputs: Path, **keys: Any) -> TaskConfig:
    given = {
        "model": "sim", "datasets": ["gsm8k"], "dataset_dir": str(data), "dataset_hub": "local", "work_dir": outputs,
        "dataset_args": {"gsm8k": {"few_shot_num": 0}}, "eval_batch_size": 16, **keys,
    }  # fmt: skip
    return TaskConfig.from_mapping(given, "test", environment={})


def simulator(data: Path, **settings: Any) -> SimulatorProcess:
    given = {"ttft_ms": 2.0, "itl_ms": 0.5, "skill": 0.8, "answer_key": data / "gsm8k" / "test.jsonl", **settings}
    return SimulatorProcess(SimulatorConfig(**given))


def told(url: str, what: str) -> Any:
    with urllib.request.urlopen(url.removesuffix("/v1") + what, timeout=10) as reply:
        return json.loads(reply.read())


def scores(folder: Path) -> dict[str, float]:
    file = folder / "reviews" / "sim" / "gsm8k_main.jsonl"
    return {review.sample_id: review.scores["numeric"].value for review in read_reviews(file)}


def answers(folder: Path | None) -> int:
    """Whole lines in the predictions of a run that may not have begun."""
    file = None if folder is None else folder / "predictions" / "sim" / "gsm8k_main.jsonl"
    return file.read_bytes().count(b"\n") if file is not None and file.is_file() else 0


def resumed(folder: Path | None) -> list[str]:
    return [] if folder is None else ["--use-cache", str(folder)]


def test_a_prompt_that_reads_like_a_variable_is_kept_as_it_is(data, tmp_path):
    args = {"gsm8k": {"few_shot_num": 0, "system_prompt": "Cost in ${CURRENCY}, $${sic}"}}
    given = task(data, tmp_path, eval_type="mock", dataset_args=args, limit=4)
    assert task_of(run_task(given).folder).dataset_args == given.dataset_args


def test_the_score_is_exactly_the_simulators_own_count(data, tmp_path):
    with simulator(data) as server:
        result = run_task(task(data, tmp_path, api_url=server.url))
        truth = told(server.url, "/skill")
    report = result.reports["gsm8k"].protocols["numeric"]
    assert truth["asked"] == ITEMS
    assert report.score == pytest.approx(truth["right"] / ITEMS)
    assert report.low is not None and report.high is not None and report.low < 0.8 < report.high
    assert (result.exit_code, result.requests, result.reports["gsm8k"].coverage) == (ExitCode.DONE, ITEMS, 1.0)


def test_a_finished_run_gone_on_with_makes_no_request_and_changes_nothing(data, tmp_path):
    with simulator(data) as server:
        first = run_task(task(data, tmp_path, api_url=server.url))
        again = run_task(task(data, tmp_path, api_url=server.url, use_cache=str(first.folder)))
        assert told(server.url, "/skill")["asked"] == ITEMS
    assert again.requests == 0
    assert again.reports["gsm8k"].protocols == first.reports["gsm8k"].protocols


def test_another_limit_or_order_reuses_what_still_applies(data, tmp_path):
    with simulator(data) as server:
        some = run_task(task(data, tmp_path, api_url=server.url, limit=40))
        every = run_task(task(data, tmp_path, api_url=server.url, use_cache=str(some.folder)))
        hotter = task(data, tmp_path, api_url=server.url, use_cache=str(some.folder), generation_config={"top_p": 0.5})
        other = run_task(hotter)
    assert (some.requests, every.requests, other.requests) == (40, ITEMS - 40, ITEMS)


def test_rescoring_makes_the_same_reviews_without_a_server(data, tmp_path):
    with simulator(data) as server:
        first = run_task(task(data, tmp_path, api_url=server.url))
        before = scores(first.folder)
    (first.folder / "reviews" / "sim" / "gsm8k_main.jsonl").unlink()
    again = rescore(task(data, tmp_path, api_url="http://127.0.0.1:1/v1"), first.folder)
    assert scores(first.folder) == before
    assert again.reports["gsm8k"].protocols == first.reports["gsm8k"].protocols


def test_repeats_are_asked_apart(data, tmp_path):
    with simulator(data) as server:
        result = run_task(task(data, tmp_path, api_url=server.url, limit=10, repeats=3))
    assert result.requests == 30
    repeats = result.reports["gsm8k"].repeats
    assert repeats is not None and repeats.k == 3


def test_faults_are_tried_again_until_every_sample_is_answered(data, tmp_path):
    with simulator(data) as server:
        clean = run_task(task(data, tmp_path, api_url=server.url))
        truth = told(server.url, "/skill")["right"] / ITEMS
    with simulator(data, e429=0.05, e500=0.05, seed=3) as server:
        stormy = run_task(task(data, tmp_path, api_url=server.url, retries=8))
    assert stormy.reports["gsm8k"].coverage == 1.0
    assert clean.reports["gsm8k"].protocols["numeric"].score == pytest.approx(truth)
    assert stormy.reports["gsm8k"].integrity.retried > 0
    assert stormy.reports["gsm8k"].integrity.attempts > ITEMS


def test_a_sample_without_an_answer_is_unscored_and_not_wrong(data, tmp_path):
    with simulator(data, e500=1.0) as server:
        result = run_task(task(data, tmp_path, api_url=server.url, limit=5, retries=0))
    report = result.reports["gsm8k"]
    assert (report.coverage, report.integrity.errored) == (0.0, {"http_500": 5})
    assert result.exit_code == ExitCode.TARGET
    ignored = task(data, tmp_path, api_url=server.url, ignore_errors=True)
    assert ignored.needed_coverage == 0.0


@pytest.mark.parametrize(("strict", "code"), [(False, ExitCode.DONE), (True, ExitCode.GATE_MISSED)])
def test_answers_that_were_cut_are_a_missed_gate_when_the_task_is_strict(data, tmp_path, strict, code):
    keys = {"limit": 5, "strict": strict, "generation_config": {"max_tokens": 1}}
    with simulator(data) as server:
        result = run_task(task(data, tmp_path, api_url=server.url, **keys))
    assert result.reports["gsm8k"].integrity.truncated == 5
    assert result.exit_code == code


def test_client_arguments_that_mean_something_on_the_wire_act_there(data, tmp_path):
    with simulator(data, e500=1.0, api_key="sk-right") as server:
        keys = {"limit": 2, "api_key": "sk-right", "retries": 5, "model_args": {"max_retries": 1, "timeout": 5}}
        result = run_task(task(data, tmp_path, api_url=server.url, **keys))
    assert result.reports["gsm8k"].integrity.attempts == 4


def test_killed_at_random_instants_and_gone_on_with_a_run_ends_as_if_undisturbed(data, tmp_path):
    rng = random.Random(5)
    with simulator(data, ttft_ms=30.0) as server:
        undisturbed = run_task(task(data, tmp_path / "whole", api_url=server.url))
        asked_before = told(server.url, "/skill")["asked"]
        arguments = [
            "--model", "sim", "--api-url", server.url, "--datasets", "gsm8k", "--dataset-dir", str(data),
            "--dataset-hub", "local", "--dataset-args", '{"gsm8k": {"few_shot_num": 0}}', "--parallel", "4",
            "--work-dir", str(tmp_path / "killed"), "--quiet",
        ]  # fmt: skip
        command = [
            sys.executable,
            "-c",
            "import sys; from evalcore.cli import main; sys.exit(main())",
            "run",
            *arguments,
        ]
        folder = None
        for _ in range(KILLS):  # each after a random number of further answers, so however slow the machine is
            before = answers(folder)
            child = subprocess.Popen([*command, *resumed(folder)], stdout=subprocess.DEVNULL)
            until = before + rng.randint(1, 25)
            while child.poll() is None and answers(folder) < until:
                time.sleep(rng.uniform(0.0, 0.01))
                folder = next((file.parent.parent for file in (tmp_path / "killed").glob("*/configs/*.yaml")), None)
            assert child.poll() is None, "it ended before it could be killed"
            child.send_signal(signal.SIGKILL)
            child.wait()
        subprocess.run([*command, *resumed(folder)], stdout=subprocess.DEVNULL, check=True, timeout=100)
        time.sleep(0.2)
        asked = told(server.url, "/skill")["asked"] - asked_before
    assert folder is not None
    assert scores(folder) == scores(undisturbed.folder)
    keys = Counter(p.key for p in read_predictions(folder / "predictions" / "sim" / "gsm8k_main.jsonl"))
    assert len(keys) == ITEMS
    assert asked <= ITEMS + KILLS * 4


def test_a_torn_last_line_is_dropped_and_asked_again(data, tmp_path):
    with simulator(data) as server:
        first = run_task(task(data, tmp_path, api_url=server.url, limit=20))
        file = first.folder / "predictions" / "sim" / "gsm8k_main.jsonl"
        file.write_bytes(file.read_bytes()[:-30])
        again = run_task(task(data, tmp_path, api_url=server.url, limit=20, use_cache=str(first.folder)))
    assert again.requests == 1
    assert "torn" in (first.folder / "logs" / "eval_log.log").read_text()
    assert len(list(read_predictions(file))) == 20
