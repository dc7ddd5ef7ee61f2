"""About: health, what there is to be run, what keys mean, the description of the API itself, metrics, and the login."""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import Literal

from aiohttp import web

from evalcore.service import docs, metrics, openapi
from evalcore.service.endpoints import Answer, Call, Query, written
from evalcore.service.models import Benchmark, Benchmarks, Health, LoggedIn
from evalcore.service.problems import Refused
from evalcore.service.schema import params, table
from evalcore.service.security import COOKIE, COOKIE_AGE_S, is_known, is_token, new_session
from perfbench import __version__

WRONG_TOKEN_PAUSE_S = 1.0
"""Before a wrong token is answered: guesses over a network are slow enough anyway, and slower so."""


class ParamsQuery(Query):
    format: Literal["schema", "table"] = "schema"


async def health(call: Call) -> Answer:
    token = call.service.settings.token
    if token is not None and not is_known(call.request, token):
        return Health()
    counts = call.service.store.counts()
    return Health(version=__version__, running=counts.get("running", 0), queued=counts.get("queued", 0))


async def eval_params(call: Call) -> Answer:
    return await _params(call, "eval")


async def perf_params(call: Call) -> Answer:
    return await _params(call, "perf")


async def _params(call: Call, kind: Literal["eval", "perf"]) -> Answer:
    schema = await asyncio.to_thread(params, kind)
    return web.Response(text=table(schema)) if call.query.format == "table" else web.json_response(schema)


async def benchmarks(call: Call) -> Answer:
    return await asyncio.to_thread(_benchmarks)


@cache
def _benchmarks() -> Benchmarks:
    from evalcore.benchmarks.table import BENCHMARKS, benchmark

    found = {name: benchmark(name) for name in BENCHMARKS}
    return Benchmarks(
        benchmarks=[
            Benchmark(
                name=name, title=one.info.title, items=one.info.items, subsets=list(one.subsets),
                few_shot=one.few_shot, metrics=list(one.protocols), tags=list(one.info.tags), paper=one.info.paper,
                licence=one.info.licence,
            ) for name, one in found.items()
        ]
    )  # fmt: skip


async def description(call: Call) -> Answer:
    from evalcore.service.api.table import ENDPOINTS

    return web.json_response(await asyncio.to_thread(openapi.described, ENDPOINTS))


async def documentation(call: Call) -> Answer:
    from evalcore.service.api.table import ENDPOINTS

    text = await asyncio.to_thread(docs.page, ENDPOINTS)
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": docs.POLICY})


async def exposition(call: Call) -> Answer:
    return web.Response(text=metrics.text(call.service), headers={"Content-Type": metrics.CONTENT_TYPE})


async def login(call: Call) -> Answer:
    """A token for a cookie."""
    given, token = (await call.body()).get("token"), call.service.settings.token
    if token is None:
        return LoggedIn()
    if not isinstance(given, str) or not is_token(given, token):
        await asyncio.sleep(WRONG_TOKEN_PAUSE_S)
        raise Refused(401, "that is not the token", headers={"WWW-Authenticate": "Bearer"})
    response = written(LoggedIn())
    response.set_cookie(
        COOKIE, new_session(token, time.time()), max_age=COOKIE_AGE_S, httponly=True, samesite="Strict", path="/",
        secure=call.request.secure,
    )  # fmt: skip
    return response


async def logout(call: Call) -> Answer:
    response = written(LoggedIn())
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
    return response
