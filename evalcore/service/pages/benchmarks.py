"""Benchmarks: what can be evaluated."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from evalcore.service import models
from evalcore.service.api import about as api
from evalcore.service.endpoints import Call, Query
from evalcore.service.pages.rendering import Chip, given, link, page


class BenchmarksQuery(Query):
    q: str | None = Field(default=None, max_length=200)
    tag: str | None = Field(default=None, max_length=100)


async def benchmarks(call: Call) -> web.StreamResponse:
    query: BenchmarksQuery = call.query
    found = await api.benchmarks(call)
    assert isinstance(found, models.Benchmarks)
    tags = sorted({tag for one in found.benchmarks for tag in one.tags})
    values, words = given(call), (query.q or "").casefold().split()
    rows = [
        one for one in found.benchmarks
        if query.tag in (None, *one.tags)
        and all(word in f"{one.name} {one.title} {' '.join(one.tags)}".casefold() for word in words)
    ]  # fmt: skip
    chips = [Chip("all", link("/benchmarks", values, tag=None), query.tag is None)]
    chips += [Chip(tag, link("/benchmarks", values, tag=tag), query.tag == tag) for tag in tags]
    return page(call, "benchmarks.html", rows=rows, chips=chips, query=query, total=len(found.benchmarks))
