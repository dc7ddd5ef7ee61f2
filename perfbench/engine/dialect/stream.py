"""Stream: reads an event stream whose payloads are JSON objects, for any dialect.

The framer finds the events, one typed decoder reads all that came at once, a `Collector` of the dialect makes them an
answer. When something among them is not what it should be, the same events go through the same decoder and collector
one at a time: the broken ones become the fault, the others still count.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import msgspec

from perfbench.engine.dialect.error_object import error_message
from perfbench.engine.dialect.sse import Events, Framer
from perfbench.engine.errors import BadReply, TransportFault
from perfbench.engine.request import Answer, Reply

EXCERPT_CHARACTERS = 120
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a typed decoder raises for bytes that are not what they should be; the last one for very deep nesting."""

T = TypeVar("T")


class Collector(Protocol[T]):
    """Gathers an answer from the events of one stream."""

    fault: TransportFault | None
    """The first one."""

    def add(self, events: list[T], instants: list[int]) -> None: ...

    def answer(self, *, complete: bool, done: bool) -> Answer:
        """What has come. Whether it is a whole answer is asked only if the wire says it is `complete`."""


class EventReader(Generic[T]):
    """The `StreamReader` of a dialect that streams JSON."""

    __slots__ = ("_collector", "_decoder", "_framer", "_read", "_reply")

    def __init__(self, decoder: msgspec.json.Decoder[T], collector: Collector[T]) -> None:
        self._decoder = decoder
        self._collector = collector
        self._framer = Framer()
        self._reply: Reply | None = None
        self._read = 0

    def feed(self, reply: Reply) -> None:
        self._reply = reply
        events = self._framer.take(reply)
        if events is not None:
            self._take(events)

    def finish(self, *, complete: bool) -> Answer:
        if complete and self._reply is not None:  # a broken wire's last event may be cut anywhere, and is left alone
            events = self._framer.rest(self._reply)
            if events is not None:
                self._take(events)
        return self._collector.answer(complete=complete, done=self._framer.done)

    def _take(self, events: Events) -> None:
        if events.objects is not None:
            try:
                decoded = self._decoder.decode_lines(events.objects)
            except UNREADABLE:
                decoded = []
            if len(decoded) == len(events.instants):
                self._collector.add(decoded, events.instants)
                self._read += len(decoded)
                return
        for position, payload in enumerate(events.split()):
            self._read += 1
            if position in events.errors:
                self._fail("stream_error", error_message(payload))
                continue
            try:
                event = self._decoder.decode(payload)
            except UNREADABLE as error:
                self._fail("bad_event", f"event {self._read}: {error}: {excerpt(payload)}")
                continue
            self._collector.add([event], events.instants[position : position + 1])

    def _fail(self, kind: str, detail: str) -> None:
        if self._collector.fault is None:
            self._collector.fault = BadReply(kind, detail)


class Unstreamed:
    """The reader of a dialect that has no streams: an event stream in its place is not an answer."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._head = b""

    def feed(self, reply: Reply) -> None:
        self._head = (self._head + bytes(reply.body))[: 4 * EXCERPT_CHARACTERS]
        reply.body.clear()
        del reply.ends[:], reply.stamps[:]

    def finish(self, *, complete: bool) -> Answer:
        answer = Answer()
        if complete:
            detail = f"an event stream, but {self._name} is not streamed: {excerpt(self._head)}"
            answer.fault = BadReply("bad_body", detail)
        return answer


def excerpt(data: bytes) -> str:
    """The beginning of what could not be read, short enough for a table."""
    text = data[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")
    return repr(text if len(text) <= EXCERPT_CHARACTERS else text[:EXCERPT_CHARACTERS] + "...")


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T | BadReply:
    """A body that is one JSON object, or the fault that it is not."""
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        return BadReply("bad_body", f"{error}: {excerpt(body)}" if body else "the body is empty")
