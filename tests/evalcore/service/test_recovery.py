"""Recovery: a service that is killed forgets no job, and leaves no process behind."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalcore.service.app import Service
from evalcore.service.process import is_ours, started_of
from evalcore.service.settings import Settings
from perfbench.engine.errors import ScenarioError
from tests.evalcore.service.serving import SCENARIO, TASK, served, serving


def gone(pid: int, started: str | None, within_s: float = 30) -> bool:
    until_s = time.monotonic() + within_s
    while is_ours(pid, started) and time.monotonic() < until_s:
        time.sleep(0.05)
    return not is_ours(pid, started)


def processes_of(outputs: Path) -> dict[int, str | None]:
    """The processes of jobs, with the instants they began at."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if f"{outputs}/.service/jobs" in words:
                found[int(entry.name)] = started_of(int(entry.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by /proc")
def test_fifty_jobs_half_of_them_cancelled_and_the_service_killed_in_the_middle(tmp_path):
    outputs = tmp_path / "outputs"
    words = ("tests.evalcore.service.served", str(outputs), "3")
    with served(*words) as service:
        ids, waiting = [], []
        for number in range(50):
            does = "waits" if number in (4, 10, 16) else "ends:0"
            kind, given = ("perf", SCENARIO) if number % 3 == 0 else ("eval", TASK)
            ids.append(service.ask("POST", f"/api/v1/{kind}", {**given, "model": does})["id"])
            waiting += [ids[-1]] if does == "waits" else []
        for id in ids[-1:-26:-1]:
            service.ask("DELETE", f"/api/v1/jobs/{id}")
        before: dict[str, Any] = {}
        while {id for id, job in before.items() if job["status"] == "running"} != set(
            waiting
        ):  # and nothing else moves
            time.sleep(0.05)
            before = service.jobs()
        assert Counter(job["status"] for job in before.values())["queued"] > 5
        left = processes_of(outputs)
        service.process.kill()
        service.process.wait()
    assert left
    assert all(gone(pid, started) for pid, started in left.items())
    with served(*words) as service:
        after = service.jobs()
        assert set(after) == set(ids)
        for id, job in before.items():
            if job["status"] in ("done", "cancelled"):
                assert after[id]["status"] == job["status"]
        interrupted = [id for id, job in after.items() if job["status"] == "interrupted"]
        assert sorted(interrupted) == sorted(waiting)
        while Counter(job["status"] for job in service.jobs().values())["queued"]:  # the queue goes on by itself
            time.sleep(0.05)
        for id in interrupted:
            assert service.ask("POST", f"/api/v1/jobs/{id}/resume")["status"] in ("queued", "running")
        while "running" not in {service.jobs()[id]["status"] for id in interrupted}:
            time.sleep(0.05)
        for id in interrupted:
            service.ask("DELETE", f"/api/v1/jobs/{id}")
        while {*(now := Counter(job["status"] for job in service.jobs().values()))} & {"running", "queued"}:
            time.sleep(0.05)
        assert sum(now.values()) == 50
        assert set(now) <= {"done", "cancelled"}


async def test_a_service_that_is_stopped_stops_its_jobs_and_finds_them_again(tmp_path):
    outputs = tmp_path / "outputs"
    async with serving(outputs, max_jobs=1) as client:
        running, queued = await client.start("waits"), await client.start("ends:0")
        before = await client.until(running["id"], "running")
    async with serving(outputs, max_jobs=1) as client:
        found = await client.get(f"/api/v1/jobs/{running['id']}")
        assert (found["status"], found["folder"]) == ("interrupted", before["folder"])
        assert (await client.over(queued["id"]))["status"] == "done"


async def test_a_process_that_outlived_its_service_is_ended_before_its_job_is_told_interrupted(tmp_path):
    outputs = tmp_path / "outputs"
    async with serving(outputs) as client:
        job = await client.start("ends:0")
        await client.over(job["id"])
        process = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
        client.service.store.change_job(
            job["id"], status="running", pid=process.pid, pid_started=started_of(process.pid), ended_s=None
        )
    waiting = asyncio.create_task(process.wait())
    async with serving(outputs) as client:
        assert (await client.get(f"/api/v1/jobs/{job['id']}"))["status"] == "interrupted"
    assert await waiting == -signal.SIGKILL


async def test_another_process_of_the_same_number_is_left_alone(tmp_path):
    outputs = tmp_path / "outputs"
    async with serving(outputs) as client:
        job = await client.start("ends:0")
        await client.over(job["id"])
        process = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
        client.service.store.change_job(job["id"], status="running", pid=process.pid, pid_started="1")
    async with serving(outputs) as client:
        assert (await client.get(f"/api/v1/jobs/{job['id']}"))["status"] == "interrupted"
    assert process.returncode is None
    process.kill()
    await process.wait()


async def test_two_services_do_not_share_outputs(tmp_path):
    async with serving(tmp_path / "outputs"):
        with pytest.raises(ScenarioError, match="served already"):
            Service(Settings(outputs=tmp_path / "outputs"))
