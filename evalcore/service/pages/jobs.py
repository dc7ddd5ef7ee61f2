"""Jobs: the list, and one of them, live."""

from __future__ import annotations

import asyncio

import yaml
from aiohttp import web

from evalcore.service import models
from evalcore.service.api import jobs as api
from evalcore.service.endpoints import Call
from evalcore.service.pages.rendering import Chip, Pager, given, link, page, what

PER_PAGE = 50
STATES: tuple[models.Status, ...] = ("running", "queued", "done", "failed", "cancelled", "interrupted")


async def index(call: Call) -> web.StreamResponse:
    query = call.query.model_copy(update={"limit": PER_PAGE})
    found = await api.jobs(Call(call.service, call.request, query))
    assert isinstance(found, models.Jobs)
    values, counts = given(call), call.service.store.counts()
    chosen = ", ".join(query.status)
    states = [Chip("all", link("/jobs", values, status=None), not chosen, sum(counts.values()))]
    states += [
        Chip(name, link("/jobs", values, status=name), chosen == name, counts[name])
        for name in STATES if counts.get(name)
    ]  # fmt: skip
    return page(
        call, "jobs.html", states=states, chosen=chosen, rows=[_row(job) for job in found.jobs],
        page=Pager(found.total, found.offset, PER_PAGE, "/jobs", values),
    )  # fmt: skip


def _row(job: models.Job) -> dict[str, object]:
    progress = job.progress if job.status == "running" else None
    return {
        "id": job.id, "name": job.name, "what": what(job.kind, job.form), "model": job.model,
        "word": "stopping" if job.stopping else job.status, "stoppable": job.status in ("queued", "running"),
        "error": (job.error or "").splitlines()[0][:200] if job.error else "", "created_at": job.created_at,
        "fraction": None if progress is None else progress.fraction,
        "done": "" if progress is None or progress.planned is None else f"{progress.done} of {progress.planned}",
    }  # fmt: skip


async def job(call: Call) -> web.StreamResponse:
    found = await api.job(call)
    assert isinstance(found, models.JobDetail)
    text = await asyncio.to_thread(_described, found)
    return page(
        call, "job.html", job=found, what=what(found.kind, found.form), described=text, draws=True, live=True,
        over=found.status in models.OVER, resumable=found.status in models.RESUMABLE,
    )  # fmt: skip


def _described(job: models.JobDetail) -> str:
    given = {name: value for name, value in job.description.items() if value not in (None, [], {})}
    return yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=100)
