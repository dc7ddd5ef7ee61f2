"""Memory: a transport without sockets, whose server is a script.

For tests of everything above the wire, and for scheduler work: a behaviour says, step by step, what the server does
with a request, and all waiting goes through the given clock, so under a virtual one an hour takes a millisecond. It
passes the conformance suite where a case makes sense without bytes on a wire, so it cannot drift from the real ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from perfbench.engine.clock import Clock
from perfbench.engine.errors import ConnectFault, Disconnected, TransportFault
from perfbench.engine.request import Reply, Request


@dataclass(frozen=True, slots=True)
class Connect:
    """Opening the connection takes this long; only as the first step, before the request counts as written."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing happens for this long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers arrive."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/event-stream"),)


@dataclass(frozen=True, slots=True)
class Data:
    """One read's worth of body arrives."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """The wire fails. A `ConnectFault` before any other step leaves the request unwritten."""

    fault: TransportFault


@dataclass(frozen=True, slots=True)
class End:
    """The reply is whole. Steps that run out without it are a connection closed too early."""


Step = Connect | Wait | Head | Data | Fault | End
Behaviour = Callable[[Request], Iterable[Step] | AsyncIterable[Step]]


class MemoryTransport:
    """Plays `behaviour(request)` for every request.

    `received` are the requests in the order in which they came, `cancelled` those whose sender was cancelled,
    `most_in_flight` the highest number under way at once.
    """

    def __init__(self, behaviour: Behaviour, clock: Clock) -> None:
        self._behaviour = behaviour
        self._clock = clock
        self.received: list[Request] = []
        self.cancelled: list[Request] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    async def send(self, request: Request, reply: Reply) -> None:
        if self.closed:
            raise RuntimeError("send on a closed transport")
        self.received.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        ended = False
        try:
            await self._play(request, reply)
            ended = True
        except TransportFault:
            ended = True
            raise
        finally:
            self.in_flight -= 1
            if not ended:
                self.cancelled.append(request)

    async def close(self) -> None:
        self.closed = True

    async def _play(self, request: Request, reply: Reply) -> None:
        now_ns = self._clock.now_ns
        reply.url = f"memory://server{request.dialect.path}"
        async for step in _each(self._behaviour(request)):
            if isinstance(step, Connect):
                await self._pause(step.seconds)
                continue
            if reply.written_ns is None and not (isinstance(step, Fault) and isinstance(step.fault, ConnectFault)):
                reply.written_ns = now_ns()
            match step:
                case Wait(seconds):
                    await self._pause(seconds)
                case Head(status, headers):
                    reply.status = status
                    reply.headers = [(name.lower().encode(), value.encode()) for name, value in headers]
                    reply.first_byte_ns = reply.last_byte_ns = now_ns()
                case Data(data):
                    reply.last_byte_ns = now_ns()
                    reply.bytes_in += len(data)
                    reply.add(data, reply.last_byte_ns)
                case Fault(fault):
                    raise fault
                case End():
                    reply.finished_ns = now_ns()
                    return
        if reply.status is None:
            raise Disconnected("disconnected", "the script ended before a reply")
        raise Disconnected("truncated", "the script ended without an End")

    async def _pause(self, seconds: float) -> None:
        await self._clock.sleep_until(self._clock.now_ns() + round(seconds * 1e9))


async def _each(steps: Iterable[Step] | AsyncIterable[Step]) -> AsyncIterator[Step]:
    if isinstance(steps, AsyncIterable):
        async for step in steps:
            yield step
    else:
        for step in steps:
            yield step
