"""Doors: the login, and what a browser is shown of what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from evalcore.service.endpoints import Call, Query
from evalcore.service.pages.rendering import link, page
from evalcore.service.problems import Refused

if TYPE_CHECKING:
    from evalcore.service.app import Service

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoginQuery(Query):
    next: str = Field(default="/", max_length=2000)


async def login(call: Call) -> web.StreamResponse:
    return page(call, "login.html", next=_of_ours(call.query.next))


def _of_ours(path: str) -> str:
    """A path of this service; an address of another site is none."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_path else "/"


def showing(service: Service) -> Any:
    """Middleware that shows to a browser as a page what the API tells as a problem."""

    @web.middleware
    async def show(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_page(request):
            return await handler(request)
        try:
            return await handler(request)
        except Refused as refused:
            if refused.status == HTTPStatus.UNAUTHORIZED:
                return web.Response(status=302, headers={"Location": link("/login", {"next": request.path_qs})})
            return _problem(service, request, refused.status, refused.detail)
        except web.HTTPNotFound:
            return _problem(service, request, 404, f"there is no page {request.path[:200]!r}")

    return show


def is_page(request: web.Request) -> bool:
    """Whether a browser wants to show the answer."""
    path = request.path
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in request.headers.get("Accept", "")
        and not path.startswith(("/api/", "/static/", "/health", "/metrics", "/openapi"))
    )


def _problem(service: Service, request: web.Request, status: int, detail: str) -> web.Response:
    call = Call(service, request, Query())
    return page(call, "problem.html", status=status, code=status, title=HTTPStatus(status).phrase, detail=detail)
