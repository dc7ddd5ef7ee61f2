"""The server: routes, and the way of a request from its bytes to a reply.

    POST /v1/chat/completions, /v1/completions, /v1/responses, /v1/messages, /v1/embeddings,
         /v1/rerank (also /rerank, /v2/rerank)
    GET  /v1/models    GET /health
    GET  /log          the log of truth as CSV        GET /skill    how many questions were answered rightly
    GET  /metrics      how many run and wait, in Prometheus's format
    POST /reset        forgets both

Prompt tokens are an estimate: a quarter of the bytes of the request body, plus one. `serve` is how it runs; with
`create_app` in a runner of your own, pass `handler_cancellation=True`, or a client that leaves a stalled stream keeps
its slot.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import resource
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from perfbench.engine.errors import ScenarioError
from perfbench.simulator.ask import Api, Ask, BadAsk, read_ask
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.draws import Draws
from perfbench.simulator.metrics import metrics_text
from perfbench.simulator.options import Options
from perfbench.simulator.plan import FAULTS, REFUSALS, Break, Plan, Refusal, parse
from perfbench.simulator.reply import House, Reply, StreamedReply, WholeReply, Wire
from perfbench.simulator.saying import Said, Saying
from perfbench.simulator.shapes import SHAPES
from perfbench.simulator.shapes.base import Speech, Told
from perfbench.simulator.shapes.vectors import embeddings_body, rerank_body
from perfbench.simulator.skill import AnswerKey, Skill
from perfbench.simulator.slots import Slots
from perfbench.simulator.timetable import Timetable
from perfbench.simulator.truth import Row, TruthLog

ROUTES: dict[str, Api] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/embeddings": "embeddings",
    "/v1/rerank": "rerank",
    "/v2/rerank": "rerank",
    "/rerank": "rerank",
}
MOST_BODY_BYTES = 1 << 28
BACKLOG = 65_535  # connections that arrive in one burst; the kernel takes less if it must
GOODBYE_S = 0.2  # for replies in flight when the server is told to stop


def create_app(config: SimulatorConfig) -> web.Application:
    """The application; one per event loop. Raises ScenarioError when the answer key cannot be used."""
    return _Server(config).app


async def serve(config: SimulatorConfig, ready: Callable[[str], None]) -> None:
    """Listen until cancelled. `ready` is called with "http://HOST:PORT/v1" once requests are answered.

    Raises ScenarioError when the address cannot be had or the answer key cannot be used.
    """
    app = create_app(config)
    _allow_many_connections()
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=GOODBYE_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, config.host, config.port, backlog=BACKLOG).start()
        except OSError as error:
            raise ScenarioError(_why_not(config, error)) from None
        port = runner.addresses[0][1]
        host = f"[{config.host}]" if ":" in config.host else config.host
        ready(f"http://{host}:{port}/v1")
        await asyncio.Event().wait()  # until cancelled
    finally:
        await runner.cleanup()


class _Server:
    def __init__(self, config: SimulatorConfig) -> None:
        self._config, self._defaults = config, config.plan()
        self._log, self._slots, self._draws = TruthLog(), Slots(), Draws(config.seed)
        key = AnswerKey.load(config.answer_key) if config.answer_key is not None else None
        self._skill = Skill(key, config.seed, config.answer_format) if key is not None else None
        options = Options(key, self._skill) if key is not None and self._skill is not None else None
        self._saying = Saying(self._skill, options, config.likelihoods)
        self._house: House | None = None
        self._created_s = int(time.time())
        self.app = web.Application(client_max_size=MOST_BODY_BYTES)
        self.app.cleanup_ctx.append(self._open_house)
        for path, api in ROUTES.items():
            self.app.router.add_post(path, partial(self._generate, api))
        self.app.router.add_get("/v1/models", self._models)
        self.app.router.add_get("/health", self._health)
        self.app.router.add_get("/log", self._truth)
        self.app.router.add_get("/metrics", self._metrics)
        self.app.router.add_get("/skill", self._skilled)
        self.app.router.add_post("/reset", self._forget)
        self.app.router.add_route("*", "/{rest:.*}", self._lost)

    async def _open_house(self, _app: web.Application) -> AsyncIterator[None]:
        timetable = Timetable(asyncio.get_running_loop())
        self._house = House(self._slots, timetable, self._draws)
        yield
        timetable.close()

    async def _generate(self, api: Api, request: web.Request) -> web.StreamResponse:
        first_byte_ns = time.perf_counter_ns()
        body = await request.read()
        row = self._log.open(first_byte_ns, time.perf_counter_ns())
        if not self._may_enter(request):
            row.outcome = "401"
            return _refusal(api, 401, "bad key; give the one that the simulator was started with", "invalid_api_key")
        try:
            ask = read_ask(api, body)
            plan = parse(ask.model, self._defaults)
            self._check_skill(plan)
        except ScenarioError as error:
            row.outcome = "400"
            return _refusal(api, 400, str(error))
        row.stream = int(ask.stream)
        fault = _draw_fault(plan, self._draws.uniform(), stream=ask.stream)
        if fault == "e429":
            row.outcome = "429"
            return _refusal(api, 429, "slow down", "rate_limit_exceeded", headers={"Retry-After": "1"})
        if fault == "e500":
            row.outcome = "500"
            return _refusal(api, 500, "boom")
        if request.transport is None:
            row.outcome = "client_gone"
            raise ConnectionResetError("the client left before its request was answered")
        if ask.stream and request.version < (1, 1):
            row.outcome = "400"
            return _refusal(api, 400, "a stream needs HTTP/1.1; ask for it, or set stream to false")
        wire = Wire(request.transport, request.keep_alive)
        plan = plan.served(self._slots.active)
        reply = self._reply(ask, plan, row, wire, prompt_tokens=len(body) // 4 + 1, fault=fault)
        self._slots.enter(reply, plan.slots)
        try:
            await reply.over
        except asyncio.CancelledError:  # the connection was lost
            reply.abandon()
            raise
        return _Written(keep_alive=wire.keep_alive)

    def _reply(self, ask: Ask, plan: Plan, row: Row, wire: Wire, *, prompt_tokens: int, fault: Break | None) -> Reply:
        assert self._house is not None, "requests come after start-up"
        house, say_usage = self._house, not plan.nousage
        if ask.api == "embeddings":
            body = partial(embeddings_body, ask, prompt_tokens, say_usage=say_usage)
            return WholeReply(house, wire, row, plan, body=body, tokens=0, gaps=0)
        if ask.api == "rerank":
            body = partial(rerank_body, ask, row.number, prompt_tokens, say_usage=say_usage)
            return WholeReply(house, wire, row, plan, body=body, tokens=0, gaps=0)
        choices = self._saying.say(ask, plan)
        scripts = tuple(choice.script for choice in choices)
        # Chat and completions are told of usage in a stream only on request; the others always tell.
        asked_for = ask.include_usage or not ask.stream or ask.api in ("responses", "messages")
        speech = Speech(
            number=row.number, model=ask.model, created_s=self._created_s, scripts=scripts, prompt_tokens=prompt_tokens,
            say_usage=say_usage and asked_for, role_first=bool(plan.role),
            told=tuple(choice.told or Told() for choice in choices) if any(choice.told for choice in choices) else (),
        )  # fmt: skip
        shape = SHAPES[ask.api](speech)
        on_ok = partial(self._count, choices) if plan.skill is not None else None
        if ask.stream:
            return StreamedReply(house, wire, row, plan, on_ok, shape=shape, scripts=scripts, fault=fault)
        longest = max(script.length for script in scripts)
        return WholeReply(
            house, wire, row, plan, on_ok, body=shape.whole, tokens=speech.output_tokens, gaps=longest - 1
        )

    def _count(self, choices: list[Said]) -> None:
        assert self._skill is not None, "refused before"
        for choice in choices:
            scored = choice.told is not None and bool(choice.told.prompt)
            if not scored:
                self._skill.count(choice.verdict, cut=choice.script.cut)
            elif choice.verdict.item is not None:
                self._skill.count(choice.verdict, cut=False)  # its one word is no answer

    def _check_skill(self, plan: Plan) -> None:
        if plan.skill is not None and self._skill is None:
            raise BadAsk(f"skill={plan.skill:g} needs an answer key; start the simulator with one")

    def _may_enter(self, request: web.Request) -> bool:
        key = self._config.api_key
        if key is None:
            return True
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        return hmac.compare_digest(given.strip().encode(), key.encode())

    async def _models(self, request: web.Request) -> web.Response:
        if not self._may_enter(request):
            return _refusal("chat", 401, "bad key; give the one that the simulator was started with", "invalid_api_key")
        listed = [
            {"id": name, "object": "model", "created": self._created_s, "owned_by": "perfbench"}
            for name in self._config.models
        ]
        return _json(200, {"object": "list", "data": listed})

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _truth(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._log.csv(), content_type="text/csv")

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=metrics_text(self._slots, self._log), content_type="text/plain")

    async def _skilled(self, _request: web.Request) -> web.Response:
        if self._skill is None:
            return _refusal("chat", 404, "this simulator has no answer key; start it with one")
        return _json(200, self._skill.truth())

    async def _forget(self, _request: web.Request) -> web.Response:
        self._log.forget()
        if self._skill is not None:
            self._skill.forget()
        return web.Response(text="ok")

    async def _lost(self, request: web.Request) -> web.Response:
        shown = ("/v1/models", "/health", "/log", "/metrics")
        known = ", ".join([*(f"POST {path}" for path in ROUTES), *(f"GET {path}" for path in shown)])
        return _refusal("chat", 404, f"no such route: {request.method} {request.path}; there are {known}")


class _Written(web.StreamResponse):
    """Stands for a reply that is already on the wire: aiohttp only has to decide what becomes of the connection."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._kept = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._kept

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        pass


def _draw_fault(plan: Plan, draw: float, *, stream: bool) -> Refusal | Break | None:
    """The fault of one request: a key of the plan, or None. One draw decides among all of them, as in truthd."""
    for kind in FAULTS if stream else REFUSALS:
        draw -= getattr(plan, kind)
        if draw < 0:
            return kind
    return None


def _refusal(
    api: Api, status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 500: "server_error"}
    error = {"message": message, "type": kind.get(status, "invalid_request_error")}
    if api == "messages":
        error["type"] = {500: "api_error"}.get(status, error["type"])
        return _json(status, {"type": "error", "error": error}, headers)
    return _json(status, {"error": {**error, "param": None, "code": code}}, headers)


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)


def _why_not(config: SimulatorConfig, error: OSError) -> str:
    where = f"the simulator cannot listen on {config.host} port {config.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: something else does; choose another port, or 0 for any free one"
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need privileges; choose a higher one"
    return f"{where}: {error.strerror or error}; is {config.host!r} an address of this machine?"


def _allow_many_connections() -> None:
    """The soft limit of open files is often 1024; thousands of streams are this server's business."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
