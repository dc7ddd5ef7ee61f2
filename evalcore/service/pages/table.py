"""The table of pages. A new one is a handler, a template and a line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from evalcore.service.api.jobs import JobsQuery
from evalcore.service.api.runs import RequestsQuery, SamplesQuery
from evalcore.service.endpoints import Call, Query, read_query
from evalcore.service.pages import benchmarks, bodies, compare, doors, evals, jobs, requests, runs, start, static

if TYPE_CHECKING:
    from evalcore.service.app import Service

Handler = Callable[[Call], Awaitable[web.StreamResponse]]
PAGES: tuple[tuple[str, Handler, type[Query]], ...] = (
    ("/", runs.index, runs.IndexQuery),
    ("/runs/{id}", runs.run, Query),
    ("/runs/{id}/samples", evals.samples, SamplesQuery),
    ("/runs/{id}/samples/{key}", evals.sample, Query),
    ("/runs/{id}/requests", requests.requests, RequestsQuery),
    ("/jobs", jobs.index, JobsQuery),
    ("/jobs/{id}", jobs.job, Query),
    ("/start", start.start, start.StartQuery),
    ("/compare", compare.compare, compare.ChosenQuery),
    ("/benchmarks", benchmarks.benchmarks, benchmarks.BenchmarksQuery),
    ("/login", doors.login, doors.LoginQuery),
    ("/static/{digest}/{name}", static.serve, Query),
)


def add_pages(app: web.Application, service: Service) -> None:
    """Give the application its pages, and turn what is refused to a browser into a page."""
    app[bodies.PENDING] = {}
    for path, handler, query in PAGES:
        app.router.add_get(path, _handled(handler, query, service))
    app.middlewares.insert(len(app.middlewares) - 1, doors.showing(service))  # before the doors, which refuse too


def _handled(
    handler: Handler, query: type[Query], service: Service
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        # A form sends its empty fields too, and an empty filter is none.
        filled = [(name, value) for name, value in request.query.items() if value]
        asked = request.clone(rel_url=request.rel_url.with_query(filled))
        return await handler(Call(service, asked, read_query(asked, query)))

    return handle
