"""What every transport promises, the one without sockets included: it plays what the rogue server performs."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from perfbench.engine.clock import SystemClock
from perfbench.engine.errors import Disconnected
from perfbench.engine.request import Reply
from perfbench.engine.transport.base import Endpoint, open_transport
from perfbench.engine.transport.memory import Data, End, Fault, Head, MemoryTransport, Step, Wait
from tests.engine.transport.conftest import WIRED, Client
from tests.engine.transport.dialects import a_request
from tests.engine.transport.rogue import END, Connection, chunk, rogue


async def perform(connection: Connection, steps: list[Step]) -> None:
    """What memory plays, on a wire."""
    while True:
        await connection.request()
        for step in steps:
            match step:
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Head(status, headers):
                    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
                    await connection.send(f"HTTP/1.1 {status} X\r\n{lines}transfer-encoding: chunked\r\n\r\n".encode())
                case Data(data):
                    await connection.send(chunk(data))
                case End():
                    await connection.send(END)
                case Fault(fault):
                    await connection.pause(0.05)
                    if fault.kind == "reset":
                        connection.reset()
                    return
        if End() not in steps:
            await connection.pause(0.05)
            return


@pytest.fixture(params=[*WIRED, "memory"])
async def play(request: pytest.FixtureRequest) -> AsyncIterator:
    """`play(*steps)` is a client of a server that answers every request with these steps."""
    open_now: list = []

    async def start(*steps: Step) -> Client:
        if request.param == "memory":
            return Client(MemoryTransport(lambda _: list(steps), SystemClock()))
        server = rogue(lambda connection: perform(connection, list(steps)))
        address = (await server.__aenter__()).url
        client = Client(open_transport(request.param, Endpoint((address,))))
        open_now.append((server, client))
        return client

    yield start
    for server, client in open_now:
        await client.transport.close()
        await server.__aexit__(None, None, None)


async def test_a_reply_is_what_was_sent_and_when(play):
    client = await play(Wait(0.03), Head(), Wait(0.03), Data(b"data: a\n\n"), Wait(0.03), Data(b"data: b\n\n"), End())
    for _ in range(2):
        reply = await client.send()
        assert reply.status == 200
        assert reply.is_event_stream()
        assert bytes(reply.body) == b"data: a\n\ndata: b\n\n"
        assert list(reply.ends) == [9, 18]
        instants = [reply.written_ns, reply.first_byte_ns, *reply.stamps]
        gaps = [later - earlier for earlier, later in pairwise(instants)]
        assert all(gap > 10_000_000 for gap in gaps)
        assert reply.bytes_in >= 18
        assert reply.url.endswith("/chat/completions")


@pytest.mark.parametrize("status", [200, 404, 429, 500])
async def test_any_status_is_a_reply(play, status):
    client = await play(Head(status, (("Content-Type", "application/json"), ("Retry-After", "3"))), Data(b"{}"), End())
    reply = await client.send()
    assert (reply.status, bytes(reply.body), reply.header(b"retry-after")) == (status, b"{}", b"3")


async def test_an_empty_body_is_a_reply(play):
    reply = await (await play(Head(), End())).send()
    assert (bytes(reply.body), len(reply.stamps)) == (b"", 0)


@pytest.mark.parametrize(("steps", "kind"), [
    pytest.param([Fault(Disconnected("disconnected"))], "disconnected", id="closed before the head"),
    pytest.param([Wait(0)], "disconnected", id="nothing, and then the end of the script"),
    pytest.param([Fault(Disconnected("reset"))], "reset", id="reset before the head"),
    pytest.param([Head(), Data(b"abc"), Fault(Disconnected("reset"))], "reset", id="reset inside the body"),
    pytest.param([Head(), Data(b"abc"), Fault(Disconnected("truncated"))], "truncated", id="closed inside the body"),
    pytest.param([Head(), Data(b"abc")], "truncated", id="a body without an end"),
])  # fmt: skip
async def test_a_fault_keeps_what_had_come(play, steps, kind):
    reply, fault = await (await play(*steps)).try_send()
    assert fault is not None and fault.kind == kind
    assert bytes(reply.body) == (b"abc" if Data(b"abc") in steps else b"")
    assert reply.written_ns is not None
    assert (reply.first_byte_ns is not None) == (Head() in steps)


@pytest.mark.parametrize("steps", [
    pytest.param([Wait(3600), Head(), End()], id="before the head"),
    pytest.param([Head(), Data(b"abc"), Wait(3600), End()], id="inside the body"),
])  # fmt: skip
async def test_a_request_can_be_given_up(play, steps):
    client = await play(*steps)
    reply = Reply()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.transport.send(a_request(), reply)
    assert reply.finished_ns is None
    assert bytes(reply.body) == (b"abc" if Data(b"abc") in steps else b"")


async def test_long_replies_are_handed_over_in_pieces(play):
    client = await play(Head(), *[Data(b"y" * 1000)] * 300, End())
    taken = bytearray()
    reply = Reply()
    reply.spill_at = 50_000

    def spill() -> None:
        taken.extend(reply.body)
        reply.body.clear()
        del reply.ends[:], reply.stamps[:]

    reply.spill = spill
    await client.transport.send(a_request(), reply)
    assert taken + reply.body == b"y" * 300_000
    assert len(taken) >= 200_000
