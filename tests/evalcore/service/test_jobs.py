"""Jobs: the queue, how each ends, cancelling and going on."""

from __future__ import annotations

import asyncio

import pytest

from tests.evalcore.service.serving import AT_ONCE, SCENARIO, TASK, serving


async def test_a_job_is_answered_when_it_is_over(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        status, job = await client.ask("POST", "/api/v1/eval", {**TASK, "model": "ends:0"})
    assert status == 200
    assert (job["status"], job["exit_code"], job["error"], job["attempts"]) == ("done", 0, None, 1)
    assert job["folder"] == str(tmp_path / "outputs" / f"run-{job['id']}")
    assert job["progress"]["fraction"] == 1.0


async def test_a_job_is_answered_at_once_where_that_is_preferred(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        async with client.session.post(
            f"{client.base}/api/v1/perf", json={**SCENARIO, "model": "waits"}, headers=AT_ONCE
        ) as response:
            assert response.status == 202
            assert response.headers["Preference-Applied"] == "respond-async"
            job = await client.get(response.headers["Location"])
        assert job["status"] == "running"
        status, later = await client.ask(
            "POST", "/api/v1/eval", {**TASK, "model": "waits"}, headers={"Prefer": "wait=1"}
        )
        assert (status, later["status"]) == (202, "running")


@pytest.mark.parametrize(
    ("does", "status", "code", "error"),
    [
        pytest.param("ends:3", "done", 3, None, id="a missed gate is a result"),
        pytest.param("ends:5", "done", 5, None, id="so is what stays open"),
        pytest.param("ends:2", "failed", 2, "it went wrong\n  in two lines", id="a failure is told in its own words"),
        pytest.param("dies", "failed", None, "it was killed by signal 9", id="a crash is told"),
    ],
)
async def test_how_a_command_ends_is_how_its_job_ends(tmp_path, does, status, code, error):
    async with serving(tmp_path / "outputs") as client:
        job = await client.over((await client.start(does))["id"])
        assert (job["status"], job["exit_code"], job["error"]) == (status, code, error)
        beside = await client.over((await client.start("ends:0"))["id"])
        assert beside["status"] == "done"


async def test_load_tests_run_one_at_a_time_and_evaluations_beside_them(tmp_path):
    async with serving(tmp_path / "outputs", max_jobs=2) as client:
        first, second = await client.start("waits", "perf"), await client.start("ends:0", "perf")
        third, fourth = await client.start("waits"), await client.start("ends:0")
        await client.until(first["id"], "running")
        await client.until(third["id"], "running")
        found = {job["id"]: job["status"] for job in (await client.get("/api/v1/jobs"))["jobs"]}
        assert [found[job["id"]] for job in (first, second, third, fourth)] == ["running", "queued"] * 2
        health = await client.get("/health")
        assert (health["running"], health["queued"]) == (2, 2)
        await client.ask("DELETE", f"/api/v1/jobs/{third['id']}")
        assert (await client.over(fourth["id"]))["status"] == "done"
        assert (await client.get(f"/api/v1/jobs/{second['id']}"))["status"] == "queued"
        await client.ask("DELETE", f"/api/v1/jobs/{first['id']}")
        assert (await client.over(second["id"]))["status"] == "done"


async def test_a_cancelled_job_stops_keeps_its_folder_and_can_be_gone_on_with(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        job = await client.start("waits")
        await client.until(job["id"], "running")
        status, stopping = await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        assert (status, stopping["stopping"]) == (202, True)
        stopped = await client.over(job["id"])
        assert (stopped["status"], stopped["exit_code"], stopped["stopping"]) == ("cancelled", 130, False)
        again = await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        assert (again[0], again[1]["status"]) == (200, "cancelled")
        status, _ = await client.ask("POST", f"/api/v1/jobs/{job['id']}/resume")
        assert status == 202
        running = await client.until(job["id"], "running")
        assert (running["attempts"], running["folder"]) == (2, stopped["folder"])
        assert (await client.ask("POST", f"/api/v1/jobs/{job['id']}/resume"))[0] == 409


async def test_a_job_that_does_not_stop_is_ended(tmp_path):
    async with serving(tmp_path / "outputs", stop_grace_s=0.3) as client:
        job = await client.start("stubborn")
        while (await client.until(job["id"], "running"))["progress"]["fraction"] < 0.6:
            await client.service.jobs.changed(job["id"], 0.2)
        await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        assert (await client.over(job["id"]))["status"] == "cancelled"


async def test_a_queued_job_is_cancelled_at_once_and_never_runs(tmp_path):
    async with serving(tmp_path / "outputs", max_jobs=1) as client:
        await client.start("waits")
        job = await client.start("ends:0")
        status, found = await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        assert (status, found["status"], found["attempts"]) == (200, "cancelled", 0)


async def test_a_full_queue_refuses(tmp_path):
    async with serving(tmp_path / "outputs", max_jobs=1, max_queued=2) as client:
        for _ in range(3):
            await client.start("waits")
        status, problem = await client.ask("POST", "/api/v1/eval", {**TASK, "model": "m"}, headers=AT_ONCE)
        assert (status, problem["status"]) == (429, 429)
        assert (await client.get("/api/v1/jobs"))["total"] == 3


async def test_jobs_are_found_page_by_page(tmp_path):
    async with serving(tmp_path / "outputs", max_jobs=1) as client:
        await client.start("waits")
        ids = [(await client.start(f"model-{number}"))["id"] for number in range(4)]
        page = await client.get("/api/v1/jobs?status=queued&limit=2&offset=1")
        assert page["total"] == 4
        assert [job["id"] for job in page["jobs"]] == [ids[2], ids[1]]
        assert [job["model"] for job in (await client.get("/api/v1/jobs?q=MODEL-3"))["jobs"]] == ["model-3"]
        assert (await client.get("/api/v1/jobs?status=running,queued"))["total"] == 5
        assert (await client.get("/api/v1/jobs?kind=perf"))["total"] == 0


async def test_events_tell_state_and_progress_until_the_end_and_go_on_where_a_reader_was(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        job = await client.start("waits")
        address = f"{client.base}/api/v1/jobs/{job['id']}/events"
        names, last = [], ""
        async with client.session.get(address) as response:
            assert response.content_type == "text/event-stream"
            async for line in response.content:
                name, _, value = line.decode().strip().partition(": ")
                names += [value] if name == "event" else []
                last = value if name == "id" else last
                if name == "data" and names[-1] == "progress":
                    await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
        assert names[0] == "job"
        assert names[-1] == "end"
        assert "progress" in names
        async with client.session.get(address, headers={"Last-Event-ID": last}) as response:
            assert b"event: progress" not in await response.read()


async def test_a_log_is_followed_until_the_job_is_over(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        job = await client.start("waits")
        async with client.session.get(f"{client.base}/api/v1/jobs/{job['id']}/log?follow=true") as response:
            assert (await response.content.readline()).decode() == "evalcore: waiting\n"
            await client.ask("DELETE", f"/api/v1/jobs/{job['id']}")
            assert await response.content.read() == b""
        assert await client.get(f"/api/v1/jobs/{job['id']}/log?offset=10") == "waiting\n"


async def test_a_reader_that_goes_away_disturbs_nobody(tmp_path):
    async with serving(tmp_path / "outputs") as client:
        job = await client.start("waits")
        async with client.session.get(f"{client.base}/api/v1/jobs/{job['id']}/events") as response:
            await response.content.readline()
        await asyncio.sleep(0)
        assert (await client.until(job["id"], "running"))["status"] == "running"


async def test_metrics_tell_jobs_requests_and_live_latencies(tmp_path):
    from prometheus_client.parser import text_string_to_metric_families

    async with serving(tmp_path / "outputs") as client:
        job = await client.start("waits", "perf")
        await client.until(job["id"], "running")
        families = {one.name: one for one in text_string_to_metric_families(await client.get("/metrics"))}
    jobs = {sample.labels["status"]: sample.value for sample in families["evalcore_jobs"].samples}
    assert jobs["running"] == 1
    answered = families["evalcore_http_requests"].samples
    assert sum(sample.value for sample in answered if sample.labels == {"method": "POST", "status": "202"}) == 1
    buckets = [
        sample for sample in families["evalcore_perf_latency_seconds"].samples if sample.name.endswith("_bucket")
    ]
    assert buckets[-1].labels == {"job": job["id"], "latency": "ttft", "le": "+Inf"}
    assert [sample.value for sample in buckets] == [float(count) for count in range(1, 17)]
