"""A small endpoint that writes down what it is sent: bodies, headers, queries. It may be slow, or turn some away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Seen:
    """One request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Recorder:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    refused: int = 0
    inside: int = 0
    most_inside: int = 0

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    def questions(self) -> list[str]:
        return [seen.body["messages"][-1]["content"] for seen in self.seen]


@contextmanager
def recorder(
    *,
    after_s: float = 0.0,
    slots: int | None = None,
    refuses: bool = False,
    text: Callable[[str], str] = lambda question: "Answer: yes",
    fails: Callable[[int], int] = lambda number: 200,
    tokens: Callable[[str], int] = lambda question: 10,
    says: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Iterator[Recorder]:
    """`text` answers a question, `fails` gives the status of the n-th request; `slots` at a time, the rest wait or
    (`refuses`) get 429. Each answer counts `tokens` in the prompt and as many out. `says` gives more of a message, by
    the body."""
    found, loop, ready = Recorder(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()
    room = asyncio.Semaphore(slots or 1_000_000)

    async def answer(request: web.Request) -> web.Response:
        if refuses and room.locked():
            found.refused += 1
            return web.json_response({"error": {"message": "too many"}}, status=429, headers={"Retry-After": "0"})
        found.inside += 1
        found.most_inside = max(found.most_inside, found.inside)
        try:
            async with room:
                body = await request.json()
                found.seen.append(Seen(request.path, dict(request.query), dict(request.headers), body))
                status = fails(len(found.seen) - 1)
                await asyncio.sleep(after_s)
                if status != 200:
                    return web.json_response({"error": {"message": "as told"}}, status=status)
                said = {"role": "assistant", "content": text(body["messages"][-1]["content"])}
                said |= says(body) if says is not None else {}
                count = tokens(body["messages"][-1]["content"])
                usage = {"prompt_tokens": count, "completion_tokens": count, "total_tokens": 2 * count}
                choice = {"index": 0, "message": said, "finish_reason": "stop"}
                return web.json_response({"choices": [choice], "usage": usage})
        finally:
            found.inside -= 1

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
