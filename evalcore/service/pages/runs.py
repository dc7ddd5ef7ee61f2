"""Runs: the list, and the page of one run of either kind."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import Field

from evalcore.report.facts import score as score_text
from evalcore.service import models
from evalcore.service.api import runs as api
from evalcore.service.endpoints import Call, Query
from evalcore.service.pages import bodies, evals
from evalcore.service.pages.rendering import Pager, given, heads, page, what
from perfbench.report.text import number

PER_PAGE = 50
UNNAMED = ("", "run", "series", "sweep", "search", "plan")
"""Names of runs that were given none."""
COLUMNS = {
    "run": "name", "what": "kind", "model": "model", "figures": None, "state": None, "started": "started",
}  # fmt: skip


class IndexQuery(Query):
    q: str | None = Field(default=None, max_length=200)
    kind: models.Kind | None = None
    status: Literal["finished", "unfinished"] | None = None
    sort: Literal["started", "name", "model", "kind"] = "started"
    descending: bool = True
    offset: int = Field(default=0, ge=0, le=10**9)


async def index(call: Call) -> web.StreamResponse:
    query: IndexQuery = call.query
    wanted = api.RunsQuery(
        q=query.q, kind=query.kind, status=query.status, sort=query.sort, descending=query.descending,
        offset=query.offset, limit=PER_PAGE,
    )  # fmt: skip
    found = await api.runs(Call(call.service, call.request, wanted))
    assert isinstance(found, models.Runs)
    values = given(call)
    return page(
        call, "runs.html", rows=[_row(run) for run in found.runs],
        page=Pager(found.total, query.offset, PER_PAGE, "/", values), query=query,
        filtered=any((query.q, query.kind, query.status)),
        heads=heads(COLUMNS, "/", values, query.sort, descending=query.descending),
    )  # fmt: skip


def _row(run: models.Run) -> dict[str, object]:
    return {
        "id": run.id, "kind": run.kind, "title": run.id if run.name in UNNAMED else run.name,
        "what": what(run.kind, run.form), "model": run.model,
        "target": run.target, "status": run.status, "verdict": run.verdict, "started_at": run.started_at,
        "told": told(run),
    }  # fmt: skip


def told(run: models.Run) -> list[str]:
    """The figures of a run in a few short lines."""
    lines = [f"{one.benchmark} {_score(one)}" for one in run.scores[:3]]
    lines += [f"and {len(run.scores) - 3} more"] if len(run.scores) > 3 else []
    found = run.figures
    if (rate := found.get("requests_per_s")) is not None:
        lines.append(f"{number(rate)} req/s")
    for name in ("ttft", "e2e"):
        p50, p99 = found.get(f"p50_{name}_ms"), found.get(f"p99_{name}_ms")
        if p50 is not None:
            tail = "" if p99 is None else f", p99 {number(p99)}"
            lines.append(f"{name.upper()} p50 {number(p50)}{tail} ms")
            break
    if found.get("failed"):
        lines.append(f"{number(found['failed'] or 0)} failed")
    return lines


def _score(one: models.Score) -> str:
    """With its interval, as half of its width."""
    if one.score is None:
        return "no score"
    shares = 0 <= one.score <= 1
    if one.low is None or one.high is None:
        return score_text(one.score, shares)
    half = (one.high - one.low) / 2
    return f"{score_text(one.score, shares)} ± {100 * half if shares else half:.2f}"


async def run(call: Call) -> web.StreamResponse:
    """The page of a run: what it says depends on what it is."""
    await call.service.runs.look()  # a body is kept for as long as its run's folder does not change
    found = await api.run(call)
    assert isinstance(found, models.RunDetail)
    if found.kind == "eval":
        return await evals.run(call, found)
    return await bodies.perf(call, found)
