"""What the tests of the engine's core share: the smallest dialect, servers as scripts, and a house to drive them in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.errors import BadReply, TransportFault
from perfbench.engine.lane import Lane
from perfbench.engine.request import Answer, Record, Reply, Request
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.sinks.memory import MemorySink
from perfbench.engine.transport.memory import Behaviour, Data, End, Fault, Head, MemoryTransport, Step, Wait
from tests.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
S = 1_000_000_000  # ns
FOR_EVER = 1e6  # seconds; far beyond every deadline of these tests

PLAIN_BODY = (("content-type", "text/plain"),)


class Words:
    """A reply is words; the last one must be "end". Streamed: one word a line, each an output chunk."""

    name = "words"
    method = "POST"
    path = "/words"
    can_stream = True

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        return (prompt.text or "").encode()

    def reader(self) -> WordReader:
        return WordReader()

    def read(self, body: bytes) -> Answer:
        return _answer(body.split(), [], complete=True)


class WordReader:
    def __init__(self) -> None:
        self.fed = 0
        self._words: list[bytes] = []
        self._instants: list[int] = []

    def feed(self, reply: Reply) -> None:
        self.fed += 1
        taken = 0
        for end, stamp in zip(reply.ends, reply.stamps, strict=True):
            line_end = bytes(reply.body[:end]).rfind(b"\n") + 1
            words = bytes(reply.body[taken:line_end]).split()
            self._words += words
            self._instants += [stamp] * len(words)
            taken = max(taken, line_end)
        del reply.body[:taken]
        kept = [(end - taken, stamp) for end, stamp in zip(reply.ends, reply.stamps, strict=True) if end > taken]
        del reply.ends[:], reply.stamps[:]
        reply.ends.extend(end for end, _ in kept)
        reply.stamps.extend(stamp for _, stamp in kept)

    def finish(self, *, complete: bool) -> Answer:
        return _answer(self._words, self._instants, complete=complete)


def _answer(words: list[bytes], instants: list[int], *, complete: bool) -> Answer:
    answer = Answer()
    answer.text = b" ".join(words).decode()
    answer.output_ns = instants
    answer.output_tokens = len(words)
    answer.input_tokens = 0
    if words and words[-1] == b"end":
        answer.finish_reasons = ["stop"]
    elif complete:
        answer.fault = BadReply("no_finish", "the last word is not end")
    return answer


def a_request(index: int = 0, *, stream: bool = False, tokens: int = 0, dialect: Any = None) -> Request:
    return Request(
        key=str(index), body=b"say", dialect=dialect or Words(), stream=stream, expected_tokens=tokens, model="m"
    )


def answers(after_s: float = 0.0, words: bytes = b"the end", status: int = 200, **headers: str) -> list[Step]:
    """A server that takes that long and then says it all at once."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return [Wait(after_s), Head(status, PLAIN_BODY + named), Data(words), End()]


def streams(*words: bytes, gap_s: float = 1.0) -> list[Step]:
    """A server that takes that long before each word."""
    steps: list[Step] = [Head()]
    for word in words:
        steps += [Wait(gap_s), Data(word + b"\n")]
    return [*steps, End()]


def fails(fault: TransportFault, after_s: float = 0.0) -> list[Step]:
    return [Wait(after_s), Fault(fault)]


def hangs() -> list[Step]:
    return [Wait(FOR_EVER)]


def by_key(scripts: dict[str, list[Step]], otherwise: Iterable[Step] = ()) -> Behaviour:
    """A server that plays the script of each request's key."""
    rest = list(otherwise) or answers()
    return lambda request: scripts.get(request.key, rest)


def in_turn(*scripts: Iterable[Step]) -> Behaviour:
    """A server that plays one script after the other, whoever asks; the last one from then on."""
    played = [list(script) for script in scripts]

    def play(_: Request) -> list[Step]:
        return played.pop(0) if len(played) > 1 else played[0]

    return play


@dataclass
class House:
    scheduler: Scheduler
    clock: VirtualClock
    transport: MemoryTransport
    sink: MemorySink
    began_ns: int

    @property
    def records(self) -> list[Record]:
        return self.sink.records

    def elapsed_s(self) -> float:
        return (self.clock.now_ns() - self.began_ns) / S

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep_until(self.clock.now_ns() + round(seconds * S))


@asynccontextmanager
async def open_house(behaviour: Behaviour, *, sinks: Iterable[Any] = (), **rules: Any) -> AsyncIterator[House]:
    """A scheduler with one lane over a scripted server. `rules` are fields of Lane, or arguments of Scheduler."""
    clock = VirtualClock()
    transport = MemoryTransport(behaviour, clock)
    lane = Lane(transport)
    fields = {name: rules.pop(name) for name in list(rules) if hasattr(lane, name)}
    sink = MemorySink()
    async with Scheduler({"default": replace(lane, **fields)}, [sink, *sinks], clock=clock, **rules) as scheduler:
        yield House(scheduler, clock, transport, sink, clock.now_ns())


def drive(act: Callable[[House], Coroutine[Any, Any, T]], behaviour: Behaviour, **rules: Any) -> tuple[T, House]:
    """Open a house in virtual time, act in it, and return what `act` did and the house. No task may be left over."""

    async def main() -> tuple[T, House]:
        async with open_house(behaviour, **rules) as house:
            done = await act(house)
        for _ in range(3):  # the memory transport's generators are finalized by the loop, in its own time
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks that outlived the house: {left}"
        return done, house

    return run_virtual(main())
