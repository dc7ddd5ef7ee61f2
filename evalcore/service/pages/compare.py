"""Compare: two runs of one kind, chosen here or in the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from markupsafe import Markup
from pydantic import Field

from evalcore.service import models
from evalcore.service.api import runs as api
from evalcore.service.endpoints import Call, Query
from evalcore.service.pages import bodies
from evalcore.service.pages.rendering import page, what
from evalcore.service.problems import Refused
from evalcore.service.store import RunRow
from perfbench.engine.errors import PerfbenchError

CHOICES = 200
FLIPS = 300
"""Shown; the API has them all."""


class ChosenQuery(Query):
    run: list[str] = Field(default=[], max_length=2)
    a: str | None = Field(default=None, max_length=300)
    b: str | None = Field(default=None, max_length=300)
    force: bool = False


async def compare(call: Call) -> web.StreamResponse:
    query: ChosenQuery = call.query
    chosen = [id for id in (query.a, query.b, *query.run) if id is not None]
    if len(chosen) < 2:
        return await _choose(call, chosen[0] if chosen else None)
    first, second = await call.service.runs.get(chosen[0]), await call.service.runs.get(chosen[1])
    if first.kind == second.kind == "perf":
        return await _perf(call, first, second, force=query.force)
    return await _evals(call, first, second)


async def _choose(call: Call, first: str | None) -> web.StreamResponse:
    row = None if first is None else await call.service.runs.get(first)
    wanted = api.RunsQuery(kind=None if row is None else row.kind, limit=CHOICES)
    found = await api.runs(Call(call.service, call.request, wanted))
    assert isinstance(found, models.Runs)
    return page(
        call,
        "choose.html",
        runs=found.runs,
        first=first,
        kinds={one.id: what(one.kind, one.form) for one in found.runs},
    )


async def _perf(call: Call, first: RunRow, second: RunRow, *, force: bool) -> web.StreamResponse:
    service = call.service
    stamp = f"{first.stamp} {second.path} {second.stamp} {force}"
    try:
        found = await bodies.read(
            call, first, load_tests, (first.id, second.id), service.runs.folder(second), force, stamp=stamp
        )
    except PerfbenchError as error:
        raise Refused(409, str(error).replace(f"{service.settings.outputs}/", "")) from None
    if found is None:
        return bodies.waiting(call, f"{first.id} against {second.id}")
    return page(
        call, "compare.html", a=first, b=second, body=Markup(found.markup), figures=Markup(found.figures), draws=True
    )


def load_tests(first: Path, names: tuple[str, str], second: Path, force: bool) -> bodies.Made:
    """Of one run against another. Runs in a reader. Raises PerfbenchError for what cannot be compared."""
    from perfbench.comparison.overlays import overlays
    from perfbench.comparison.pair import compare_paths
    from perfbench.comparison.show import said
    from perfbench.report.page import contents
    from perfbench.report.pages.compare import compare_page

    comparison = compare_paths(first, second, force=force)
    found = comparison.as_json()
    for side, name in zip(("first", "second"), names, strict=True):  # ids, and no folders of this machine
        found[side] = {**found[side], "name": name}
    drawn, told = contents(compare_page(found, said(comparison, None), overlays(first, second)))
    return bodies.Made("pages.html", drawn, {"page": told})


async def _evals(call: Call, first: RunRow, second: RunRow) -> web.StreamResponse:
    data = await api.compare(Call(call.service, call.request, api.CompareQuery(a=first.id, b=second.id)))
    assert isinstance(data, bytes)
    found = [_benchmark(one) for one in orjson.loads(data)["benchmarks"]]
    return page(call, "compare_evals.html", a=first, b=second, benchmarks=found)


def _benchmark(found: dict[str, Any]) -> dict[str, Any]:
    flips = found["flips"]
    return found | {
        "flips": flips[:FLIPS],
        "all_flips": len(flips),
        "ties": found["n"] - found["gained"] - found["lost"],
    }
