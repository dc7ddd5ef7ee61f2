"""Starting: POST of a task or a scenario."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from evalcore.service.bodies import given_again, plan_of
from evalcore.service.endpoints import Answer, Call, written
from evalcore.service.models import OVER, Kind
from evalcore.service.problems import Refused
from evalcore.service.store import JobRow
from evalcore.service.told import job_detail

LONGEST_WAIT_S = 24 * 3600.0


async def start_eval(call: Call) -> Answer:
    return await _start(call, "eval")


async def start_perf(call: Call) -> Answer:
    return await _start(call, "perf")


async def _start(call: Call, kind: Kind) -> Answer:
    wait_s = wanted_wait_s(call.request)
    body = await call.body()
    plan = await asyncio.to_thread(plan_of, kind, body, call.service.settings)
    return await _answer(call, call.service.jobs.submit(plan), wait_s)


async def _answer(call: Call, job: JobRow, wait_s: float) -> web.StreamResponse:
    """When the job is over, or 202 as soon as that is wanted."""
    service = call.service
    if wait_s > 0:
        job = await service.jobs.over(job.id, wait_s)
    if job.status not in OVER:
        location = {"Location": f"/api/v1/jobs/{job.id}"}
        applied = {"Preference-Applied": "respond-async"} if wait_s == 0 else {}
        return written(await asyncio.to_thread(job_detail, service, job), 202, location | applied)
    await service.runs.look(at_least_now=True)
    return written(await asyncio.to_thread(job_detail, service, job), 200)


async def resume(call: Call) -> Answer:
    """Queue a job again, with its secrets if they are lost."""
    body = await call.body(empty_is={})
    job = call.service.store.job(call.id)
    if job is None:
        raise Refused(404, f"there is no job {call.id[:200]!r}")
    again = {} if call.service.jobs.knows_secrets_of(job) and not body else given_again(job.needs, body)
    job = call.service.jobs.resume(job, again)
    return written(
        await asyncio.to_thread(job_detail, call.service, job), 202, {"Location": f"/api/v1/jobs/{job.id}"}
    )  # fmt: skip


def wanted_wait_s(request: web.Request) -> float:
    """By the Prefer header (RFC 7240): until the end, unless it says respond-async or wait=SECONDS."""
    preferences = ",".join(request.headers.getall("Prefer", [])).casefold()
    waits = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", preferences)
    if waits is not None:
        return min(float(waits[1]), LONGEST_WAIT_S)
    return 0.0 if re.search(r"(?:^|[,;\s])respond-async(?:$|[,;\s])", preferences) else LONGEST_WAIT_S
