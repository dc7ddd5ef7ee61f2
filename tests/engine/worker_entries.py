"""What the children of tests/engine/test_workers.py do: one small entry for each way to behave."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from perfbench.engine.errors import ScenarioError
from perfbench.engine.workers import Link


async def echo(payload: bytes, link: Link) -> bytes:
    """Tell everything that came in."""
    began_ns = await link.go()
    for number in range(3):
        link.progress(b"%d of %d: %d" % (link.index, link.of, number))
    return b"%d %d %b" % (link.index, began_ns, payload)


async def chatty(payload: bytes, link: Link) -> bytes:
    """More than a pipe holds, in messages larger than a read, with stray prints in between."""
    await link.go()
    for number in range(50):
        print("a stray print", flush=True)
        sys.stdout.write("\x00" * 10)
        link.progress(bytes([number]) * 200_000)
        await asyncio.sleep(0.001)
    return b"x" * 3_000_000


async def until_halted(payload: bytes, link: Link) -> bytes:
    """Run until told to stop; write the reason into the file that the payload names, if any."""
    halted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    link.on_halt(halted.set_result)
    await link.go()
    link.progress(str(os.getpid()).encode())
    reason = await halted
    if payload:
        Path(payload.decode()).write_text(reason)  # noqa: ASYNC240 (one word, at the end)
    return reason.encode()


async def one_raises(payload: bytes, link: Link) -> bytes:
    await link.go()
    if link.index == 1:
        raise ZeroDivisionError("a bug in worker 1")
    return b"fine"


async def one_is_wrong(payload: bytes, link: Link) -> bytes:
    if link.index == 1:
        raise ScenarioError("prompts.txt: no such file")
    await link.go()
    return b"fine"


async def one_is_killed(payload: bytes, link: Link) -> bytes:
    """Worker 1 is killed at the point that the payload names."""
    if link.index == 1 and payload == b"before ready":
        os.kill(os.getpid(), signal.SIGKILL)
    await link.go()
    link.progress(b"here")
    if link.index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"fine"


async def stubborn(payload: bytes, link: Link) -> bytes:
    """Hears the word stop, and goes on."""
    await link.go()
    link.progress(b"here")
    await asyncio.sleep(3600)
    return b""


async def without_input(payload: bytes, link: Link) -> bytes:
    """Exit without a word."""
    os._exit(7)
