"""Workers: engine processes, one event loop each, and the parent's hold on them.

The parent starts `count` children, gives each its share (position in the deal) and a job, waits until all are ready,
and lets them go at one instant. What a child does is an importable coroutine function `entry(job, link)`; this module
knows nothing of scenarios or records. Children talk over their standard input and output, whole messages with a
length before each; a child whose input ends (the parent died) stops by itself. They are out of the terminal's reach:
Ctrl-C goes to the parent, which decides.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from perfbench.engine.child import child_command, child_environment
from perfbench.engine.errors import ExitCode, PerfbenchError


class Job(msgspec.Struct, tag=True, frozen=True):
    """Parent to child, first of all."""

    entry: str  # "package.module:function"
    index: int
    of: int
    payload: bytes


class Go(msgspec.Struct, tag=True, frozen=True):
    """Parent to child: instant zero of the schedule."""

    began_ns: int


class Halt(msgspec.Struct, tag=True, frozen=True):
    """Parent to child: stop now, leave a record of everything."""

    reason: str


class Ready(msgspec.Struct, tag=True, frozen=True):
    """Child to parent: set up, waiting for Go."""


class Progress(msgspec.Struct, tag=True, frozen=True):
    """Child to parent: figures to show; what they mean is between the two ends."""

    payload: bytes


class Done(msgspec.Struct, tag=True, frozen=True):
    """Child to parent: finished as it should."""

    payload: bytes


class Failed(msgspec.Struct, tag=True, frozen=True):
    """Child to parent: an error ended it. `exit_code` 1 is a bug, and then `text` is a traceback."""

    text: str
    exit_code: int


_ToChild: TypeAlias = Job | Go | Halt
_ToParent: TypeAlias = Ready | Progress | Done | Failed
_encode = msgspec.msgpack.Encoder().encode


def _frame(message: _ToChild | _ToParent) -> bytes:
    data = _encode(message)
    return len(data).to_bytes(4, "big") + data


async def _read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """One message, or None when the other side is gone."""
    try:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


# -- the parent's side -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """How a child ended: with a result, or with an error text."""

    index: int
    result: bytes | None
    error: str = ""
    exit_code: int = 0


class Workers:
    """`async with Workers(...)`: starts the children, and leaves none behind."""

    def __init__(self, entry: str, payload: bytes, count: int, on_progress: Callable[[int, bytes], None]) -> None:
        self._entry, self._payload, self._count = entry, payload, count
        self._on_progress = on_progress
        self._children: list[asyncio.subprocess.Process] = []
        self._ready: list[asyncio.Event] = []
        self._listeners: list[asyncio.Task[WorkerEnd]] = []

    async def __aenter__(self) -> Workers:
        try:
            for index in range(self._count):
                await self._start(index)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self, index: int) -> None:
        child = await asyncio.create_subprocess_exec(
            *child_command("perfbench.engine.workers"), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, start_new_session=True, env=child_environment(),
        )  # fmt: skip
        self._children.append(child)
        self._ready.append(asyncio.Event())
        self._send(index, Job(self._entry, index, self._count, self._payload))
        self._listeners.append(asyncio.create_task(self._listen(index)))

    async def __aexit__(self, *_: object) -> None:
        for listener in self._listeners:
            listener.cancel()
        for child in self._children:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
            await child.wait()
            if child.stdin is not None:
                child.stdin.close()
                with suppress(ConnectionError):  # asked for here, or asyncio may log that nobody did
                    await child.stdin.wait_closed()

    async def ready(self) -> None:
        """All children are set up, or have ended trying."""
        await asyncio.gather(*(event.wait() for event in self._ready))

    @property
    def ended(self) -> bool:
        """Whether any child is over."""
        return any(listener.done() for listener in self._listeners)

    def go(self, began_ns: int) -> None:
        self._send_all(Go(began_ns))

    def halt(self, reason: str) -> None:
        self._send_all(Halt(reason))

    def kill(self) -> None:
        for child in self._children:
            with suppress(ProcessLookupError):
                child.kill()

    async def ends(self) -> list[WorkerEnd]:
        """How each child ended, once all have."""
        return list(await asyncio.gather(*self._listeners))

    def _send_all(self, message: _ToChild) -> None:
        for index in range(len(self._children)):
            self._send(index, message)

    def _send(self, index: int, message: _ToChild) -> None:
        pipe = self._children[index].stdin
        if pipe is not None and not pipe.is_closing():
            with suppress(ConnectionError):
                pipe.write(_frame(message))

    async def _listen(self, index: int) -> WorkerEnd:
        try:
            return await self._hear_out(index)
        finally:
            self._ready[index].set()  # whatever happened, there is nothing more to wait for

    async def _hear_out(self, index: int) -> WorkerEnd:
        child = self._children[index]
        assert child.stdout is not None
        decode = msgspec.msgpack.Decoder(_ToParent).decode
        end: WorkerEnd | None = None
        while (data := await _read_frame(child.stdout)) is not None:
            match decode(data):
                case Ready():
                    self._ready[index].set()
                case Progress(payload):
                    self._on_progress(index, payload)
                case Done(payload):
                    end = WorkerEnd(index, payload)
                case Failed(text, exit_code):
                    end = WorkerEnd(index, None, text, exit_code)
        status = await child.wait()
        if end is not None:
            return end
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        return WorkerEnd(index, None, f"worker {index} died ({how}); what it had recorded is kept", ExitCode.BUG)


# -- the child's side --------------------------------------------------------------------------------------------------


class Link:
    """A child's hold on its parent."""

    def __init__(self, index: int, of: int, writer: asyncio.WriteTransport) -> None:
        self.index, self.of = index, of
        self._writer = writer
        self._go: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._on_halt: Callable[[str], None] | None = None
        self._halted: str | None = None

    async def go(self) -> int:
        """Say that everything is set up; return the instant zero of the schedule once the parent has fixed it."""
        self.send(Ready())
        return await self._go

    def on_halt(self, act: Callable[[str], None]) -> None:
        """What to do when the parent, or its death, says stop; at once if it has already."""
        self._on_halt = act
        if self._halted is not None:
            act(self._halted)

    def progress(self, payload: bytes) -> None:
        """Send figures, unless the parent is so far behind that it has not read the last ones."""
        if self._writer.get_write_buffer_size() < 1 << 20:
            self.send(Progress(payload))

    def send(self, message: _ToParent) -> None:
        if not self._writer.is_closing():
            self._writer.write(_frame(message))

    def received(self, message: Go | Halt) -> None:
        if isinstance(message, Go):
            if not self._go.done():
                self._go.set_result(message.began_ns)
        elif self._halted is None:
            self._halted = message.reason
            if self._on_halt is not None:
                self._on_halt(message.reason)
            if not self._go.done():
                self._go.cancel()


Entry: TypeAlias = Callable[[bytes, Link], Awaitable[bytes]]


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    out = os.dup(1)
    os.dup2(2, 1)  # a stray print must not break the framing
    writer: Any
    writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(out, "wb", 0))
    decode = msgspec.msgpack.Decoder(_ToChild).decode
    first = await _read_frame(reader)
    if first is None:
        return
    job = decode(first)
    assert isinstance(job, Job)
    link = Link(job.index, job.of, writer)
    listener = asyncio.create_task(_obey(reader, link, decode))
    try:
        module, _, function = job.entry.partition(":")
        entry: Entry = getattr(importlib.import_module(module), function)
        link.send(Done(await entry(job.payload, link)))
    except PerfbenchError as error:
        link.send(Failed(str(error), error.exit_code))
    except asyncio.CancelledError:
        link.send(Failed("stopped before it began", ExitCode.INTERRUPTED))
    except BaseException:
        link.send(Failed(traceback.format_exc(), ExitCode.BUG))
    listener.cancel()
    writer.close()
    while writer.get_write_buffer_size():  # noqa: ASYNC110 (a pipe transport has no drain)
        await asyncio.sleep(0.01)


async def _obey(reader: asyncio.StreamReader, link: Link, decode: Callable[[bytes], _ToChild]) -> None:
    while (data := await _read_frame(reader)) is not None:
        message = decode(data)
        if isinstance(message, Go | Halt):
            link.received(message)
    link.received(Halt("orphaned"))


def main() -> None:
    """What `python -m perfbench.engine.workers` runs: one engine process."""
    import uvloop

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
