"""Jobs: the list, one, its end, its events and its log."""

from __future__ import annotations

import asyncio

from pydantic import Field

from evalcore.service import events
from evalcore.service.endpoints import Answer, Call, Query, written
from evalcore.service.models import Jobs, Kind, Status
from evalcore.service.problems import Refused
from evalcore.service.store import JobRow
from evalcore.service.told import job_detail, job_of


class JobsQuery(Query):
    status: list[Status] = Field(default=[], description="Only of these.")
    kind: Kind | None = None
    q: str | None = Field(default=None, max_length=200, description="Words in name, model, target or id.")
    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=50, ge=1, le=500)


class LogQuery(Query):
    follow: bool = Field(default=False, description="Go on until the job is over.")
    offset: int = Field(default=0, ge=0, le=2**40, description="Begin at this byte.")


class EventsQuery(Query):
    after: int = Field(
        default=0, ge=0, le=2**40, description="Begin after the event with this id; Last-Event-ID says the same."
    )


async def jobs(call: Call) -> Answer:
    query: JobsQuery = call.query
    total, rows = call.service.store.jobs(
        status=query.status, kind=query.kind, q=query.q, offset=query.offset, limit=query.limit
    )
    return Jobs(total=total, offset=query.offset, jobs=[job_of(call.service, row) for row in rows])


async def job(call: Call) -> Answer:
    return await asyncio.to_thread(job_detail, call.service, found(call))


async def cancel(call: Call) -> Answer:
    """Told to stop: 202 while it is stopping. One that is over stays as it is."""
    row = call.service.jobs.cancel(found(call))
    return written(await asyncio.to_thread(job_detail, call.service, row), 202 if row.status == "running" else 200)


async def follow(call: Call) -> Answer:
    return await events.stream(call, found(call), call.query.after)


async def log(call: Call) -> Answer:
    return await events.log(call, found(call), call.query.offset, follow=call.query.follow)


def found(call: Call) -> JobRow:
    """The job of the address. Raises Refused."""
    row = call.service.store.job(call.id)
    if row is None:
        raise Refused(404, f"there is no job {call.id[:200]!r}")
    return row
