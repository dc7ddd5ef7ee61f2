"""A model on a local server that says what a script says, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

HANG = -1
"""Instead of a status: the server never answers."""


@dataclass
class Scripted:
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    """How often by last message."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Authorization headers."""


@contextmanager
def scripted(say: Callable[[str, int], str | int], refuses: str = "") -> Iterator[Scripted]:
    """A model on a free port. `say` gets the last message and how often it was asked that; it gives the reply, or a
    status, or HANG. A body with the field `refuses` gets a status 400."""
    model = Scripted()
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        model.bodies.append(body)
        model.keys.append(request.headers.get("Authorization", ""))
        if refuses and refuses in body:
            return web.json_response({"error": {"message": f"unknown field {refuses}"}}, status=400)
        message = body["messages"][-1]["content"]
        model.asked[message] += 1
        said = say(message, model.asked[message])
        if said == HANG:
            await stop.wait()
        if isinstance(said, int):
            headers = {"Retry-After": "0"} if said == 429 else {}
            return web.json_response({"error": {"message": "out of order"}}, status=said, headers=headers)
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield model
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
