"""The aiohttp transport: for proxies, redirects and servers whose HTTP is odd. Costs some ten times the wire transport.

How exact its instants are: `written_ns` is taken when aiohttp hands the first bytes to its socket (a trace hook just
before the write); `first_byte_ns` when the whole head of the reply has been read and parsed, as aiohttp tells nobody
earlier; reads are stamped when our task wakes up, so several reads of the socket may share one. `bytes_in` counts body
bytes before decompression, without heads and chunk framing.
"""

from __future__ import annotations

import ssl
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
from aiohttp import http_exceptions
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from perfbench.engine.errors import BadHttp, ConnectFault, Disconnected, ScenarioError, TimedOut, TransportFault
from perfbench.engine.request import Reply, Request
from perfbench.engine.transport.base import Endpoint
from perfbench.engine.transport.coding import inflater
from perfbench.engine.transport.faults import broken, connect_fault
from perfbench.engine.transport.headers import request_headers
from perfbench.engine.transport.targets import TargetsByPath

MAX_LINE_BYTES = 64 * 1024  # of the status line and of each header; aiohttp's own limit of 128 headers stays


class AiohttpTransport:
    """One session, no limit on connections; redirects are followed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._targets = TargetsByPath(endpoint)
        self._tls: ssl.SSLContext | None = None
        self._session = self._open(force_close=False)
        self._fresh = self._open(force_close=True)  # never reuses: for the second try after a dead connection

    async def send(self, request: Request, reply: Reply) -> None:
        targets = self._targets.of(request.dialect.path)
        url = reply.url = targets.pick()
        try:
            headers = request_headers(self._endpoint, request)
            try:
                await self._exchange(self._session, url, headers, request, reply)
            except Disconnected as fault:
                # aiohttp repeats idempotent methods only. Its report of a cut head arrives as "truncated".
                if not reply.reused or reply.first_byte_ns is not None or fault.kind == "truncated":
                    raise
                reply.reconnects += 1
                reply.written_ns = None
                headers.setdefault("connection", "keep-alive")  # or aiohttp would say "close" there
                await self._exchange(self._fresh, url, headers, request, reply)
        finally:
            targets.release(url)

    async def close(self) -> None:
        await self._session.close()
        await self._fresh.close()

    def _open(self, *, force_close: bool) -> aiohttp.ClientSession:
        if self._tls is None and any(url.startswith("https:") for url in self._endpoint.urls):
            self._tls = self._endpoint.ssl_context()
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_start.append(_on_fresh)
        trace.on_connection_reuseconn.append(_on_reused)
        trace.on_request_headers_sent.append(_on_write)
        trace.on_request_chunk_sent.append(_on_body)
        return aiohttp.ClientSession(
            connector=_Connector(
                limit=0, limit_per_host=0, force_close=force_close, ssl=self._tls if self._tls is not None else True
            ),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._endpoint.connect_timeout_s, ceil_threshold=1e9),
            auto_decompress=False,  # done here, so that a bad body has our name for it
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=self._endpoint.trust_env,
            trace_configs=[trace],
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )

    async def _exchange(
        self, session: aiohttp.ClientSession, url: str, headers: dict[str, str], request: Request, reply: Reply
    ) -> None:
        method = request.dialect.method
        response: aiohttp.ClientResponse | None = None
        try:
            response = await session.request(
                method, url, data=request.body if method != "GET" else None, headers=headers, trace_request_ctx=reply
            )
            await _read(response, reply)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _fault(error, url, reply, self._endpoint) from error
        finally:
            if response is not None:
                response.close()  # nothing happens to a connection that has gone back to the pool


class _Connector(aiohttp.TCPConnector):
    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """A connection on which nothing came unasked: aiohttp's own pool would take that for the next reply."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()


async def _read(response: aiohttp.ClientResponse, reply: Reply) -> None:
    now_ns = time.perf_counter_ns
    reply.first_byte_ns = reply.last_byte_ns = now_ns()
    reply.url = str(response.url)
    reply.status = response.status
    reply.headers = [(name.lower(), value) for name, value in response.raw_headers]
    inflate = inflater(reply.header(b"content-encoding") or b"")
    protocol = response.connection.protocol if response.connection is not None else None
    try:
        async for data in response.content.iter_any():
            reply.last_byte_ns = now_ns()
            reply.bytes_in += len(data)
            if inflate is not None:
                data = inflate.decompress(data)
                if not data:
                    continue
            reply.add(data, reply.last_byte_ns)
    except aiohttp.ClientPayloadError:
        _raise_reset(protocol)
        raise
    if reply.header(b"content-length") is None and reply.header(b"transfer-encoding") is None:
        _raise_reset(protocol)  # where only the close ends a body, aiohttp takes a reset for one
    if inflate is not None and not inflate.eof:
        raise BadHttp("bad_encoding", "the compressed body ends too early")
    reply.finished_ns = now_ns()


def _raise_reset(protocol: ResponseHandler | None) -> None:
    """Raise what broke the connection, if it was more than a close: aiohttp leaves it out of what it raises itself."""
    lost = protocol.exception() if protocol is not None else None
    if isinstance(lost, OSError):
        raise lost


# -- trace hooks; what they get is the reply -------------------------------------------------------------------------


async def _on_fresh(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.reused = False


async def _on_reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    context.trace_request_ctx.reused = True


async def _on_write(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    if context.trace_request_ctx.written_ns is None:  # a redirect writes again
        context.trace_request_ctx.written_ns = time.perf_counter_ns()
        context.body = False


async def _on_body(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
    if not context.body:  # the head is held back until the first piece of the body goes out
        context.body = True
        context.trace_request_ctx.written_ns = time.perf_counter_ns()


# -- errors ----------------------------------------------------------------------------------------------------------


def _fault(error: Exception, url: str, reply: Reply, endpoint: Endpoint) -> TransportFault | ScenarioError:
    """The one place where errors of aiohttp become ours."""
    where = urlsplit(url).netloc.rpartition("@")[2]
    match error:
        case aiohttp.ClientConnectorError():
            return connect_fault(error, where)
        case aiohttp.ServerFingerprintMismatch():
            return ConnectFault("tls", f"{where}: {error}")
        case aiohttp.SocketTimeoutError():
            return TimedOut("timeout_idle" if reply.first_byte_ns is not None else "timeout_first_byte", str(error))
        case TimeoutError() if reply.written_ns is None:
            return TimedOut("timeout_connect", f"{where}, after {endpoint.connect_timeout_s:g} s")
        case aiohttp.ServerDisconnectedError(message=message) if not isinstance(message, str):
            return Disconnected("truncated", "in the middle of the head")
        case aiohttp.ClientPayloadError():
            if isinstance(error.__cause__, http_exceptions.ContentLengthError) or "Not enough data" in str(error):
                return broken(error, reply)
            return BadHttp("bad_http", str(error))
        case aiohttp.ClientConnectionError():
            return broken(error, reply)
        case aiohttp.ClientHttpProxyError():
            return ConnectFault("connect_failed", f"the proxy answered {error.status} {error.message}")
        case aiohttp.InvalidURL() if not isinstance(error, aiohttp.RedirectClientError):
            return ScenarioError(f"url {where!r}: {error}")
        case aiohttp.ClientError():
            return BadHttp("bad_http", str(error))
        case ssl.SSLError():
            return broken(error, reply) if reply.written_ns is not None else connect_fault(error, where)
        case OSError():
            return broken(error, reply)
        case _:
            return ScenarioError(f"url {where!r}: {error}")
