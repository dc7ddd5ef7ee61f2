"""App: the service put together: its parts, its doors, its routes, and its life from start to end."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from evalcore.service import security
from evalcore.service.api.table import ENDPOINTS
from evalcore.service.endpoints import handled
from evalcore.service.jobs import Jobs
from evalcore.service.metrics import Answered
from evalcore.service.pages.table import add_pages
from evalcore.service.problems import Refused, answer
from evalcore.service.process import Commands, command_of, give_way
from evalcore.service.readers import Readers
from evalcore.service.runs import Runs
from evalcore.service.settings import Settings
from evalcore.service.store import Store
from perfbench.engine.errors import ScenarioError

log = logging.getLogger("evalcore.service")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEEPALIVE_S = 30.0
LINGERING_S = 1.0
"""After a refusal: how long more of the body is taken and thrown away, so that the client comes to read why."""
USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Of Linux: how long a client may leave what it was sent untaken before the kernel gives it up."""


class Service:
    """What handlers work with."""

    def __init__(self, settings: Settings, commands: Commands = command_of) -> None:
        self.settings = settings
        self.answered = Answered()
        self.closing = False
        self.unheard: set[Any] = set()
        """Connections that have not said yet what they want."""
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _hold(settings)
        shutil.rmtree(settings.state / "trash", ignore_errors=True)
        try:
            self.store = Store(settings.state / "service.sqlite")
        except ValueError as error:
            raise ScenarioError(str(error)) from None
        self.readers = Readers(settings.state / "index")
        self.jobs = Jobs(self.store, settings, commands)
        self.runs = Runs(self.store, settings, self.readers)

    async def open(self) -> None:
        await self.jobs.open()

    async def close(self) -> None:
        self.closing = True
        await self.jobs.close()
        self.readers.close()
        self.store.close()
        self._lock.close()

    def dress(self, response: web.StreamResponse) -> None:
        security.dress(response)


def _hold(settings: Settings) -> Any:
    """A lock of the kernel's: two services over the same outputs would each run the other's queue."""
    lock = (settings.state / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ScenarioError(
            f"--outputs {settings.outputs} is served already by another process; stop that, or name other outputs"
        ) from None
    return lock


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)


def make_app(service: Service) -> web.Application:
    """The application. Pages add their routes to it; the doors are before all of them."""
    app = web.Application(
        middlewares=[_telling(service), _guarding(service)], client_max_size=service.settings.max_body_bytes,
        handler_args={
            "keepalive_timeout": KEEPALIVE_S, "lingering_time": LINGERING_S, "max_line_size": 16_384,
            "max_field_size": 16_384,
        },
    )  # fmt: skip
    app[SERVICE] = service
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{n}", r"{n:\d{1,12}}")
        app.router.add_route(endpoint.method, path, handled(endpoint, service))
    add_pages(app, service)

    async def life(_: web.Application) -> AsyncIterator[None]:
        await service.open()
        yield
        await service.close()

    app.cleanup_ctx.append(life)
    return app


def _telling(service: Service) -> Any:
    """Turns what was refused, and what went wrong, into problems; dresses every answer."""

    @web.middleware
    async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
        service.unheard.discard(request.protocol)
        try:
            response = await handler(request)
        except Refused as refused:
            response = refused.answer()
        except web.HTTPRequestEntityTooLarge:
            most = service.settings.max_body_bytes
            response = answer(413, f"the body is larger than {most} bytes", headers={"Connection": "close"})
        except web.HTTPException as error:
            if error.status < 400:
                raise
            kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Location")}
            response = answer(error.status, _why(error, request), headers=kept)
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = answer(500, "a bug of the service; its log says more")
        if not response.prepared:
            security.dress(response)
        service.answered.add(request.method, response.status)
        return response

    return tell


def _why(error: web.HTTPException, request: web.Request) -> str:
    if error.status == 404:
        return f"there is nothing at {request.path[:200]!r}; /docs lists what there is"
    if isinstance(error, web.HTTPMethodNotAllowed):
        return f"{request.method} is not for {request.path[:200]!r}; {', '.join(sorted(error.allowed_methods))} is"
    return error.reason or ""


def _guarding(service: Service) -> Any:
    """The doors. Whoever does not pass them reaches no handler."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        settings = service.settings
        security.check_host(request.host, settings)
        security.check_origin(request.method, request.headers, request.scheme, request.host, settings)
        security.check_token(request, settings)
        length = request.content_length
        if length is not None and length > settings.max_body_bytes:
            raise web.HTTPRequestEntityTooLarge(settings.max_body_bytes, length)
        return await handler(request)

    return guard


class Server:
    """The application on a socket. Connections that do not say what they want in time are dropped."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        self._service = app[SERVICE]
        self._settings = self._service.settings
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Raises ScenarioError when the address cannot be bound."""
        settings = self._settings
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._protocol, settings.host, settings.port, backlog=512)
        except OSError as error:
            await self._runner.cleanup()
            raise ScenarioError(
                f"--host {settings.host} --port {settings.port} cannot be bound: {error.strerror}; take another port"
            ) from None
        for listening in self._server.sockets:
            if USER_TIMEOUT is not None:
                listening.setsockopt(socket.IPPROTO_TCP, USER_TIMEOUT, int(settings.body_timeout_s * 1000))
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        protocol = server()
        self._service.unheard.add(protocol)
        asyncio.get_running_loop().call_later(self._settings.body_timeout_s, self._drop_silent, protocol)
        return protocol

    def _drop_silent(self, protocol: Any) -> None:
        """A connection that has sent no whole head by now."""
        if protocol in self._service.unheard:
            self._service.unheard.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.abort()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    @property
    def address(self) -> str:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"http://{host}:{self.port}/"


async def serve(settings: Settings, commands: Commands = command_of) -> None:
    """Serve until the process is told to end."""
    service = Service(settings, commands)
    give_way()
    server = Server(make_app(service))
    await server.start()
    print(f"evalcore: serving {settings.outputs}; Ctrl-C ends it, and interrupts its jobs", file=sys.stderr, flush=True)
    print(server.address, flush=True)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    with contextlib.suppress(asyncio.CancelledError):
        await ending.wait()
    began_s = time.monotonic()
    print("evalcore: stopping; jobs that run are interrupted and keep what is finished", file=sys.stderr, flush=True)
    await server.stop()
    log.info("stopped after %.1f s", time.monotonic() - began_s)
