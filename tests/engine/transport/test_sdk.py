"""What is particular to the sdk transport: the user's arguments reach the client as they are."""

import asyncio

import httpx2
import openai
import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Reply
from perfbench.engine.transport.base import Endpoint
from perfbench.engine.transport.sdk import SdkTransport
from tests.engine.transport.conftest import Client
from tests.engine.transport.dialects import Get, Keyed, a_request
from tests.engine.transport.rogue import Connection, answering, rogue, whole


@pytest.fixture
async def open_sdk():
    opened = []

    def open_one(url: str, **options) -> Client:
        opened.append(SdkTransport(Endpoint((url,), **options)))
        return Client(opened[-1])

    yield open_one
    for transport in opened:
        await transport.close()


async def test_the_clients_own_arguments_win(open_sdk):
    async with rogue(answering(whole(b"{}"))) as server:
        args = {
            "base_url": f"{server.url}/elsewhere", "api_key": "of-args", "organization": "org-1",
            "default_headers": {"X-Mine": "1"}, "default_query": {"api-version": "7"},
        }  # fmt: skip
        reply = await open_sdk("http://127.0.0.1:1", api_key="of-endpoint", model_args=args).send()
    heard = server.heard[0]
    assert heard.line == "POST /v1/elsewhere/chat/completions?api-version=7 HTTP/1.1"
    assert heard.headers["authorization"] == "Bearer of-args"
    assert heard.headers["openai-organization"] == "org-1"
    assert heard.headers["x-mine"] == "1"
    assert reply.url == f"{server.url}/elsewhere/chat/completions?api-version=7"


async def test_the_request_looks_like_the_sdks(open_sdk):
    async with rogue(answering(whole(b"{}"))) as server:
        one = open_sdk(server.url, api_key="k")
        await one.send()
        await one.send(a_request(b"", dialect=Get()))
    for heard in server.heard:
        assert heard.headers["user-agent"] == f"AsyncOpenAI/Python {openai.__version__}"
        assert heard.headers["x-stainless-package-version"] == openai.__version__
        assert "x-stainless-raw-response" not in heard.headers


async def test_a_dialect_that_shows_the_key_its_own_way_sends_no_bearer_token(open_sdk):
    async with rogue(answering(whole(b"{}"))) as server:
        await open_sdk(server.url, api_key="k").send(a_request(dialect=Keyed()))
    assert server.heard[0].headers["x-api-key"] == "k"
    assert "authorization" not in server.heard[0].headers


async def test_retries_are_off_unless_asked_for(open_sdk):
    async with rogue(answering(whole(b"{}", b"retry-after-ms: 1\r\n", b"500 Oops"))) as server:
        assert (await open_sdk(server.url).send()).status == 500
        assert len(server.heard) == 1
        assert (await open_sdk(server.url, model_args={"max_retries": 2}).send()).status == 500
        assert len(server.heard) == 4


async def test_a_timeout_of_the_clients_own_is_a_timeout(open_sdk):
    async def behave(connection: Connection) -> None:
        await connection.request()
        if connection.number:
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
        await connection.until_closed()

    async with rogue(behave) as server:
        one = open_sdk(server.url, model_args={"timeout": 0.2})
        assert await one.fault() == "timeout_first_byte"
        assert await one.fault() == "timeout_idle"


async def test_an_http_client_of_the_users_own_is_used(open_sdk):
    async with httpx2.AsyncClient(headers={"x-own": "1"}) as own, rogue(answering(whole(b"{}"))) as server:
        reply = await open_sdk(server.url, model_args={"http_client": own}).send()
        assert reply.written_ns is not None
    assert server.heard[0].headers["x-own"] == "1"


async def test_an_http_client_without_hooks_still_gives_instants(open_sdk):
    async def body():
        yield b"{"
        yield b"}"

    def handle(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body())

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle)) as own:
        reply = await open_sdk("http://127.0.0.1:1", model_args={"http_client": own}).send()
    assert (bytes(reply.body), list(reply.ends)) == (b"{}", [1, 2])


async def test_more_than_a_thousand_at_once_do_not_queue_in_the_client(open_sdk):
    """The SDK's default client opens a thousand connections and lets the rest wait."""
    waiting = 0
    everyone = asyncio.Event()

    async def behave(connection: Connection) -> None:
        nonlocal waiting
        await connection.request()
        waiting += 1
        if waiting == 1100:
            everyone.set()
        await everyone.wait()
        await connection.send(whole(b"{}", b"connection: close\r\n"))

    async with rogue(behave) as server:
        one = open_sdk(server.url)
        replies = [Reply() for _ in range(1100)]
        async with asyncio.timeout(60):
            await asyncio.gather(*(one.transport.send(a_request(), reply) for reply in replies))
    assert all(reply.status == 200 for reply in replies)


@pytest.mark.parametrize("args", [
    pytest.param({"no_such_argument": 1}, id="an argument the client does not have"),
    pytest.param({"http_client": object()}, id="a client that is none"),
    pytest.param({"base_url": "ftp://127.0.0.1"}, id="an address it cannot reach"),
])  # fmt: skip
async def test_arguments_that_do_not_fit_are_the_users_mistake(args):
    with pytest.raises(ScenarioError, match="model_args"):
        SdkTransport(Endpoint(("http://127.0.0.1:1",), model_args=args))
