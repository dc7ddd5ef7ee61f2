"""Requests: those of a run, filtered and in the order of what one looks for."""

from __future__ import annotations

import orjson
from aiohttp import web

from evalcore.service.api import runs as api
from evalcore.service.endpoints import Call
from evalcore.service.models import RunDetail
from evalcore.service.pages.rendering import Chip, Pager, given, heads, link, page, what

PER_PAGE = 50
COLUMNS = {
    "n": "n", "at, s": "start", "outcome": None, "TTFT, ms": "ttft_ms", "E2E, ms": "e2e_ms", "in": "input_tokens",
    "out": "output_tokens", "what went wrong": None,
}  # fmt: skip
NUMBERS = frozenset(
    {"n", "at, s", "TTFT, ms", "E2E, ms", "in", "out", "ttft_ms", "e2e_ms", "input_tokens", "output_tokens"}
)
"""Texts of columns that are figures, and names whose largest come first."""


async def requests(call: Call) -> web.StreamResponse:
    wanted = call.query.model_copy(update={"limit": PER_PAGE})
    found = await api.run(call)
    assert isinstance(found, RunDetail)
    data = await api.requests(Call(call.service, call.request, wanted))
    assert isinstance(data, bytes)
    told = orjson.loads(data)
    path, values = f"/runs/{found.id}/requests", given(call)
    counts = {name: count for name, count in told["counts"].items() if count}
    chips = [Chip("all", link(path, values, outcome=None), wanted.outcome is None, sum(counts.values()))]
    chips += [
        Chip(name, link(path, values, outcome=name), wanted.outcome == name, count) for name, count in counts.items()
    ]
    return page(
        call, "requests.html", run=found, what=what(found.kind, found.form), chips=chips, query=wanted,
        page=Pager(told["total"], told["offset"], PER_PAGE, path, values), rows=told["requests"],
        heads=heads(COLUMNS, path, values, wanted.sort, descending=wanted.descending, numbers=NUMBERS),
    )  # fmt: skip
