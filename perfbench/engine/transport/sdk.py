"""The sdk transport: the official openai client, built with the user's `model_args` passed straight through.

For those who want to measure what their application's own client sees. The encoded body goes out as it is and the raw
bytes of the reply are read as they arrive, so the same dialects apply and the SDK's own parsing is not in the figures.
Headers are the SDK's, then the endpoint's and the request's. `max_retries` is 0 unless `model_args` says otherwise.

How exact its instants are: `written_ns` is taken when the HTTP library begins to write the head, `first_byte_ns` when
it has parsed the whole head, reads are stamped when our task gets them; the SDK reads the body of a 4xx or 5xx itself,
so that has one stamp. A connection that dies inside the head looks to it like one that dies before. With an
`http_client` of the user's own that does not stand on httpcore there are no hooks: then `written_ns` is the instant at
which the SDK was called, no connection counts as reused, and none is tried again. `bytes_in` counts body bytes before
decompression.
"""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar
from typing import Any, cast

import httpx2
import openai

from perfbench.engine.dialect.urls import request_url
from perfbench.engine.errors import BadHttp, ConnectFault, Disconnected, ScenarioError, TimedOut, TransportFault
from perfbench.engine.request import Reply, Request
from perfbench.engine.transport.base import Endpoint
from perfbench.engine.transport.coding import inflater
from perfbench.engine.transport.faults import broken, causes, connect_fault
from perfbench.engine.transport.headers import authorization, extra_headers
from perfbench.engine.transport.targets import TargetsByPath

ADDRESSES = frozenset({"base_url", "provider", "data_residency"})  # model_args that say where to go
CREDENTIALS = frozenset({"api_key", "admin_api_key", "workload_identity", "provider"})
UNLIMITED = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
NO_POOL = httpx2.Limits(max_connections=None, max_keepalive_connections=0)


class SdkTransport:
    """One `AsyncOpenAI`; without an `http_client` in `model_args` it gets one that has no limit on connections."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        args = dict(endpoint.model_args)
        self._own_address = bool(ADDRESSES & args.keys())
        self._own_credentials = bool(CREDENTIALS & args.keys()) or any(
            name.lower() == "authorization" for name in args.get("default_headers") or ()
        )
        if not self._own_address:
            args["base_url"] = request_url(endpoint.urls[0], "")
        if not self._own_credentials:
            args["api_key"] = endpoint.api_key or "none"  # the SDK insists on one; `_headers` keeps this one back
        args.setdefault("max_retries", 0)
        args.setdefault("timeout", httpx2.Timeout(None, connect=endpoint.connect_timeout_s))
        self._fresh_http: httpx2.AsyncClient | None = None
        if args.get("http_client") is None:
            args["http_client"] = self._http_client(UNLIMITED)
            self._fresh_http = self._http_client(NO_POOL)  # for the second try after a dead connection
        self._targets = TargetsByPath(endpoint)
        try:
            self._client = AsyncOpenAI(**args)
        except (TypeError, ValueError, openai.OpenAIError) as error:
            raise ScenarioError(f"model_args do not fit openai {openai.__version__}: {error}") from None
        if self._client.base_url.scheme not in ("http", "https"):
            raise ScenarioError(f"model_args: base_url {str(self._client.base_url)!r} is not an http(s) address")
        self._fresh = self._client
        if self._fresh_http is not None:
            self._fresh = self._client.with_options(http_client=self._fresh_http)

    async def send(self, request: Request, reply: Reply) -> None:
        path = request.dialect.path
        if self._own_address:
            reply.url = f"{str(self._client.base_url).rstrip('/')}{path}"
            await self._twice(path, request, reply)
            return
        targets = self._targets.of(path)
        url = reply.url = targets.pick()
        try:
            await self._twice(url, request, reply)
        finally:
            targets.release(url)

    async def close(self) -> None:
        await self._client.close()
        if self._fresh_http is not None:
            await self._fresh_http.aclose()

    async def _twice(self, url: str, request: Request, reply: Reply) -> None:
        try:
            await self._exchange(self._client, url, request, reply)
        except Disconnected:
            if self._fresh is self._client or not reply.reused or reply.first_byte_ns is not None:
                raise
            reply.reconnects += 1
            reply.written_ns = None
            await self._exchange(self._fresh, url, request, reply)

    async def _exchange(self, client: AsyncOpenAI, url: str, request: Request, reply: Reply) -> None:
        watch = _Watch(reply)
        token = _WATCH.set(watch)
        response: httpx2.Response | None = None
        called_ns = time.perf_counter_ns()
        try:
            response = await _call(client, url, request, self._headers(request))
            if reply.written_ns is None:
                reply.written_ns = called_ns
            await _read(response, reply)
        except openai.APIStatusError as error:
            _take_whole(error.response, reply)
        except _library_errors() as error:
            raise _fault(error, reply, watch) from error
        finally:
            _WATCH.reset(token)
            if response is not None:
                await response.aclose()

    def _headers(self, request: Request) -> dict[str, str | openai.Omit]:
        headers: dict[str, str | openai.Omit] = {}
        if not self._own_credentials:
            headers |= authorization(self._endpoint, request)
            headers.setdefault("authorization", openai.Omit())
        return headers | extra_headers(self._endpoint, request)

    def _http_client(self, limits: httpx2.Limits) -> httpx2.AsyncClient:
        timeout = httpx2.Timeout(None, connect=self._endpoint.connect_timeout_s)
        return openai.DefaultAsyncHttpxClient(
            limits=limits, timeout=timeout, verify=self._endpoint.ssl_context(), trust_env=self._endpoint.trust_env
        )


class _Watch:
    """What the HTTP library's trace hooks tell about one exchange."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.connecting = False
        self.heard = False  # the hooks are there at all

    async def __call__(self, event: str, _: dict[str, Any]) -> None:
        self.heard = True
        if event.startswith("connection.connect_"):
            self.connecting = True
        elif event.endswith("send_request_headers.started"):
            self.reply.reused = not self.connecting
            self.connecting = False
            self.reply.written_ns = time.perf_counter_ns()


_WATCH: ContextVar[_Watch] = ContextVar("watch")


class AsyncOpenAI(openai.AsyncOpenAI):
    """Has the name of what it stands for, because the SDK puts the name of its class into User-Agent."""

    async def _prepare_request(self, request: httpx2.Request) -> None:
        """The SDK's own hook for changing a request; it has no argument for what we need."""
        await super()._prepare_request(request)
        request.extensions = {**request.extensions, "trace": _WATCH.get()}


async def _call(
    client: AsyncOpenAI, url: str, request: Request, headers: dict[str, str | openai.Omit]
) -> httpx2.Response:
    """The response with its body still to be read; the SDK gives it out when asked for a stream of that type."""
    cast_to: Any = httpx2.Response
    stream_cls: Any = openai.AsyncStream[object]
    if request.dialect.method == "GET":
        response = await client.get(
            url, cast_to=cast_to, options={"headers": headers}, stream=True, stream_cls=stream_cls
        )
    else:
        response = await client.post(
            url, cast_to=cast_to, content=request.body, options={"headers": headers}, stream=True, stream_cls=stream_cls
        )
    return cast(httpx2.Response, response)


async def _read(response: httpx2.Response, reply: Reply) -> None:
    now_ns = time.perf_counter_ns
    _take_head(response, reply)
    inflate = inflater(reply.header(b"content-encoding") or b"")
    async for data in response.aiter_raw():
        reply.last_byte_ns = now_ns()
        reply.bytes_in += len(data)
        if inflate is not None:
            data = inflate.decompress(data)
            if not data:
                continue
        reply.add(data, reply.last_byte_ns)
    if inflate is not None and not inflate.eof:
        raise BadHttp("bad_encoding", "the compressed body ends too early")
    reply.finished_ns = now_ns()


def _take_head(response: httpx2.Response, reply: Reply) -> None:
    reply.first_byte_ns = reply.last_byte_ns = time.perf_counter_ns()
    reply.url = str(response.url)
    reply.status = response.status_code
    reply.headers = [(name.lower(), value) for name, value in response.headers.raw]


def _take_whole(response: httpx2.Response, reply: Reply) -> None:
    """A reply whose body the SDK has read, because of its status."""
    _take_head(response, reply)
    now_ns = reply.last_byte_ns = time.perf_counter_ns()
    reply.bytes_in += response.num_bytes_downloaded
    if response.content:
        reply.add(response.content, now_ns)
    reply.finished_ns = now_ns


# -- errors ----------------------------------------------------------------------------------------------------------


def _library_errors() -> tuple[type[Exception], ...]:
    errors = (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError)
    older = sys.modules.get("httpx")  # the SDK also accepts a client of its predecessor, with errors of the same names
    return (*errors, older.HTTPError, older.StreamError, older.InvalidURL) if older is not None else errors


def _fault(error: Exception, reply: Reply, watch: _Watch) -> TransportFault:
    """The one place where errors of openai and its HTTP library become ours.

    The SDK's own classes say little: through some HTTP clients a refused connection is an `APITimeoutError`. The
    chain of causes decides.
    """
    chain = list(causes(error))
    names = {type(cause).__name__ for cause in chain}
    where = reply.url
    if names & {"ConnectError", "ConnectTimeout", "PoolTimeout"}:
        fault = connect_fault(error, where)
        if fault.kind == "connect_failed" and names & {"ConnectTimeout", "PoolTimeout"}:
            return TimedOut("timeout_connect", where)
        return fault
    if names & {"ReadTimeout", "WriteTimeout"}:
        return TimedOut("timeout_idle" if reply.first_byte_ns is not None else "timeout_first_byte", where)
    if "ProxyError" in names:
        return ConnectFault("connect_failed", f"{where}: {error}")
    if "DecodingError" in names:
        return BadHttp("bad_encoding", str(error))
    detail = next((str(cause) for cause in reversed(chain) if str(cause)), "")
    if "RemoteProtocolError" in names:
        if "without sending a response" in detail or "peer closed connection" in detail:
            return broken(error, reply)
        return BadHttp("bad_http", detail)
    if names & {"ReadError", "WriteError", "CloseError", "NetworkError"} or isinstance(error, OSError):
        return broken(error, reply)
    if watch.heard and not isinstance(error, openai.APIError):
        return BadHttp("bad_http", detail)
    return ConnectFault("connect_failed", f"{where}: {error}")
