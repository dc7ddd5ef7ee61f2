"""The conformance suite's own fixtures: each transport in turn, on the loop that the engine runs on.

`wired` are the transports that speak HTTP over a socket. `memory` has no bytes on a wire; what it shares with them, the
contract of `send`, is in test_contract.py, where all four run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop

from perfbench.engine.errors import KINDS, TransportFault
from perfbench.engine.request import Reply, Request
from perfbench.engine.transport.base import Endpoint, Transport, open_transport
from tests.engine.transport.dialects import a_request

WIRED = ("wire", "aiohttp", "sdk")
PATIENCE_S = 30.0  # far above what any exchange takes; a test that needs it has hung


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


class Client:
    """A transport in the hands of a test."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def send(self, request: Request | None = None) -> Reply:
        """One exchange that must succeed."""
        reply, fault = await self.try_send(request)
        assert fault is None, fault
        check_whole(reply)
        return reply

    async def try_send(self, request: Request | None = None) -> tuple[Reply, TransportFault | None]:
        """One exchange; any exception but a TransportFault of a known kind fails the test."""
        reply = Reply()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.transport.send(request or a_request(), reply)
        except TransportFault as fault:
            assert fault.kind in KINDS
            assert reply.finished_ns is None, "a fault is no end"
            check_arrays(reply)
            return reply, fault
        return reply, None

    async def fault(self, request: Request | None = None) -> str:
        """The kind of fault of an exchange that must fail."""
        reply, fault = await self.try_send(request)
        assert fault is not None, f"succeeded with {reply.status} and {bytes(reply.body[:200])!r}"
        return fault.kind


def check_arrays(reply: Reply) -> None:
    assert len(reply.ends) == len(reply.stamps)
    assert list(reply.ends) == sorted(reply.ends)
    assert (reply.ends[-1] if reply.ends else 0) == len(reply.body)
    assert list(reply.stamps) == sorted(reply.stamps)


def check_whole(reply: Reply) -> None:
    """What is true of every reply that ended well."""
    check_arrays(reply)
    instants = [reply.written_ns, reply.first_byte_ns, *reply.stamps, reply.last_byte_ns, reply.finished_ns]
    assert None not in instants
    assert instants == sorted(instants), "written <= first byte <= stamps <= last byte <= finished"  # type: ignore[type-var]
    assert reply.status is not None and 200 <= reply.status < 600
    assert all(name == name.lower() for name, _ in reply.headers)


OpenClient = Callable[..., Client]


@pytest.fixture(params=WIRED)
def wired(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(wired: str) -> AsyncIterator[OpenClient]:
    """`client(url, ...)` opens the transport under test; it is closed when the test ends."""
    async with AsyncExitStack() as stack:

        def open_client(*urls: str, **options: Any) -> Client:
            transport = open_transport(wired, Endpoint(urls, **options))
            stack.push_async_callback(transport.close)
            return Client(transport)

        yield open_client
