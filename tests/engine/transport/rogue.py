"""A server that says exactly the bytes it is told to, when it is told to, and remembers what it heard.

A behaviour is a coroutine that gets one connection; when it returns, the connection is closed (FIN). Nothing here
parses more HTTP than it needs to find the end of a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field


class Gone(Exception):
    """The client has closed the connection."""


@dataclass(frozen=True)
class Heard:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    heard: list[Heard] = field(default_factory=list)
    closed_by_client: asyncio.Event = field(default_factory=asyncio.Event)

    async def head(self) -> tuple[str, dict[str, str]]:
        """Read the head of the next request; Gone if there is none."""
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            self.closed_by_client.set()
            raise Gone from None
        line, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        return line, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    async def request(self) -> Heard:
        """Read one whole request."""
        line, headers = await self.head()
        try:
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, OSError):
            self.closed_by_client.set()
            raise Gone from None
        heard = Heard(line, headers, body)
        self.heard.append(heard)
        return heard

    async def send(self, data: bytes) -> None:
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            self.closed_by_client.set()
            raise Gone from None

    async def pause(self, seconds: float = 0.002) -> None:
        """Long enough for the other side to read what was sent as a read of its own."""
        await asyncio.sleep(seconds)

    async def until_closed(self) -> None:
        """Wait until the client closes, whatever it still says."""
        with contextlib.suppress(OSError):
            while await self.reader.read(65536):
                pass
        self.closed_by_client.set()

    def reset(self) -> None:
        """RST instead of FIN. What was sent before may be lost on the way, so pause first."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def finish_sending(self) -> None:
        """FIN, but go on reading."""
        self.writer.write_eof()


Behaviour = Callable[[Connection], Awaitable[None]]


class Rogue:
    def __init__(self, port: int, tls: bool) -> None:
        self.port = port
        self.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{port}/v1"
        self.connections: list[Connection] = []

    @property
    def heard(self) -> list[Heard]:
        return [heard for connection in self.connections for heard in connection.heard]


@contextlib.asynccontextmanager
async def rogue(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Rogue]:
    """Run one on a free port of the loopback. A behaviour that fails (other than by Gone) fails the test."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        connection = Connection(reader, writer, len(it.connections))
        it.connections.append(connection)
        try:
            await behaviour(connection)
        except (Gone, asyncio.CancelledError):  # cancelled only when the test is over
            pass
        except Exception as error:
            failures.append(error)
        finally:
            tasks.discard(task)
            writer.close()

    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        it = Rogue(listener.getsockname()[1], tls is not None)
        # A test that fails cuts TLS connections off; without a limit their shutdown would be waited for.
        limits = {"ssl_handshake_timeout": 5.0, "ssl_shutdown_timeout": 1.0} if tls is not None else {}
        server = await asyncio.start_server(serve, sock=listener, ssl=tls, limit=1 << 20, backlog=2048, **limits)
        try:
            yield it
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise failures[0]


# -- bytes -----------------------------------------------------------------------------------------------------------

SSE = b"content-type: text/event-stream\r\n"


def whole(body: bytes, head: bytes = b"content-type: application/json\r\n", status: bytes = b"200 OK") -> bytes:
    """A reply with a length."""
    return b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, head, len(body), body)


def chunked_head(head: bytes = SSE) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%btransfer-encoding: chunked\r\n\r\n" % head


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\n\r\n"


def chunked(*pieces: bytes, head: bytes = SSE) -> bytes:
    """A reply in chunks."""
    return chunked_head(head) + b"".join(chunk(piece) for piece in pieces) + END


def answering(reply: bytes) -> Behaviour:
    """Answer every request with these bytes, in one write."""

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(reply)

    return behave
