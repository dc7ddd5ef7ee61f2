"""The wire transport: one small protocol class over httptools on the event loop, and its own keep-alive pool.

This is the hot path of the house. Per read of a socket it stamps the clock once, lets llhttp find the body bytes, and
appends them; nothing is decoded, no task is woken until the reply is whole. Requests on plain TCP are written by a
system call at the stamped instant, because an event loop's own `write` may wait for the end of its turn. What must
stay true: one request at a time per connection, a connection whose reply was not cleanly read to its end is never
reused, and nothing but a `TransportFault` (or a cancellation) leaves `send`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import httptools

from perfbench.engine.errors import BadHttp, Disconnected, TimedOut, TransportFault
from perfbench.engine.request import Reply, Request
from perfbench.engine.transport.base import Endpoint
from perfbench.engine.transport.coding import Inflate, inflater
from perfbench.engine.transport.faults import connect_fault
from perfbench.engine.transport.headers import request_headers
from perfbench.engine.transport.targets import TargetsByPath

MAX_HEAD_BYTES = 256 * 1024  # status line and headers of one reply; nginx's limit for a whole head is 32 KiB
_now_ns: Callable[[], int] = time.perf_counter_ns


class WireTransport:
    """HTTP/1.1 over plain TCP or TLS, without proxies and redirects."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._origins: dict[tuple[str, str, int], _Origin] = {}
        self._targets = TargetsByPath(endpoint)
        self._heads: dict[tuple[str, str, tuple[tuple[str, str], ...]], tuple[_Origin, bytes]] = {}
        self._tls: ssl.SSLContext | None = None
        self._closed = False

    async def send(self, request: Request, reply: Reply) -> None:
        path = request.dialect.path
        targets = self._targets.of(path)
        url = reply.url = targets.pick()
        connection: _Connection | None = None
        try:
            origin, head = self._heads.get((url, path, request.headers)) or self._head(url, request)
            connection = origin.take()
            reply.reused = connection is not None
            if connection is None:
                connection = await self._connect(origin)
            try:
                await connection.begin(reply, head, request.body)
            except Disconnected:
                # Servers close idle connections whenever they like; such a death says nothing about the request.
                if not reply.reused or reply.first_byte_ns is not None:
                    raise
                reply.reconnects += 1
                reply.reused = False
                reply.written_ns = None
                connection = await self._connect(origin)
                await connection.begin(reply, head, request.body)
        except asyncio.CancelledError:
            if connection is not None:
                connection.give_up(reply)
            raise
        finally:
            targets.release(url)

    def _head(self, url: str, request: Request) -> tuple[_Origin, bytes]:
        """The origin of that URL, and everything before the value of Content-Length, encoded once."""
        key = (url, request.dialect.path, request.headers)
        found = self._heads.get(key)
        if found is None:
            parts = urlsplit(url)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            headers = {"host": parts.netloc.rpartition("@")[2]} | request_headers(self._endpoint, request)
            lines = [f"{request.dialect.method} {path} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            head = "\r\n".join([*lines, "content-length: "]).encode("latin-1")
            found = self._heads[key] = (self._origin(parts), head)
        return found

    def _origin(self, parts: SplitResult) -> _Origin:
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        key = (parts.scheme, host, port)
        if key not in self._origins:
            if parts.scheme == "https" and self._tls is None:
                self._tls = self._endpoint.ssl_context()
            self._origins[key] = _Origin(host, port, self._tls if parts.scheme == "https" else None)
        return self._origins[key]

    async def _connect(self, origin: _Origin) -> _Connection:
        """A fresh connection, within the connect timeout."""
        where = f"{origin.host}:{origin.port}"
        try:
            async with asyncio.timeout(self._endpoint.connect_timeout_s):
                return await origin.connect()
        except TimeoutError:
            raise TimedOut("timeout_connect", f"{where}, after {self._endpoint.connect_timeout_s:g} s") from None
        except (OSError, ssl.CertificateError, UnicodeError) as error:
            raise connect_fault(error, where) from None

    async def close(self) -> None:
        for origin in self._origins.values():
            for connection in list(origin.open):
                connection.abort()
        await asyncio.sleep(0)  # let the loop run connection_lost


class _Origin:
    """A host and port: its addresses, and the connections to it."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.host, self.port, self.tls = host, port, tls
        self.idle: list[_Connection] = []  # last in, first out: the warmest is reused
        self.open: set[_Connection] = set()
        self._addresses: list[str] = []

    def take(self) -> _Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if connection.usable():
                return connection
        return None

    async def connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        if not self._addresses:
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            self._addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        last: OSError | None = None
        for position, address in enumerate(self._addresses):
            try:
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop), address, self.port, ssl=self.tls,
                    server_hostname=self.host if self.tls else None,
                )  # fmt: skip
            except ssl.SSLError:
                raise
            except OSError as error:
                last = error
                continue
            if position:  # what answered is asked first from now on
                self._addresses.insert(0, self._addresses.pop(position))
            return connection
        raise last or OSError("no address")


class _Connection(asyncio.Protocol):
    """One connection; between `begin` and the end of the reply it belongs to one request."""

    __slots__ = (
        "_body_bytes", "_close_delimited", "_fd", "_fresh", "_head_bytes", "_head_done", "_inflate", "_interim",
        "_keep", "_loop", "_now_ns", "_origin", "_parser", "_reply", "_transport", "_waiter", "on_body",
    )  # fmt: skip

    def __init__(self, origin: _Origin, loop: asyncio.AbstractEventLoop) -> None:
        self._origin = origin
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._fd = -1
        self._reply: Reply | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._inflate: Inflate | None = None
        self._now_ns = 0
        self._fresh = bytearray()  # body bytes of the read at hand
        self.on_body = self._fresh.extend  # called by the parser for every chunk of the body, without a Python frame
        self._body_bytes = 0
        self._head_bytes = 0
        self._head_done = self._interim = self._keep = self._close_delimited = False

    # -- called by the transport -------------------------------------------------------------------------------------

    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, reply: Reply, head: bytes, body: bytes) -> asyncio.Future[None]:
        """Write a request; the future ends when its reply does. `head` ends where the length of the body goes."""
        data = b"%b%d\r\n\r\n%b" % (head, len(body), body)
        assert self._transport is not None and self._reply is None
        self._reply = reply
        waiter = self._waiter = self._loop.create_future()
        self._inflate = None
        self._fresh.clear()
        self._head_bytes = 0
        self._head_done = self._interim = self._keep = self._close_delimited = False
        reply.written_ns = _now_ns()
        if self._fd < 0:
            self._transport.write(data)
            return waiter
        try:
            sent = os.write(self._fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return waiter  # the reading side learns why, and of an early reply that may still be there to read
        if sent < len(data):
            self._transport.write(memoryview(data)[sent:])
        return waiter

    def give_up(self, reply: Reply) -> None:
        """Close at once, unless that reply is over and the connection may already serve another."""
        if self._reply is reply:
            self.abort()

    def abort(self) -> None:
        """Close at once; the request in flight, if any, is forgotten."""
        self._reply = self._waiter = None
        if self._transport is not None:
            self._transport.abort()

    # -- called by the loop ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._origin.open.add(self)
        self._parser = httptools.HttpResponseParser(self)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._origin.tls is None:
                self._fd = sock.fileno()

    def data_received(self, data: bytes) -> None:
        now_ns = _now_ns()
        reply = self._reply
        if reply is None:  # nobody asked: whatever it is, it is no reply to the next request
            self._drop()
            return
        if reply.first_byte_ns is None:
            reply.first_byte_ns = now_ns
        reply.last_byte_ns = self._now_ns = now_ns
        reply.bytes_in += len(data)
        try:
            self._parser.feed_data(data)  # which calls back with headers and body
        except httptools.HttpParserUpgrade:
            self._fail(BadHttp("bad_http", "the server switched protocols"))
            return
        except httptools.HttpParserError as error:
            if reply.finished_ns is None:  # bytes after the end of the reply are the next reader's trouble
                cause = error.__context__
                self._fail(cause if isinstance(cause, TransportFault) else BadHttp("bad_http", str(error)))
                return
            self._keep = False
        if self._fresh and not self._take_body(reply, now_ns):
            return
        if reply.finished_ns is not None:
            self._complete()
        elif not self._head_done:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._fail(BadHttp("bad_http", f"more than {MAX_HEAD_BYTES} bytes of headers"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fd = -1
        self._parser = None  # breaks the cycle between the two
        self._origin.open.discard(self)
        reply = self._reply
        if reply is None:
            if self in self._origin.idle:
                self._origin.idle.remove(self)
            return
        if exc is None and self._close_delimited:
            self._now_ns = _now_ns()
            self.on_message_complete()
            self._complete()
        elif isinstance(exc, ssl.SSLError):
            self._fail(Disconnected("truncated" if self._head_done else "disconnected", str(exc)))
        elif exc is not None:
            self._fail(Disconnected("reset", str(exc)))
        elif reply.first_byte_ns is None:
            self._fail(Disconnected("disconnected"))
        else:
            self._fail(Disconnected("truncated", f"after {reply.bytes_in} bytes"))

    # -- called by httptools, inside data_received -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._reply is not None and self._reply.finished_ns is not None:
            self._keep = False  # a second reply to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_done and self._reply is not None:  # trailers are not headers
            self._reply.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        reply = self._reply
        if reply is None or reply.finished_ns is not None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # an interim reply; the real one is still to come
            self._interim = True
            reply.headers.clear()
            reply.first_byte_ns = None
            return
        self._head_done = True
        reply.status = status
        if reply.first_byte_ns is None:
            reply.first_byte_ns = self._now_ns
        has_length = chunked = False
        for name, value in reply.headers:
            if name == b"content-length":
                has_length = True
            elif name == b"transfer-encoding":
                chunked = b"chunked" in value.lower()
            elif name == b"content-encoding":
                self._inflate = inflater(value)
        self._close_delimited = not (has_length or chunked or status in (204, 304))

    def on_message_complete(self) -> None:
        reply = self._reply
        if reply is None or reply.finished_ns is not None:
            return
        if self._interim:
            self._interim = False
            return
        reply.finished_ns = self._now_ns
        self._body_bytes = len(self._fresh)
        self._keep = (
            not self._close_delimited
            and self._parser is not None
            and self._parser.should_keep_alive()
            and self._transport is not None
            and self._transport.get_write_buffer_size() == 0  # else it answered before it had read the request
        )

    def _take_body(self, reply: Reply, now_ns: int) -> bool:
        """Hand over the body bytes of one read, under one stamp. False if they were not what they should be."""
        fresh = self._fresh
        if reply.finished_ns is not None:
            del fresh[self._body_bytes :]  # what follows the end of the reply is not its body
        try:
            data = fresh if self._inflate is None else self._inflate.decompress(bytes(fresh))
        except TransportFault as fault:
            self._fail(fault)
            return False
        if data:
            body = reply.body
            body += data
            reply.ends.append(len(body))
            reply.stamps.append(now_ns)
            if len(body) >= reply.spill_at and reply.spill is not None:
                reply.spill()
        fresh.clear()
        return True

    # -- ends --------------------------------------------------------------------------------------------------------

    def _complete(self) -> None:
        if self._inflate is not None and not self._inflate.eof:
            self._fail(BadHttp("bad_encoding", "the compressed body ends too early"))
            return
        waiter, self._waiter, self._reply = self._waiter, None, None
        if self._keep and self.usable():
            self._origin.idle.append(self)
        else:
            self._drop()
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, fault: TransportFault) -> None:
        if self._reply is not None:
            self._reply.finished_ns = None
        waiter, self._waiter, self._reply = self._waiter, None, None
        self._drop()
        if waiter is not None and not waiter.done():
            waiter.set_exception(fault)

    def _drop(self) -> None:
        if self in self._origin.idle:
            self._origin.idle.remove(self)
        if self._transport is not None:
            self._transport.close()
