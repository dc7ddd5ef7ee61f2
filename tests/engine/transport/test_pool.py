"""Connections are kept, and a kept one that turns out to be dead is nobody's failure."""

import asyncio

import pytest

from perfbench.engine.request import Reply
from tests.engine.transport.dialects import a_request
from tests.engine.transport.rogue import END, SSE, Connection, answering, chunk, chunked, chunked_head, rogue, whole

PROMISE = b"connection: keep-alive\r\nkeep-alive: timeout=5, max=100\r\n"


async def test_one_after_the_other_share_a_connection(client):
    async with rogue(answering(whole(b"{}"))) as server:
        one = client(server.url)
        replies = [await one.send() for _ in range(5)]
        assert [reply.reused for reply in replies] == [False, True, True, True, True]
        assert [reply.reconnects for reply in replies] == [0] * 5
        assert len(server.connections) == 1


async def test_streams_are_followed_by_others_on_the_same_connection(client):
    async with rogue(answering(chunked(b"data: a\n\n", b"data: b\n\n"))) as server:
        one = client(server.url)
        for _ in range(5):
            assert bytes((await one.send()).body) == b"data: a\n\ndata: b\n\n"
        assert len(server.connections) == 1


async def test_at_once_each_has_its_own(client):
    waiting = 0
    all_here = asyncio.Event()

    async def behave(connection: Connection) -> None:
        nonlocal waiting
        while True:
            await connection.request()
            waiting += 1
            if waiting == 20:
                all_here.set()
            await all_here.wait()
            await connection.send(whole(b"{}"))

    async with rogue(behave) as server:
        one = client(server.url)
        await asyncio.gather(*(one.send() for _ in range(20)))
        assert len(server.connections) == 20
        await asyncio.gather(*(one.send() for _ in range(20)))
        assert len(server.connections) == 20, "and afterwards they are there for others"


@pytest.mark.parametrize("head", [
    pytest.param(b"connection: close\r\n", id="in lower case"),
    pytest.param(b"Connection: Close\r\n", id="in capitals"),
])  # fmt: skip
async def test_a_connection_that_says_close_is_not_used_again(client, head):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(whole(b"{}", head))
        await connection.until_closed()

    async with rogue(behave) as server:
        one = client(server.url)
        for _ in range(3):
            assert not (await one.send()).reused
        assert len(server.connections) == 3


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_kept_connection_that_dies_before_the_first_byte_is_tried_once_more(client, how):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(whole(b"{}", PROMISE))
        if connection.number == 0:
            await connection.request()
            if how == "reset":
                connection.reset()
        else:
            await answering(whole(b'{"second":1}'))(connection)

    async with rogue(behave) as server:
        one = client(server.url)
        await one.send(a_request(b"1"))
        reply = await one.send(a_request(b"2"))
        assert reply.reconnects == 1
        assert not reply.reused
        assert reply.status == 200
        assert [(heard.body, at.number) for at in server.connections for heard in at.heard] == [
            (b"1", 0), (b"2", 0), (b"2", 1),
        ]  # fmt: skip


async def test_a_second_death_is_a_failure(client):
    async def behave(connection: Connection) -> None:
        await connection.request()
        if connection.number == 0:
            await connection.send(whole(b"{}", PROMISE))
            await connection.request()

    async with rogue(behave) as server:
        one = client(server.url)
        await one.send()
        reply, fault = await one.try_send()
        assert fault is not None and fault.kind == "disconnected"
        assert reply.reconnects == 1
        assert len(server.connections) == 2


async def test_many_dead_connections_in_the_pool_do_not_use_up_the_second_try(client):
    """All kept connections die at once, as when a server restarts; each request gets a fresh one at its second try."""
    restarted = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        if connection.number < 10:
            await asyncio.sleep(0.1)  # so that all ten are open at once
            await connection.send(whole(b"{}", PROMISE))
            await connection.request()
            restarted.set()
        else:
            await connection.send(whole(b"{}", PROMISE))
            await connection.until_closed()

    async with rogue(behave) as server:
        one = client(server.url)
        await asyncio.gather(*(one.send() for _ in range(10)))
        assert len(server.connections) == 10
        replies = await asyncio.gather(*(one.send() for _ in range(10)))
        assert [reply.reconnects for reply in replies] == [1] * 10


async def test_what_has_begun_is_not_tried_again(client):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(whole(b"{}", PROMISE))
        await connection.request()
        await connection.send(chunked_head() + chunk(b"data: a\n\n"))
        await connection.pause(0.05)

    async with rogue(behave) as server:
        one = client(server.url)
        await one.send()
        reply, fault = await one.try_send()
        assert fault is not None and fault.kind == "truncated"
        assert reply.reconnects == 0
        assert len(server.connections) == 1


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_connection_closed_while_idle_is_noticed(client, how):
    gone = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(whole(b"{}", PROMISE))
        if connection.number == 0:
            await connection.pause(0.05)
            if how == "reset":
                connection.reset()
            gone.set()
        else:
            await connection.until_closed()

    async with rogue(behave) as server:
        one = client(server.url)
        await one.send()
        await gone.wait()
        await asyncio.sleep(0.1)
        reply = await one.send()
        assert (reply.reconnects, reply.reused) == (0, False)
        assert [len(connection.heard) for connection in server.connections] == [1, 1]


async def test_a_server_that_promises_keep_alive_and_closes_every_time_fails_nobody(client):
    """As llama-server does after a stream. The close races with the next request; whoever wins, no request fails."""

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n" + PROMISE + SSE + b"transfer-encoding: chunked\r\n\r\n")
        await connection.send(chunk(b"data: a\n\n") + END)

    async with rogue(behave) as server:
        one = client(server.url)

        async def slot() -> list[Reply]:
            return [await one.send() for _ in range(50)]

        replies = [reply for slot in await asyncio.gather(*(slot() for _ in range(4))) for reply in slot]
        assert len(replies) == 200
        assert all(bytes(reply.body) == b"data: a\n\n" for reply in replies)
        assert sum(len(connection.heard) for connection in server.connections) == 200


LIBRARY_KEEPS_REST = "the SDK's HTTP library keeps what follows a reply in its buffer, as the beginning of the next"


@pytest.mark.parametrize("extra", [
    pytest.param(b"garbage", id="garbage"),
    pytest.param(whole(b'{"stale":1}'), id="a second reply"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-le", id="the beginning of a second reply"),
])  # fmt: skip
@pytest.mark.parametrize("when", ["at once", "later"])
async def test_bytes_nobody_asked_for_are_no_reply_to_the_next_request(client, wired, extra, when):
    if (wired, when) == ("sdk", "at once"):
        pytest.xfail(LIBRARY_KEEPS_REST)

    async def behave(connection: Connection) -> None:
        await connection.request()
        if connection.number == 0:
            if when == "at once":
                await connection.send(whole(b'{"first":1}') + extra)
            else:
                await connection.send(whole(b'{"first":1}'))
                await connection.pause(0.05)
                await connection.send(extra)
            await connection.request()
        await connection.send(whole(b'{"second":1}'))
        await connection.until_closed()

    async with rogue(behave) as server:
        one = client(server.url)
        first, fault = await one.try_send()
        if fault is None:
            assert bytes(first.body) == b'{"first":1}'
        else:  # aiohttp throws a reply away together with the garbage that follows it in one read
            assert (wired, when, fault.kind) == ("aiohttp", "at once", "bad_http")
        await asyncio.sleep(0.15)
        assert bytes((await one.send()).body) == b'{"second":1}'
        if wired == "wire":
            assert len(server.connections) == 2


async def test_a_body_longer_than_it_says_is_cut_at_what_it_said(client, wired):
    if wired == "sdk":
        pytest.xfail(LIBRARY_KEEPS_REST)

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}and more")
        await connection.until_closed()

    async with rogue(behave) as server:
        one = client(server.url)
        for _ in range(2):
            if wired == "aiohttp":  # which takes the whole read for malformed
                assert await one.fault() == "bad_http"
            else:
                assert bytes((await one.send()).body) == b"{}"
        assert len(server.connections) == 2


async def test_closing_closes_every_connection(client):
    async with rogue(answering(whole(b"{}"))) as server:
        one = client(server.url)
        await asyncio.gather(*(one.send() for _ in range(5)))
        await one.transport.close()
        async with asyncio.timeout(10):
            for connection in server.connections:
                await connection.closed_by_client.wait()


# -- several addresses -----------------------------------------------------------------------------------------------


async def test_round_robin_goes_round(client):
    async with rogue(answering(whole(b"{}"))) as a, rogue(answering(whole(b"{}"))) as b:
        one = client(a.url, b.url)
        urls = [(await one.send()).url for _ in range(6)]
        assert urls == [f"{a.url}/chat/completions", f"{b.url}/chat/completions"] * 3
        assert (len(a.heard), len(b.heard)) == (3, 3)


async def test_least_in_flight_leaves_the_slow_one_alone(client):
    release = asyncio.Event()

    async def slow(connection: Connection) -> None:
        while True:
            await connection.request()
            await release.wait()
            await connection.send(whole(b"{}"))

    async with rogue(slow) as a, rogue(answering(whole(b"{}"))) as b:
        one = client(a.url, b.url, balance="least_in_flight")
        stuck = [asyncio.create_task(one.send()) for _ in range(2)]
        await asyncio.sleep(0.1)
        for _ in range(10):
            await one.send()
        assert len(a.heard) <= 2
        assert len(b.heard) >= 10
        release.set()
        await asyncio.gather(*stuck)


async def test_an_address_is_given_back_after_a_fault(client):
    async def broken(connection: Connection) -> None:
        await connection.request()

    async with rogue(broken) as a, rogue(answering(whole(b"{}"))) as b:
        one = client(a.url, b.url, balance="least_in_flight")
        for _ in range(6):
            await one.try_send()
        assert (len(a.heard), len(b.heard)) == (3, 3)
