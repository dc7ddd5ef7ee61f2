"""Reach: an endpoint that nobody can be reached at, or that turns everything away, ends a run at once and says why."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from evalcore import reach
from evalcore.errors import TaskError
from evalcore.outputs import EvalFolder
from evalcore.reach import HOPELESS_AFTER, FirstAnswers, knock
from evalcore.rescore import rescore
from evalcore.run import run_task
from evalcore.task import TaskConfig
from evalcore.types import Prediction, Sample
from perfbench.engine.errors import ExitCode, TargetUnreachable
from tests.evalcore.recorder import recorder

ITEMS = 40


def task(folder: Path, url: str, **keys: Any) -> TaskConfig:
    file = folder / "qa.jsonl"
    rows = [{"id": f"q{number}", "question": f"Number {number}?", "answer": "yes"} for number in range(ITEMS)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {
        "model": "m", "api_url": url, "datasets": ["general_qa"], "work_dir": str(folder / "outputs"), "retries": 0,
        "dataset_args": {"general_qa": {"local_path": str(file)}}, "eval_batch_size": 2, **keys,
    }  # fmt: skip
    return TaskConfig.from_mapping(given, "test", environment={})


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/v1"


def prediction(fault: str) -> Prediction:
    sample = Sample(id="1", question="Why?", target="so")
    return Prediction(key="k", benchmark="general_qa", sample=sample, fault=fault, detail="said why")


def test_nobody_at_the_address_ends_a_run_before_its_first_request(tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "PATIENCE_S", 0.0)
    with pytest.raises(TargetUnreachable, match=r"refused.*is the server running") as raised:
        run_task(task(tmp_path, closed_port()))
    assert raised.value.exit_code == ExitCode.TARGET


def test_a_judge_that_nobody_can_reach_ends_a_run_before_anything_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "PATIENCE_S", 0.0)
    judge = {"model": "j", "api_url": closed_port()}
    with recorder() as server, pytest.raises(TargetUnreachable, match="nobody answers at"):
        run_task(task(tmp_path, server.url, judge_strategy="single", judge_model_args=judge))
    assert server.seen == []


def test_a_finished_run_is_concluded_again_though_its_endpoint_is_gone(tmp_path):
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url))
    again = run_task(task(tmp_path, closed_port(), use_cache=str(first.folder)))
    assert (again.requests, again.exit_code) == (0, ExitCode.DONE)


def test_a_server_that_comes_up_a_moment_later_is_waited_for():
    async def late() -> None:
        url = closed_port()
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
        knocking = asyncio.create_task(knock([url]))
        await asyncio.sleep(0.05)
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port)
        await knocking
        server.close()

    asyncio.run(late())


@pytest.mark.parametrize("status", [401, 404])
def test_an_endpoint_that_turns_the_first_away_is_not_asked_the_rest(tmp_path, status):
    with recorder(fails=lambda number: status) as server, pytest.raises(TargetUnreachable, match="as told") as raised:
        run_task(task(tmp_path, server.url))
    assert f"http_{status}" in str(raised.value)
    assert len(server.seen) < HOPELESS_AFTER + 2


FIRST = [
    pytest.param(["http_404"] * HOPELESS_AFTER, True, id="none of the first was an answer"),
    pytest.param(["http_404"] * (HOPELESS_AFTER - 1), False, id="too few to tell"),
    pytest.param(["", *["http_404"] * 20], False, id="one was"),
    pytest.param(["http_500"] * 20, False, id="what may heal"),
    pytest.param(["context_length", *["http_401"] * 20], False, id="the prompt was at fault"),
]


@pytest.mark.parametrize(("faults", "is_hopeless"), FIRST)
def test_a_run_is_ended_only_by_what_every_further_request_would_meet(faults, is_hopeless):
    watch, said = FirstAnswers(), ""
    try:
        for fault in faults:
            watch.add(prediction(fault), "http://here/v1")
    except TargetUnreachable as error:
        said = str(error)
    assert bool(said) == is_hopeless
    assert not is_hopeless or "http://here/v1" in said


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    with recorder(text=lambda question: "yes") as server:
        first = run_task(task(tmp_path, server.url))
        again = task(tmp_path, server.url, use_cache=str(first.folder))
        with EvalFolder(first.folder, "m").held():
            for second in (lambda: run_task(again), lambda: rescore(again, first.folder)):
                with pytest.raises(TaskError, match="being written by another run"):
                    second()
        assert run_task(again).exit_code == ExitCode.DONE
