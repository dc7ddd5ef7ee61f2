"""The memory transport under virtual time: a scripted server that takes no time at all."""

import asyncio

import pytest

from perfbench.engine.errors import ConnectFault, TransportFault
from perfbench.engine.request import Reply, Request
from perfbench.engine.transport.memory import Connect, Data, End, Fault, Head, MemoryTransport, Wait
from tests.engine.transport.dialects import a_request
from tests.virtual_time import VirtualClock, run_virtual

SECOND = 10**9


def test_instants_are_exact():
    async def main() -> list[int | None]:
        clock = VirtualClock()
        began_ns = clock.now_ns()
        steps = [Connect(1), Wait(2), Head(), Wait(3600), Data(b"a"), Wait(0.5), Data(b"b"), End()]
        reply = Reply()
        await MemoryTransport(lambda _: steps, clock).send(a_request(), reply)
        instants = [reply.written_ns, reply.first_byte_ns, *reply.stamps, reply.last_byte_ns, reply.finished_ns]
        return [instant - began_ns for instant in instants if instant is not None]

    assert run_virtual(main()) == [
        SECOND, 3 * SECOND, 3603 * SECOND, 3603 * SECOND + SECOND // 2, 3603 * SECOND + SECOND // 2,
        3603 * SECOND + SECOND // 2,
    ]  # fmt: skip


def test_a_behaviour_may_depend_on_the_request_and_be_a_generator():
    async def behave(request: Request):
        yield Head()
        await asyncio.sleep(10)
        yield Data(request.body * 2)
        yield End()

    async def main() -> bytes:
        reply = Reply()
        await MemoryTransport(behave, VirtualClock()).send(a_request(b"ab"), reply)
        return bytes(reply.body)

    assert run_virtual(main()) == b"abab"


def test_a_connection_that_never_was_leaves_the_request_unwritten():
    async def main() -> Reply:
        reply = Reply()
        transport = MemoryTransport(lambda _: [Connect(1), Fault(ConnectFault("connect_refused"))], VirtualClock())
        with pytest.raises(TransportFault, match="connect_refused"):
            await transport.send(a_request(), reply)
        return reply

    assert run_virtual(main()).written_ns is None


def test_it_counts_who_is_there_and_who_gave_up():
    async def main() -> MemoryTransport:
        transport = MemoryTransport(lambda _: [Wait(100), Head(), End()], VirtualClock())
        tasks = [asyncio.create_task(transport.send(a_request(), Reply())) for _ in range(5)]
        await asyncio.sleep(1)
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return transport

    transport = run_virtual(main())
    assert (len(transport.received), len(transport.cancelled), transport.in_flight, transport.most_in_flight) == (
        5, 1, 0, 5,
    )  # fmt: skip
