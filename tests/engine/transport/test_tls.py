"""TLS: trusted, not trusted, and trusted on purpose."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from perfbench.engine.errors import ScenarioError
from tests.engine.transport.dialects import a_request
from tests.engine.transport.rogue import Connection, answering, chunked, rogue, whole


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def server_side(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_a_server_of_the_given_authority_is_trusted(client, authority, ca_file):
    async with rogue(answering(chunked(b"data: a\n\n")), server_side(authority, "localhost")) as server:
        one = client(server.url, ca=ca_file)
        for _ in range(3):
            assert bytes((await one.send()).body) == b"data: a\n\n"
        assert len(server.connections) == 1


async def test_any_server_is_taken_when_verification_is_off(client, authority):
    async with rogue(answering(whole(b"{}")), server_side(authority, "elsewhere.example")) as server:
        assert (await client(server.url, verify=False).send()).status == 200


async def test_a_server_of_an_unknown_authority_is_refused(client, authority):
    async with rogue(answering(whole(b"{}")), server_side(authority, "localhost")) as server:
        one = client(server.url)
        reply, fault = await one.try_send()
        assert fault is not None and fault.kind == "tls"
        assert "verif" in fault.detail.lower()
        assert reply.written_ns is None
        assert server.heard == []


async def test_a_server_of_another_name_is_refused(client, authority, ca_file):
    async with rogue(answering(whole(b"{}")), server_side(authority, "elsewhere.example")) as server:
        assert await client(server.url, ca=ca_file).fault() == "tls"


async def test_a_server_that_speaks_no_tls_is_a_tls_fault(client):
    async def behave(connection: Connection) -> None:
        await connection.reader.read(100)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    async with rogue(behave) as server:
        assert await client(f"https://localhost:{server.port}").fault() == "tls"


async def test_a_handshake_that_stands_still_times_out(client):
    async def behave(connection: Connection) -> None:
        await connection.until_closed()

    async with rogue(behave) as server:
        one = client(f"https://localhost:{server.port}", connect_timeout_s=0.3)
        assert await one.fault() == "timeout_connect"
        async with asyncio.timeout(10):
            await server.connections[0].closed_by_client.wait()


async def test_ten_megabytes_each_way_over_tls(client, authority, ca_file):
    async def echo(connection: Connection) -> None:
        while True:
            heard = await connection.request()
            await connection.send(whole(heard.body))

    body = bytes(range(256)) * 40_000
    async with rogue(echo, server_side(authority, "localhost")) as server:
        assert (await client(server.url, ca=ca_file).send(a_request(body))).body == body


async def test_a_cut_inside_a_body_over_tls_is_a_fault(client, authority, ca_file):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
        await connection.pause(0.05)
        if connection.number:
            connection.writer.transport.abort()

    async with rogue(behave, server_side(authority, "localhost")) as server:
        one = client(server.url, ca=ca_file)
        assert await one.fault() == "truncated", "with a close_notify"
        assert await one.fault() in ("truncated", "reset"), "without one"


async def test_a_kept_tls_connection_that_dies_is_tried_once_more(client, authority, ca_file):
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(whole(b"{}"))
        if connection.number == 0:
            await connection.request()
        else:
            await connection.until_closed()

    async with rogue(behave, server_side(authority, "localhost")) as server:
        one = client(server.url, ca=ca_file)
        await one.send()
        assert (await one.send()).reconnects == 1


def test_a_ca_file_that_is_not_there_is_the_users_mistake(tmp_path: Path):
    from perfbench.engine.transport.base import Endpoint

    with pytest.raises(ScenarioError, match="ca"):
        Endpoint(("https://localhost",), ca=str(tmp_path / "missing.pem")).ssl_context()
