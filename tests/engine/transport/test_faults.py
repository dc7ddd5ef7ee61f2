"""Whatever goes wrong, it ends, in a fault of the right kind, and the next request works."""

import asyncio
import contextlib
import socket

import pytest

from perfbench.engine.request import Reply
from tests.engine.transport.dialects import a_request
from tests.engine.transport.rogue import (
    SSE,
    Connection,
    Gone,
    answering,
    chunk,
    chunked,
    chunked_head,
    rogue,
    whole,
)  # fmt: skip

EVENT = b'data: {"choices":[]}\n\n'


def first_then_well(first):
    """The first connection goes wrong in this way; all later ones answer as they should."""

    async def behave(connection: Connection) -> None:
        if connection.number == 0:
            await first(connection)
        else:
            await answering(whole(b"{}"))(connection)

    return behave


async def faults_then_works(client, first, *kinds: str) -> Reply:
    async with rogue(first_then_well(first)) as server:
        one = client(server.url)
        reply, fault = await one.try_send()
        assert fault is not None, f"succeeded with {bytes(reply.body[:100])!r}"
        assert fault.kind in kinds, fault
        assert bytes((await one.send()).body) == b"{}"
        assert len(server.connections) == 2
    return reply


@pytest.mark.parametrize("sent", [
    pytest.param(b"", id="before the head"),
    pytest.param(chunked_head(), id="after the head"),
    pytest.param(chunked_head() + chunk(EVENT), id="in the body, between chunks"),
    pytest.param(chunked_head() + b"30\r\ndata:", id="in the body, inside a chunk"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", id="in a body with a length"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nabc", id="in a close-delimited body"),
])  # fmt: skip
async def test_a_reset_is_a_reset_wherever_it_comes(client, sent):
    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(sent)
        await connection.pause(0.05)
        connection.reset()

    reply = await faults_then_works(client, first, "reset")
    assert (reply.first_byte_ns is not None) == bool(sent)
    assert bytes(reply.body) in (b"", EVENT, b"data:", b"abc"), "what had come is kept"


@pytest.mark.parametrize(("sent", "body"), [
    pytest.param(chunked_head(), b"", id="after the head"),
    pytest.param(chunked_head() + chunk(EVENT), EVENT, id="between chunks"),
    pytest.param(chunked_head() + chunk(EVENT) + b"30\r\ndata:", EVENT + b"data:", id="inside a chunk"),
    pytest.param(chunked_head() + chunk(EVENT) + b"0\r\n", EVENT, id="before the very last line"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", b"abc", id="short of its length"),
])  # fmt: skip
async def test_a_close_inside_the_body_is_a_truncation(client, sent, body):
    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(sent)
        await connection.pause(0.05)

    reply = await faults_then_works(client, first, "truncated")
    assert bytes(reply.body) == body, "what had come is kept"
    assert reply.status == 200


async def test_a_close_before_the_first_byte_is_a_disconnection(client):
    async def first(connection: Connection) -> None:
        await connection.request()

    await faults_then_works(client, first, "disconnected")


async def test_a_close_inside_the_head_is_a_truncation(client, wired):
    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-ty")
        await connection.pause(0.05)

    # The SDK's HTTP library does not tell a cut head from none.
    await faults_then_works(client, first, "disconnected" if wired == "sdk" else "truncated")


@pytest.mark.parametrize("reply", [
    pytest.param(b"HTTQ/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", id="another protocol's name"),
    pytest.param(b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n", id="a status that is no number"),
    pytest.param(b"hello\r\n\r\n", id="no status line"),
    pytest.param(b'{"error": "this is not HTTP"}\r\n\r\n', id="JSON without HTTP"),
    pytest.param(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", id="a TLS alert"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: abc\r\n\r\nxyz", id="a length that is no number"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nxyz", id="a negative length"),
    pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", id="two lengths"),
    pytest.param(b"HTTP/1.1 200 OK\r\nno colon here\r\ncontent-length: 0\r\n\r\n", id="a header without a colon"),
    pytest.param(chunked_head() + b"zz\r\nabc\r\n0\r\n\r\n", id="a chunk size that is no number"),
    pytest.param(chunked_head() + b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n", id="a chunk size beyond all numbers"),
    pytest.param(chunked_head() + b"3\r\nabcdef\r\n0\r\n\r\n", id="a chunk longer than it says"),
])  # fmt: skip
async def test_what_is_not_http_is_bad_http(client, wired, reply):
    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(reply)
        await connection.pause(0.1)

    # The SDK's HTTP library has no limit on the size of a chunk: it waits for the rest.
    endless = wired == "sdk" and b"ffffffffffffffffff" in reply
    await faults_then_works(client, first, "truncated" if endless else "bad_http")


async def test_a_head_may_come_slowly(client):
    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            for byte in b"HTTP/1.1 200 OK\r\nx-request-id: 7\r\ncontent-length: 2\r\n\r\n":
                await connection.send(bytes([byte]))
                await connection.pause(0.001)
            await connection.send(b"{}")

    async with rogue(behave) as server:
        one = client(server.url)
        for _ in range(2):
            reply = await one.send()
            assert bytes(reply.body) == b"{}"
            assert reply.header(b"x-request-id") == b"7"


def flood(line: bytes, most: int, sent: list[int]):
    """Send a head that never ends, up to `most` bytes."""

    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\n")
        try:
            while sum(sent) < most:
                await connection.send(line)
                sent.append(len(line))
            await connection.until_closed()
        except Gone:
            pass

    return first


@pytest.mark.parametrize("line", [
    pytest.param(b"x-flood: abcdefghijklmnopqrstuvwxyz\r\n" * 1000, id="headers without end"),
    pytest.param(b"a" * 65536, id="a header name without end"),
    pytest.param(b"x-long: " + b"a" * 65536, id="a header value without end"),
])  # fmt: skip
async def test_a_head_without_end_is_refused_before_it_fills_memory(client, line):
    sent: list[int] = []
    most = 64 << 20
    await faults_then_works(client, flood(line, most, sent), "bad_http")
    assert sum(sent) < most // 2, "most of what was taken sits in socket buffers"


@pytest.mark.parametrize("head", [
    pytest.param(b"".join(b"x-%d: y\r\n" % i for i in range(100_000)), id="a hundred thousand headers"),
    pytest.param(b"x-long: " + b"a" * (1 << 20) + b"\r\n", id="one header of a megabyte"),
])  # fmt: skip
async def test_a_whole_head_of_absurd_size_is_refused(client, head):
    async def first(connection: Connection) -> None:
        await connection.request()
        with contextlib.suppress(Gone):
            await connection.send(b"HTTP/1.1 200 OK\r\n" + head + b"content-length: 2\r\n\r\n{}")
            await connection.until_closed()

    await faults_then_works(client, first, "bad_http")


async def test_a_head_of_unusual_size_is_taken(client):
    head = b"".join(b"x-%d: %b\r\n" % (i, b"y" * 400) for i in range(60))
    async with rogue(answering(whole(b"{}", head))) as server:
        reply = await client(server.url).send()
    assert reply.header(b"x-59") == b"y" * 400


async def test_a_reply_may_come_before_the_request_was_sent(client):
    """413 while ten megabytes are on their way; the server then ends its side and reads on, as careful servers do."""

    async def first(connection: Connection) -> None:
        await connection.head()
        await connection.send(whole(b'{"error":"too large"}', b"connection: close\r\n", b"413 Payload Too Large"))
        await connection.pause(0.05)
        connection.finish_sending()
        await connection.until_closed()

    async with rogue(first_then_well(first)) as server:
        one = client(server.url)
        reply = await one.send(a_request(b"x" * 10_000_000))
        assert (reply.status, bytes(reply.body)) == (413, b'{"error":"too large"}')
        assert bytes((await one.send()).body) == b"{}"
        assert len(server.connections) == 2, "a connection with half a request on it is of no more use"


async def test_an_early_reply_that_keeps_the_connection_open_ends_the_request(client):
    """The server answers and reads no more for a while: the rest of the request need not leave."""

    async def first(connection: Connection) -> None:
        await connection.head()
        await connection.send(whole(b"{}", status=b"413 Payload Too Large"))
        await asyncio.sleep(0.2)

    async with rogue(first_then_well(first)) as server:
        one = client(server.url)
        assert (await one.send(a_request(b"x" * 10_000_000))).status == 413
        assert bytes((await one.send()).body) == b"{}"
        assert len(server.connections) == 2


async def test_a_careless_early_reply_is_taken_or_a_fault(client):
    """413 and a hard close with unread data: the kernel may drop the reply. Either end is true; hanging is not."""

    async def first(connection: Connection) -> None:
        await connection.head()
        await connection.send(whole(b"{}", b"connection: close\r\n", b"413 Payload Too Large"))

    async with rogue(first_then_well(first)) as server:
        one = client(server.url)
        reply, fault = await one.try_send(a_request(b"x" * 10_000_000))
        assert reply.status == 413 if fault is None else fault.kind in ("reset", "truncated", "disconnected")
        assert bytes((await one.send()).body) == b"{}"


# -- no connection at all --------------------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_a_port_nobody_listens_at_is_refused(client):
    one = client(f"http://127.0.0.1:{closed_port()}")
    reply, fault = await one.try_send()
    assert fault is not None and fault.kind == "connect_refused"
    assert reply.written_ns is None


async def test_a_name_that_does_not_exist_is_a_dns_fault(client):
    assert await client("http://host.invalid:1").fault() == "dns"


async def test_a_connection_that_does_not_open_times_out(client):
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # fill the queue of connections nobody accepts
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        await asyncio.sleep(0.05)
        one = client(f"http://127.0.0.1:{listener.getsockname()[1]}", connect_timeout_s=0.3)
        reply, fault = await one.try_send()
    assert fault is not None and fault.kind == "timeout_connect"
    assert reply.written_ns is None


async def test_a_server_that_closes_on_everyone_is_not_asked_for_ever(client):
    async def behave(connection: Connection) -> None:
        pass

    async with rogue(behave) as server:
        one = client(server.url)
        for count in range(1, 4):
            reply, fault = await one.try_send()
            assert fault is not None and fault.kind in ("disconnected", "reset")
            assert reply.reconnects == 0
            assert len(server.connections) == count


async def test_a_stream_that_never_ends_can_be_cut_off(client):
    closed = asyncio.Event()

    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(chunked_head(SSE) + chunk(EVENT))
        await connection.until_closed()
        closed.set()

    async with rogue(first_then_well(first)) as server:
        one = client(server.url)
        reply = Reply()
        task = asyncio.create_task(one.transport.send(a_request(), reply))
        while not reply.body:  # noqa: ASYNC110 - a transport has no other way to say so
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await closed.wait()
        assert bytes(reply.body) == EVENT, "what had come is kept"
        assert reply.finished_ns is None
        assert bytes((await one.send()).body) == b"{}"
        assert len(server.connections) == 2


@pytest.mark.parametrize("spoken", [
    pytest.param(b"", id="before the first byte"),
    pytest.param(b"HTTP/1.1 200 OK\r\nconte", id="inside the head"),
])  # fmt: skip
async def test_a_silent_server_can_be_given_up(client, spoken):
    closed = asyncio.Event()

    async def first(connection: Connection) -> None:
        await connection.request()
        await connection.send(spoken)
        await connection.until_closed()
        closed.set()

    async with rogue(first_then_well(first)) as server:
        one = client(server.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await one.transport.send(a_request(), Reply())
        async with asyncio.timeout(10):
            await closed.wait()
        assert bytes((await one.send()).body) == b"{}"


async def test_hundreds_cut_off_at_once_leave_nothing_open(client):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(chunked_head(SSE) + chunk(EVENT))
        await connection.until_closed()

    async with rogue(behave) as server:
        one = client(server.url)
        tasks = [asyncio.create_task(one.transport.send(a_request(), Reply())) for _ in range(200)]
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        async with asyncio.timeout(10):
            for connection in server.connections:
                await connection.closed_by_client.wait()


async def test_many_streams_at_once_do_not_mix(client):
    async def behave(connection: Connection) -> None:
        while True:
            heard = await connection.request()
            await connection.send(chunked(*[heard.body] * 20))

    async with rogue(behave) as server:
        one = client(server.url)
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(one.send(a_request(b"%04d" % i))) for i in range(200)]
        for i, task in enumerate(sent):
            assert bytes(task.result().body) == b"%04d" % i * 20
