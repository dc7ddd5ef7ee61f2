"""Preflight: what is said of an address that is no endpoint, and what is behind it more often than not."""

from __future__ import annotations

import ssl

import pytest
import trustme

from perfbench.engine.errors import PerfbenchError, ScenarioError, TargetUnreachable
from perfbench.preflight import find_target
from perfbench.scenario import Scenario
from tests.engine.transport.rogue import Connection, answering, rogue, whole

MODELS = whole(b'{"object":"list","data":[{"id":"a"},{"id":"b"}]}')


def scenario(url: str, **more: object) -> Scenario:
    return Scenario.from_mapping({"url": url, **more}, environment={})


async def refused(url: str, kind: type[PerfbenchError], **more: object) -> str:
    with pytest.raises(kind) as raised:
        await find_target(scenario(url, **more), (url,))
    return str(raised.value)


async def hangs_up(connection: Connection) -> None:
    await connection.head()


async def says_nothing(connection: Connection) -> None:
    await connection.until_closed()


async def test_the_first_model_is_taken_and_that_is_noted():
    async with rogue(answering(MODELS)) as server:
        found = await find_target(scenario(server.url), (server.url,))
    assert found.model == "a"
    assert "first of 2" in found.notes[0]


async def test_a_model_that_is_given_is_not_looked_up():
    async with rogue(answering(whole(b"{}", status=b"404 Not Found"))) as server:
        assert (await find_target(scenario(server.url, model="m"), (server.url,))).model == "m"


async def test_http_where_https_is_spoken():
    async with rogue(hangs_up) as server:
        said = await refused(server.url, TargetUnreachable, model="m")
    assert f"{server.url}/models: disconnected" in said
    assert said.endswith("; does it speak https?")


async def test_https_where_http_is_spoken():
    async with rogue(says_nothing) as server:
        url = server.url.replace("http:", "https:")
        said = await refused(url, TargetUnreachable, model="m", connect_timeout="100ms")
    assert f"{url}/models: timeout_connect" in said
    assert said.endswith("; does it speak http?")


async def test_a_certificate_that_nobody_known_has_signed():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with rogue(answering(MODELS), context) as server:
        said = await refused(server.url, TargetUnreachable, model="m")
    assert "--ca FILE" in said and "--insecure" in said


@pytest.mark.parametrize(("status", "kind"), [
    pytest.param(b"401 Unauthorized", TargetUnreachable, id="the key is wrong, not the scenario"),
    pytest.param(b"403 Forbidden", TargetUnreachable, id="or not good enough"),
    pytest.param(b"404 Not Found", ScenarioError, id="no list of models: name one"),
])  # fmt: skip
async def test_no_model_is_given_and_none_is_told(status, kind):
    async with rogue(answering(whole(b'{"error":"who are you?"}', status=status))) as server:
        said = await refused(server.url, kind)
    assert f"{server.url}/models names none ({status[:3].decode()} who are you?); give --model" in said
    assert ("the right key" in said) is (kind is TargetUnreachable)
