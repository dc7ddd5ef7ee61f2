"""What is particular to the aiohttp transport: redirects, and proxies when asked for."""

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Reply
from perfbench.engine.transport.aiohttp import AiohttpTransport
from perfbench.engine.transport.base import Endpoint
from tests.engine.transport.conftest import Client
from tests.engine.transport.dialects import a_request
from tests.engine.transport.rogue import Connection, answering, rogue, whole


@pytest.fixture
async def open_aiohttp():
    opened = []

    def open_one(url: str, **options) -> Client:
        opened.append(AiohttpTransport(Endpoint((url,), **options)))
        return Client(opened[-1])

    yield open_one
    for transport in opened:
        await transport.close()


async def test_a_redirect_is_followed_with_the_body(open_aiohttp):
    async with rogue(answering(whole(b"{}"))) as there:
        redirect = whole(b"", b"location: %b/chat\r\n" % there.url.encode(), b"307 Temporary Redirect")
        async with rogue(answering(redirect)) as here:
            reply = await open_aiohttp(here.url).send(a_request(b"abc"))
    assert there.heard[0].body == b"abc"
    assert reply.url == f"{there.url}/chat"


async def test_a_redirect_without_end_is_a_fault(open_aiohttp):
    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(whole(b"", b"location: /v1/again\r\n", b"307 Temporary Redirect"))

    async with rogue(behave) as server:
        assert await open_aiohttp(server.url).fault() == "bad_http"
        assert len(server.heard) < 20


async def test_a_proxy_is_used_only_if_asked_for(open_aiohttp, monkeypatch):
    async with rogue(answering(whole(b'{"proxy":1}'))) as proxy, rogue(answering(whole(b'{"direct":1}'))) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert bytes((await open_aiohttp(server.url).send()).body) == b'{"direct":1}'
        assert bytes((await open_aiohttp(server.url, trust_env=True).send()).body) == b'{"proxy":1}'
        assert proxy.heard[0].line == f"POST {server.url}/chat/completions HTTP/1.1"


async def test_a_name_and_password_beside_a_key_are_the_users_mistake(open_aiohttp):
    one = open_aiohttp("http://user:pass@127.0.0.1:1", api_key="k")
    with pytest.raises(ScenarioError) as caught:
        await one.transport.send(a_request(), Reply())
    assert "pass@" not in str(caught.value)
