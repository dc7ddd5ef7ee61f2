"""Runs: the list, one, its summary and report page, its samples and requests, and the comparison of two."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any, Literal

import orjson
from aiohttp import web
from pydantic import Field

from evalcore.service import reading
from evalcore.service.endpoints import Answer, Call, Query
from evalcore.service.folders import description_of, has, page_of, reports_of, summary_file
from evalcore.service.models import Deleted, Kind, RunDetail, Runs, RunSummary
from evalcore.service.problems import Refused
from evalcore.service.reading import Lacking
from evalcore.service.security import hashes_policy
from evalcore.service.store import RunRow
from evalcore.service.told import run_fields, run_of
from perfbench.engine.errors import PerfbenchError

_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_HASH = re.compile(r"'sha256-[A-Za-z0-9+/=]+'")


class Paged(Query):
    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=50, ge=1, le=500)
    descending: bool = False


class RunsQuery(Paged):
    kind: Kind | None = None
    status: Literal["finished", "unfinished"] | None = None
    q: str | None = Field(default=None, max_length=200, description="Words in id, name, model or target.")
    parent: str | None = Field(default=None, description="Those that belong to this run; else those that stand alone.")
    sort: Literal["started", "name", "model", "kind"] = "started"
    descending: bool = True


class SamplesQuery(Paged):
    benchmark: str | None = None
    subset: str | None = None
    category: str | None = None
    verdict: Literal["right", "partly", "wrong", "unscored"] | None = None
    fault: str | None = Field(default=None, description="Why it is unscored.")
    repeat: int | None = Field(default=None, ge=0, le=10**6)
    q: str | None = Field(
        default=None, max_length=200, description="Words anywhere in the review; case does not count."
    )
    sort: Literal["n", "value", "latency_ms", "output_tokens"] = "n"


class RequestsQuery(Paged):
    outcome: Literal["ok", "failed", "cancelled", "unsent"] | None = None
    error: str | None = Field(default=None, description="Kind of fault.")
    http_status: int | None = Field(default=None, ge=0, le=999)
    tag: str | None = Field(default=None, description="Part of a mix.")
    lane: str | None = Field(default=None, description="Of an eval: default, or a judge's.")
    warmup: bool | None = None
    ttft_ms_min: float | None = Field(default=None, allow_inf_nan=False, description="At least so long.")
    e2e_ms_min: float | None = Field(default=None, allow_inf_nan=False, description="At least so long.")
    sort: Literal["n", "start", "e2e_ms", "ttft_ms", "output_tokens", "input_tokens"] = "n"


class PointsQuery(Query):
    y: Literal["ttft_ms", "e2e_ms", "output_tokens", "input_tokens"] = "ttft_ms"
    most: int = Field(default=2000, ge=10, le=reading.MOST_POINTS)


class CompareQuery(Query):
    a: str = Field(min_length=1, max_length=300)
    b: str = Field(min_length=1, max_length=300)


async def runs(call: Call) -> Answer:
    query: RunsQuery = call.query
    service = call.service
    await service.runs.look()
    finished = None if query.status is None else query.status == "finished"
    total, rows = service.store.runs(
        parent=query.parent, kind=query.kind, finished=finished, q=query.q, sort=query.sort,
        descending=query.descending, offset=query.offset, limit=query.limit,
    )  # fmt: skip
    return Runs(total=total, offset=query.offset, runs=[run_of(service, row) for row in rows])


async def run(call: Call) -> Answer:
    row, folder = await _found(call)

    def told() -> RunDetail:
        return RunDetail(
            **run_fields(call.service, row), description=description_of(folder), children=children,
            has=has(folder, row.kind, row.form),  # type: ignore[arg-type]
        )  # fmt: skip

    children = call.service.store.count_children(row.id)
    return await asyncio.to_thread(told)


async def delete(call: Call) -> Answer:
    row, _ = await _found(call)
    if row.parent is not None:
        raise Refused(409, f"{row.id} belongs to {row.parent}; delete that")
    if call.service.jobs.writes_to(row.path):
        raise Refused(409, f"a job is writing into {row.id}; cancel it first")
    await call.service.runs.delete(row)
    return Deleted(id=row.id)


async def summary(call: Call) -> Answer:
    row, folder = await _found(call)
    found = await asyncio.to_thread(_summary, row, folder)
    if found is None:
        raise Refused(404, f"run {row.id} has no summary yet")
    return found


def _summary(row: RunRow, folder: Path) -> RunSummary | None:
    if row.kind == "eval":
        reports = reports_of(folder)
        return RunSummary(id=row.id, kind=row.kind, form=row.form, reports=reports) if reports else None
    try:
        summary = orjson.loads(summary_file(folder, row.form).read_bytes())
        return RunSummary(id=row.id, kind=row.kind, form=row.form, summary=summary)
    except (OSError, orjson.JSONDecodeError):
        return None


async def report(call: Call) -> Answer:
    """The page of the run, under a policy of its own: its scripts by their hashes, and no way to anything of ours."""
    row, folder = await _found(call)
    try:
        page = await asyncio.to_thread(page_of(folder, row.kind, row.form).read_bytes)
    except OSError:
        raise Refused(404, f"run {row.id} has no report page") from None
    own = _POLICY.search(page[:20_000].decode("utf-8", "replace"))
    hashes = [] if own is None else _HASH.findall(unescape(own[1]))
    return web.Response(
        body=page, content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": hashes_policy(hashes)}
    )  # fmt: skip


async def samples(call: Call) -> Answer:
    return await _read(call, "samples", call.query.model_dump())


async def sample(call: Call) -> Answer:
    return await _read(call, "sample", call.request.match_info["key"])


async def requests(call: Call) -> Answer:
    return await _read(call, "requests", call.query.model_dump())


async def one_request(call: Call) -> Answer:
    return await _read(call, "request", int(call.request.match_info["n"]))


async def points(call: Call) -> Answer:
    return await _read(call, "points", call.query.model_dump())


async def _read(call: Call, method: str, wanted: Any) -> bytes:
    _, folder = await _found(call)
    try:
        return await call.service.readers.page(method, folder, wanted)
    except Lacking as lacking:
        raise Refused(404, str(lacking)) from None
    except FileNotFoundError:
        raise Refused(404, "the run is no longer there") from None


async def compare(call: Call) -> Answer:
    """Two runs of one kind."""
    service, query = call.service, call.query
    a, b = await service.runs.get(query.a), await service.runs.get(query.b)
    if a.kind != b.kind:
        raise Refused(409, f"{a.id} is of kind {a.kind} and {b.id} of kind {b.kind}; compare two of one kind")
    try:
        return await service.readers.call(
            reading.compare, a.kind, service.runs.folder(a), service.runs.folder(b), (a.id, b.id)
        )
    except PerfbenchError as error:
        raise Refused(409, str(error).replace(f"{service.settings.outputs}/", "")) from None


async def _found(call: Call) -> tuple[RunRow, Path]:
    row = await call.service.runs.get(call.id)
    return row, call.service.runs.folder(row)
