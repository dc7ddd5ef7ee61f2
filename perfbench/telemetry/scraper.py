"""Scraper: asks /metrics addresses once a second while a run lasts, and writes down what they say.

It runs in the parent process, which sends no load, with a client of its own; the processes that measure know nothing of
it. Every address has a task of its own, so that one that hangs keeps no other waiting. Whatever an address does (no
answer, an error, garbage) becomes a sample with an `error`, and nothing is raised.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from perfbench.engine.errors import SinkFailed
from perfbench.engine.sinks.jsonl import JsonlSink
from perfbench.telemetry.reading import Reading, read_metrics
from perfbench.telemetry.sample import Kind, ServerSample

PATIENCE_S = 2.0
"""For one answer. Also what a run waits at most for the first and for the last one."""
MOST_BYTES = 16 << 20
"""Of an answer; the largest seen of a real engine has a fiftieth of that."""


@dataclass(frozen=True, slots=True)
class Address:
    url: str
    kind: Kind
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May hold a key."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@asynccontextmanager
async def scraping(
    addresses: Sequence[Address], file: Path, every_s: float = 1.0, patience_s: float = PATIENCE_S
) -> AsyncIterator[None]:
    """Scrape the addresses into `file` while the block lasts: once before it begins, then every `every_s`, and once
    when it is over. Takes no longer for that than `patience_s` at each end, whatever the addresses do."""
    if not addresses:
        yield
        return
    sink = JsonlSink(file)
    timeout = aiohttp.ClientTimeout(total=patience_s)
    async with aiohttp.ClientSession(timeout=timeout, headers={"Accept": "text/plain"}) as client:
        emit = _careful(sink)
        await asyncio.gather(*(_scrape(client, address, emit) for address in addresses))
        going = [asyncio.create_task(_go_on(client, address, emit, every_s)) for address in addresses]
        over = False
        try:
            yield
            over = True
        finally:
            for task in going:
                task.cancel()
            await asyncio.wait(going)
            if over:  # and not broken off by somebody who does not want to wait
                await asyncio.gather(*(_scrape(client, address, emit) for address in addresses))
            with suppress(SinkFailed):  # the records' own sink fails at a full disk too, and says so
                await sink.close()


def _careful(sink: JsonlSink) -> Callable[[ServerSample], None]:
    def emit(sample: ServerSample) -> None:
        with suppress(SinkFailed):  # as above
            sink.add(sample)

    return emit


async def _go_on(
    client: aiohttp.ClientSession, address: Address, emit: Callable[[ServerSample], None], every_s: float
) -> None:
    """On a fixed grid; instants that pass while an address takes its time are left out."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s = max(due_s + every_s, loop.time())
        await asyncio.sleep(due_s - loop.time())
        await _scrape(client, address, emit)


async def _scrape(client: aiohttp.ClientSession, address: Address, emit: Callable[[ServerSample], None]) -> None:
    began_ns = time.perf_counter_ns()
    reading, error = Reading("", {}), ""
    try:
        try:
            text = await _fetch(client, address)
        finally:
            took_ns = time.perf_counter_ns() - began_ns
        reading = read_metrics(text)
        error = "" if reading.values else "says nothing that is known of any engine"
    except TimeoutError:
        error = "did not answer in time"
    except (aiohttp.ClientError, OSError) as fault:
        error = _in_words(fault)
    except ValueError:  # UnicodeDecodeError is one too
        error = "did not answer in Prometheus's text format"
    at_ns = began_ns + took_ns // 2
    emit(ServerSample(
        url=address.url, kind=address.kind, at_ns=at_ns, took_ns=took_ns, engine=reading.engine, values=reading.values,
        wall_ns=time.time_ns() - (time.perf_counter_ns() - at_ns), error=error,
    ))  # fmt: skip


async def _fetch(client: aiohttp.ClientSession, address: Address) -> str:
    tls = address.tls if address.tls is not None else True
    async with client.get(address.url, headers=dict(address.headers), ssl=tls, allow_redirects=False) as answer:
        if answer.status != 200:
            raise aiohttp.ClientError(f"answered {answer.status}")
        body = bytearray()
        async for piece in answer.content.iter_any():
            body += piece
            if len(body) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES} bytes")
        return body.decode()


def _in_words(fault: Exception) -> str:
    if isinstance(fault, aiohttp.ClientConnectorError):
        return "could not be reached"
    text = str(fault)
    return text if text.startswith("answered ") else f"broke off ({type(fault).__name__})"
