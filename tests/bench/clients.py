"""Three clients for the same job, each a process of its own: our engine, a bare httptools loop, a bare aiohttp loop.

    python -m tests.bench.clients ours|httptools|aiohttp URL MODEL stream|plain NUMBER PARALLEL TOKENS

The bare ones are what a careful person would write in an afternoon: they send, stamp, parse every event with orjson,
and keep three numbers per request. Ours is the whole engine: admission, deadlines, dialect, record, JSONL. Prints one
line of JSON: wall_s and cpu_s between first request and last reply, and how many replies were whole.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson
import uvloop


def body_of(model: str, stream: bool, tokens: int, index: int) -> bytes:
    """A prompt of about 480 bytes, each its own."""
    body: dict[str, Any] = {
        "model": model, "max_tokens": tokens,
        "messages": [{"role": "user", "content": f"{index} " + "tell me more about it, please, and do go on. " * 10}],
    }  # fmt: skip
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return orjson.dumps(body)


def count_tokens(payload: bytes) -> int:
    """Output events of an SSE body."""
    found = 0
    for event in payload.split(b"\n\n"):
        if event.startswith(b"data: {"):
            choices = orjson.loads(event[6:])["choices"]
            found += bool(choices and choices[0]["delta"].get("content"))
    return found


async def ours(url: str, model: str, stream: bool, number: int, parallel: int, tokens: int) -> int:
    import gc

    from perfbench.engine.dialect.base import dialect
    from perfbench.engine.lane import Lane
    from perfbench.engine.pacing import ClosedLoop
    from perfbench.engine.request import Deadlines, Record, Request
    from perfbench.engine.scheduler import Scheduler, Stop
    from perfbench.engine.sinks.jsonl import JsonlSink
    from perfbench.engine.transport.base import Endpoint, open_transport

    speak = dialect("chat")

    def request(index: int) -> Request:
        return Request(key=str(index), body=body_of(model, stream, tokens, index), dialect=speak, stream=stream)

    class Tally:
        whole = 0

        def add(self, record: Record) -> None:
            self.whole += record.outcome == "ok" and record.output_tokens == tokens

        async def close(self) -> None: ...

    tally = Tally()
    gc.disable()  # as the engine processes of a run do
    with tempfile.TemporaryDirectory() as folder:
        lane = Lane(open_transport("wire", Endpoint((url,))), deadlines=Deadlines(30, 30, 300))
        async with Scheduler({"default": lane}, [JsonlSink(Path(folder) / "requests.jsonl"), tally]) as scheduler:
            await scheduler.run(request, ClosedLoop(parallel), Stop(number=number))
    return tally.whole


class _Bare(asyncio.Protocol):
    """One connection of the bare loop."""

    def __init__(self) -> None:
        import httptools

        self.parser = httptools.HttpResponseParser(self)
        self.chunks: list[bytes] = []
        self.stamps: list[int] = []
        self.waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.now = time.perf_counter_ns()
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.chunks.append(data)
        self.stamps.append(self.now)

    def on_message_complete(self) -> None:
        if self.waiter is not None:
            self.waiter.set_result(None)


async def bare_httptools(url: str, model: str, stream: bool, number: int, parallel: int, tokens: int) -> int:
    loop, parts, whole, left = asyncio.get_running_loop(), urlsplit(url), 0, iter(range(number))
    head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"

    async def slot() -> None:
        nonlocal whole
        _, connection = await loop.create_connection(_Bare, parts.hostname or "", parts.port or 80)
        results = []
        for index in left:
            body = body_of(model, stream, tokens, index)
            connection.chunks, connection.stamps, connection.waiter = [], [], loop.create_future()
            sent_ns = time.perf_counter_ns()
            connection.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            await connection.waiter
            payload = b"".join(connection.chunks)
            got = count_tokens(payload) if stream else orjson.loads(payload)["usage"]["completion_tokens"]
            results.append((connection.stamps[0] - sent_ns, connection.stamps[-1] - sent_ns, got))
            whole += got == tokens

    await asyncio.gather(*(slot() for _ in range(parallel)))
    return whole


async def bare_aiohttp(url: str, model: str, stream: bool, number: int, parallel: int, tokens: int) -> int:
    import aiohttp

    whole, left, target = 0, iter(range(number)), f"{url}/chat/completions"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"content-type": "application/json"}) as session:

        async def slot() -> None:
            nonlocal whole
            results = []
            for index in left:
                sent_ns = time.perf_counter_ns()
                async with session.post(target, data=body_of(model, stream, tokens, index)) as reply:
                    chunks, stamps = [], []
                    async for chunk in reply.content.iter_any():
                        stamps.append(time.perf_counter_ns())
                        chunks.append(chunk)
                payload = b"".join(chunks)
                got = count_tokens(payload) if stream else orjson.loads(payload)["usage"]["completion_tokens"]
                results.append((stamps[0] - sent_ns, stamps[-1] - sent_ns, got))
                whole += got == tokens

        await asyncio.gather(*(slot() for _ in range(parallel)))
    return whole


Job: TypeAlias = tuple[str, str, bool, int, int, int]
CLIENTS: dict[str, Callable[[str, str, bool, int, int, int], Awaitable[int]]] = {
    "ours": ours,
    "httptools": bare_httptools,
    "aiohttp": bare_aiohttp,
}


async def _measured(name: str, job: Job) -> dict[str, float]:
    await CLIENTS[name](*job[:3], 50, 5, job[5])  # imports and first connections are not what is compared
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    whole = await CLIENTS[name](*job)
    return {"wall_s": time.perf_counter() - wall_s, "cpu_s": time.process_time() - cpu_s, "whole": whole}


def main() -> None:
    name, url, model, kind, number, parallel, tokens = sys.argv[1:]
    job = (url, model, kind == "stream", int(number), int(parallel), int(tokens))
    print(orjson.dumps(uvloop.run(_measured(name, job))).decode())


if __name__ == "__main__":
    main()
