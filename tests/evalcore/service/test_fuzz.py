"""Fuzzing: requests made up from /openapi.json, valid and invalid. No bug of ours (5xx), and no answer that the
description does not allow."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from evalcore.run import run_task
from evalcore.service.api.table import ENDPOINTS
from evalcore.service.app import Server, Service, make_app
from evalcore.service.bodies import plan_of
from evalcore.service.openapi import described
from evalcore.service.settings import Settings
from evalcore.task import TaskConfig
from perfbench.run import run_scenario
from perfbench.scenario import Scenario
from tests.evalcore.service.serving import SCENARIO, TASK, pretended

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed; pip install '.[dev]'")
pytestmark = pytest.mark.slow


EVERY = {
    "parent": None, "kind": None, "finished": None, "q": None, "sort": "kind", "descending": False, "offset": 0,
    "limit": 10,
}  # fmt: skip


VALID = {"/api/v1/eval": TASK, "/api/v1/perf": SCENARIO}


class Known:
    """What the fuzzer cannot guess."""

    base = ""
    runs: tuple[str, ...] = ()
    job = ""
    statuses: Counter[tuple[str, int]] = Counter()


@pytest.fixture(scope="module", autouse=True)
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A service on a thread of its own, whose jobs pretend."""
    outputs = tmp_path_factory.mktemp("fuzz") / "outputs"
    _runs(outputs)
    loop = asyncio.new_event_loop()
    started, ending = threading.Event(), asyncio.Event()

    async def run() -> None:
        service = Service(Settings(outputs=outputs, port=0, max_jobs=4, allow_paths=(outputs,)), pretended)
        server = Server(make_app(service))
        await server.start()
        Known.base = server.address.rstrip("/")
        await service.runs.look()
        Known.runs = tuple(sorted(row.id for row in service.store.runs(**EVERY)[1]))
        Known.job = service.jobs.submit(plan_of("eval", {**TASK, "model": "ends:0"}, service.settings)).id
        started.set()
        await ending.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert started.wait(30)
    yield outputs
    loop.call_soon_threadsafe(ending.set)
    thread.join(60)
    print(sorted(Known.statuses.items()))


def _runs(outputs: Path) -> None:
    """One of each kind."""
    file = outputs.parent / "qa.jsonl"
    file.write_text("".join(f'{{"id": "q{n}", "question": "Number {n}?", "answer": "yes"}}\n' for n in range(9)))
    task = {"eval_type": "mock", "datasets": ["general_qa"], "work_dir": str(outputs),
            "dataset_args": {"general_qa": {"local_path": str(file)}}}  # fmt: skip
    run_task(TaskConfig.from_mapping(task, "test", environment={}))
    scenario = {"url": "simulator", "number": 20, "outputs_dir": str(outputs), "simulator": {"tokens": "3"}}
    run_scenario(Scenario.from_mapping(scenario, "test", environment={}), quiet=True)


api = schemathesis.openapi.from_dict(described(ENDPOINTS))


@api.parametrize()
@settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
def test_no_request_finds_a_bug_or_an_answer_that_is_not_described(case):
    if case.method == "POST":  # a job that waits for its end would hold the fuzzer up, and there may be many
        case.headers = {**(case.headers or {}), "Prefer": "respond-async"}
    places, query = case.path_parameters or {}, case.query or {}
    if "id" in places and len(str(places["id"])) % 3 and not (case.method == "DELETE" and "runs" in case.path):
        places["id"] = Known.job if "jobs" in case.path else Known.runs[len(str(places["id"])) % 2]
    if {"a", "b"} <= query.keys() and len(str(query["a"])) % 3:
        query |= {"a": Known.runs[0], "b": Known.runs[len(str(query["b"])) % 2]}
    valid = VALID.get(case.path)
    if valid is not None and isinstance(case.body, dict) and len(case.body) % 3:
        # Bodies that are wrong throughout go no further than the first door.
        some = list(case.body.items())[-(len(case.body) % 3) :]
        case.body = {**valid, "model": "ends:0", **dict(some)}
    response = case.call_and_validate(
        base_url=Known.base, timeout=30,
        checks=[
            schemathesis.checks.not_a_server_error,
            schemathesis.specs.openapi.checks.status_code_conformance,
            schemathesis.specs.openapi.checks.content_type_conformance,
            schemathesis.specs.openapi.checks.response_headers_conformance,
            schemathesis.specs.openapi.checks.response_schema_conformance,
        ],
    )  # fmt: skip
    Known.statuses[case.operation.label, response.status_code] += 1
