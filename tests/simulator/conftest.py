"""Simulators for tests: one in the loop of the test, which ends with it."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.server import serve
from tests.simulator.client import Heard, exchange, request_bytes


class Simulator:
    """A running simulator and the ways to talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(url.rsplit(":", 1)[1].removesuffix("/v1"))

    async def ask(self, fields: dict[str, Any] | bytes, path: str = "/v1/chat/completions", **headers: str) -> Heard:
        return await exchange(self.port, request_bytes(path, fields, headers))

    async def get(self, path: str, method: str = "GET") -> Heard:
        return await exchange(self.port, f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    async def log(self) -> list[dict[str, Any]]:
        """One row a request, in arrival order: numbers as int, `outcome` as text."""
        text = (await self.get("/log")).body.decode()
        rows = csv.DictReader(io.StringIO(text))
        return [{name: value if name == "outcome" else int(value) for name, value in row.items()} for row in rows]

    async def log_once(self, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The log, as soon as it is as wanted; the test's own timeout bounds the wait."""
        while not holds(rows := await self.log()):
            pass
        return rows


Start = Callable[..., Awaitable[Simulator]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a simulator: `await start(ttft_ms=0, skill=0.8, ...)`."""
    servers: list[asyncio.Task[None]] = []

    async def start_one(**options: Any) -> Simulator:
        ready = asyncio.get_running_loop().create_future()
        servers.append(asyncio.create_task(serve(SimulatorConfig(**options), ready.set_result)))
        await asyncio.wait([servers[-1], ready], return_when=asyncio.FIRST_COMPLETED)
        if servers[-1].done():
            servers.pop().result()
        return Simulator(ready.result())

    yield start_one
    for server in servers:
        server.cancel()
    await asyncio.gather(*servers, return_exceptions=True)


@pytest.fixture
async def simulator(start: Start) -> Simulator:
    """One with all defaults."""
    return await start()
