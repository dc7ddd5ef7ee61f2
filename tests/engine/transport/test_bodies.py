"""Whatever a server does to a body on its way, the same bytes come out."""

import gzip
import zlib

import pytest

from tests.engine.transport.dialects import Get, a_request
from tests.engine.transport.rogue import (
    END,
    SSE,
    Connection,
    answering,
    chunk,
    chunked,
    chunked_head,
    rogue,
    whole,
)  # fmt: skip

EVENTS = 'data: {"choices":[{"delta":{"content":"Grüße 🌍"}}]}\n\n'.encode(), b": ping\n\n", b"data: [DONE]\n\n"


def in_pieces(reply: bytes, *cuts: int):
    """Answer each request with the reply, cut at these positions into reads of their own."""

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            last = 0
            for cut in (*cuts, len(reply)):
                await connection.send(reply[last:cut])
                await connection.pause()
                last = cut

    return behave


async def test_a_stream_may_be_cut_anywhere(client):
    reply = chunked(*EVENTS)
    cut = 0

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(reply[:cut])
            await connection.pause(0.001)
            await connection.send(reply[cut:])

    async with rogue(behave) as server:
        one = client(server.url)
        for cut in range(1, len(reply)):
            assert bytes((await one.send()).body) == b"".join(EVENTS), f"cut at {cut}"
        assert len(server.connections) == 1


async def test_a_reply_may_come_byte_by_byte(client):
    reply = chunked(*EVENTS)
    async with rogue(in_pieces(reply, *range(1, len(reply)))) as server:
        one = client(server.url)
        assert bytes((await one.send()).body) == b"".join(EVENTS)
        assert bytes((await one.send()).body) == b"".join(EVENTS)


async def test_each_read_has_its_stamp(client):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(chunked_head())
        for event in EVENTS:
            await connection.pause(0.03)
            await connection.send(chunk(event))
        await connection.pause(0.03)
        await connection.send(END)
        await connection.until_closed()

    async with rogue(behave) as server:
        reply = await client(server.url).send()
    assert list(reply.ends) == [len(b"".join(EVENTS[: i + 1])) for i in range(3)]
    assert all(later - earlier > 10_000_000 for earlier, later in zip(reply.stamps, reply.stamps[1:], strict=False))
    assert reply.first_byte_ns < reply.stamps[0] - 10_000_000, "the head came first"


@pytest.mark.parametrize("body", [
    pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", id="events end with CRLF"),
    pytest.param(b"data: a\n\ndata: b\n\n", id="events end with LF"),
    pytest.param(b"data: a\r\rdata: b\r\r", id="events end with CR"),
    pytest.param(b": ping - 12:00:01\n\n: ping - 12:00:16\n\ndata: a\n\n", id="comments before the first event"),
    pytest.param("data: 日本語 🌍\n\n".encode(), id="UTF-8 of two to four bytes"),
    pytest.param(b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", id="a body that looks like the end of itself"),
    pytest.param(bytes(range(256)), id="any byte"),
    pytest.param(b"", id="nothing"),
])  # fmt: skip
async def test_bytes_pass_unchanged_in_every_framing(client, body):
    close_delimited = b"HTTP/1.1 200 OK\r\n" + SSE + b"connection: close\r\n\r\n" + body
    old = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + body
    singles = [body[i : i + 1] for i in range(len(body))]
    for reply, closes in (
        (whole(body), False),
        (chunked(*[body] if body else []), False),
        (chunked(*singles), False),
        (close_delimited, True),
        (old, True),
    ):

        async def behave(connection: Connection, reply: bytes = reply, closes: bool = closes) -> None:
            await connection.request()
            await connection.send(reply)
            if not closes:
                await connection.until_closed()

        async with rogue(behave) as server:
            got = await client(server.url).send()
        assert bytes(got.body) == body
        assert got.bytes_in >= len(body)


@pytest.mark.parametrize("head", [
    pytest.param(b"TRANSFER-ENCODING: chunked\r\n", id="header names in capitals"),
    pytest.param(b"transfer-encoding:chunked\r\n", id="no space after the colon"),
    pytest.param(b"transfer-encoding: \t chunked \r\n", id="blanks around the value"),
    pytest.param(b"transfer-encoding: Chunked\r\n", id="the coding in capitals"),
])  # fmt: skip
async def test_headers_are_read_as_http_says(client, head):
    async with rogue(answering(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + chunk(b"abc") + END)) as server:
        assert bytes((await client(server.url).send()).body) == b"abc"


async def test_chunk_extensions_and_trailers_are_not_the_body(client):
    reply = chunked_head() + b"3;name=value\r\nabc\r\n0\r\nx-trailer: 1\r\n\r\n"
    async with rogue(answering(reply)) as server:
        one = client(server.url)
        for _ in range(2):
            got = await one.send()
            assert bytes(got.body) == b"abc"
            assert got.header(b"x-trailer") is None
        assert len(server.connections) == 1


@pytest.mark.parametrize("interim", [
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="100 continue, unasked"),
    pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n", id="102 processing"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n", id="103 with headers of its own"),
    pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n" * 5 + b"HTTP/1.1 100 Continue\r\n\r\n", id="several of them"),
])  # fmt: skip
@pytest.mark.parametrize("apart", [pytest.param(True, id="apart"), pytest.param(False, id="in one write")])
async def test_interim_replies_are_not_the_reply(client, interim, apart):
    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(interim)
            if apart:
                await connection.pause(0.03)
            await connection.send(whole(b"{}", status=b"201 Created"))

    async with rogue(behave) as server:
        one = client(server.url)
        for _ in range(2):
            reply = await one.send()
            assert reply.status == 201
            assert reply.header(b"link") is None
            assert bytes(reply.body) == b"{}"
            if apart:
                assert reply.first_byte_ns - reply.written_ns > 10_000_000, "an interim reply is not the first byte"
        assert len(server.connections) == 1


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


TEXT = b"data: " + b"x" * 5000 + b"\n\n"


@pytest.mark.parametrize(("coding", "packed"), [
    pytest.param(b"gzip", gzip.compress(TEXT), id="gzip"),
    pytest.param(b"GZIP", gzip.compress(TEXT), id="gzip in capitals"),
    pytest.param(b"x-gzip", gzip.compress(TEXT), id="x-gzip"),
    pytest.param(b"deflate", zlib.compress(TEXT), id="deflate"),
    pytest.param(b"deflate", _raw_deflate(TEXT), id="deflate without its zlib head"),
    pytest.param(b"gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), id="gzip of two members"),
    pytest.param(b"identity", TEXT, id="identity"),
])  # fmt: skip
async def test_compressed_bodies_are_unpacked(client, coding, packed):
    head = SSE + b"content-encoding: " + coding + b"\r\n"
    singles = [packed[i : i + 1] for i in range(len(packed))]
    for reply in (whole(packed, head), chunked(packed, head=head), chunked(*singles, head=head)):
        async with rogue(in_pieces(reply, len(reply) - 9, len(reply) - 3)) as server:
            got = await client(server.url).send()
            assert bytes(got.body) == TEXT
            assert "gzip" in server.heard[0].headers["accept-encoding"]


@pytest.mark.parametrize("wbits", [pytest.param(31, id="gzip"), pytest.param(15, id="deflate")])
async def test_a_compressed_stream_flushed_per_event_arrives_per_event(client, wbits):
    async def behave(connection: Connection) -> None:
        await connection.request()
        packer = zlib.compressobj(wbits=wbits)
        coding = b"content-encoding: gzip\r\n" if wbits == 31 else b"content-encoding: deflate\r\n"
        await connection.send(chunked_head(SSE + coding))
        for event in EVENTS:
            await connection.send(chunk(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)))
            await connection.pause(0.03)
        await connection.send(chunk(packer.flush()) + END)
        await connection.until_closed()

    async with rogue(behave) as server:
        reply = await client(server.url).send()
    assert bytes(reply.body) == b"".join(EVENTS)
    assert list(reply.ends) == [len(b"".join(EVENTS[: i + 1])) for i in range(3)]


@pytest.mark.parametrize(("coding", "packed"), [
    pytest.param(b"gzip", b"this is not gzip at all", id="not gzip"),
    pytest.param(b"gzip", gzip.compress(TEXT)[:-10], id="gzip cut short"),
    pytest.param(b"deflate", zlib.compress(TEXT)[:-5], id="deflate cut short"),
    pytest.param(b"gzip", gzip.compress(TEXT)[:-8] + b"\x00" * 8, id="gzip with a wrong checksum"),
    pytest.param(b"br", b"\x00\x01", id="a coding nobody asked for"),
])  # fmt: skip
async def test_a_body_that_cannot_be_unpacked_is_a_fault(client, coding, packed):
    async with rogue(answering(whole(packed, b"content-encoding: " + coding + b"\r\n"))) as server:
        one = client(server.url)
        assert await one.fault() == "bad_encoding"
        assert await one.fault() == "bad_encoding", "and the next request is none the worse"


async def test_ten_megabytes_each_way(client):
    async def echo(connection: Connection) -> None:
        while True:
            heard = await connection.request()
            await connection.send(whole(heard.body))

    body = bytes(range(256)) * 40_000
    async with rogue(echo) as server:
        one = client(server.url)
        for _ in range(2):
            assert (await one.send(a_request(body))).body == body
        assert len(server.connections) == 1


async def test_ten_megabytes_in_small_chunks(client):
    piece = b"x" * 1000
    async with rogue(answering(chunked(*[piece] * 10_000))) as server:
        reply = await client(server.url).send()
    assert len(reply.body) == 10_000_000


async def test_a_long_reply_is_handed_over_in_pieces(client):
    from perfbench.engine.request import Reply

    taken = bytearray()
    reply = Reply()
    reply.spill_at = 100_000

    def spill() -> None:
        taken.extend(reply.body)
        reply.body.clear()
        del reply.ends[:], reply.stamps[:]

    reply.spill = spill
    async with rogue(answering(chunked(*[b"y" * 1000] * 3000))) as server:
        await client(server.url).transport.send(a_request(), reply)
    assert len(taken) + len(reply.body) == 3_000_000
    assert len(taken) > 2_000_000


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_a_reply_without_body_ends_with_its_head(client, status):
    async with rogue(answering(b"HTTP/1.1 %b\r\nx-request-id: 7\r\n\r\n" % status)) as server:
        one = client(server.url)
        for _ in range(2):
            reply = await one.send()
            assert (reply.status, bytes(reply.body)) == (int(status[:3]), b"")
            assert reply.header(b"x-request-id") == b"7"
        assert len(server.connections) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 408, 422, 429, 500, 503])
async def test_a_status_is_not_a_fault_of_the_wire(client, status):
    body = b'{"error":{"message":"no"}}'
    reply = whole(body, b"retry-after: 2\r\n", b"%d Some Reason" % status)
    async with rogue(answering(reply)) as server:
        one = client(server.url)
        for _ in range(2):
            got = await one.send()
            assert (got.status, bytes(got.body)) == (status, body)
            assert got.header(b"retry-after") == b"2"
        assert len(server.heard) == 2, "and it is not tried again in secret"


async def test_a_compressed_error_is_unpacked_too(client):
    body = b'{"error":{"message":"no"}}'
    async with rogue(answering(whole(gzip.compress(body), b"content-encoding: gzip\r\n", b"400 Bad"))) as server:
        assert bytes((await client(server.url).send()).body) == body


async def test_what_is_sent_is_what_was_given(client):
    body = '{"model": "m",   "messages": [], "text": "Grüße"}'.encode()
    async with rogue(answering(whole(b"{}"))) as server:
        one = client(server.url, api_key="key-1", headers={"X-Team": "blue", "X-Both": "endpoint"})
        await one.send(a_request(body, headers=(("x-both", "request"),)))
        await one.send(a_request(b"", dialect=Get()))
        post, get = server.heard
    assert post.line == "POST /v1/chat/completions HTTP/1.1"
    assert post.body == body
    assert post.headers["content-type"] == "application/json"
    assert post.headers["authorization"] == "Bearer key-1"
    assert (post.headers["x-team"], post.headers["x-both"]) == ("blue", "request")
    assert post.headers["host"] == f"127.0.0.1:{server.port}"
    assert get.line == "GET /v1/models HTTP/1.1"
    assert get.body == b""


async def test_a_host_that_the_user_names_is_the_only_one(client):
    heads: list[bytes] = []

    async def hear(connection):
        heads.append((await connection.reader.readuntil(b"\r\n\r\n")).lower())
        await connection.send(whole(b"{}"))
        await connection.pause(0.05)

    async with rogue(hear) as server:
        assert (await client(server.url, headers={"Host": "llm.internal"}).send()).status == 200
    assert heads[0].count(b"\r\nhost:") == heads[0].count(b"\r\nhost: llm.internal\r\n") == 1


async def test_a_full_path_and_a_query_are_kept(client):
    async with rogue(answering(whole(b"{}"))) as server:
        one = client(f"http://127.0.0.1:{server.port}/openai/chat/completions?api-version=1")
        reply = await one.send()
    assert server.heard[0].line == "POST /openai/chat/completions?api-version=1 HTTP/1.1"
    assert reply.url == f"http://127.0.0.1:{server.port}/openai/chat/completions?api-version=1"


async def test_without_a_key_none_is_sent(client, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "from-elsewhere")
    async with rogue(answering(whole(b"{}"))) as server:
        await client(server.url).send()
    assert "authorization" not in server.heard[0].headers
