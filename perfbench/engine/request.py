"""Request, Reply, Answer, Record: the values that flow through the house.

A `Request` is what should be sent, a `Reply` is what the wire has brought so far (filled by a transport, survives a
fault), an `Answer` is what a dialect made of it, a `Record` is what became of the request and the only thing that
reports are computed from. Instants are integer ns on the clock of `perfbench.engine.clock`; `None` means it never
happened. `Record` is a contract with files on disk: fields may be added with a default, never renamed or re-used.

Records are `msgspec.Struct`s because building a frozen dataclass of this size costs more than sending the request.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from perfbench.engine.dialect.base import Dialect
    from perfbench.engine.errors import TransportFault

Outcome = Literal["ok", "failed", "cancelled", "unsent"]
TokenSource = Literal["usage", "tokenizer", "chunks"]


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request, ready to leave: the body is already encoded."""

    key: str
    """The caller's own name for it; comes back in the record."""
    body: bytes
    dialect: Dialect
    stream: bool = True
    model: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """On top of those of the endpoint."""
    expected_tokens: int = 0
    """Prompt plus reply, as far as the caller can tell; what a tokens-per-minute limit admits by."""
    cancel_after_s: float | None = None
    """Hang up so long after it was started, unless the reply is whole by then."""
    tag: str = ""
    session: int | None = None
    turn: int | None = None
    turns: int | None = None
    wanted_input_tokens: int | None = None
    wanted_output_tokens: int | None = None
    item: str = ""
    """These seven go into the record as they are; see there."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long one attempt may take; None is for ever. Opening a connection has its own limit in `Endpoint`."""

    first_byte_s: float | None = None  # from written
    idle_s: float | None = None  # between two reads of the reply
    total_s: float | None = None  # from started

    def shortest_s(self) -> float | None:
        return min((s for s in (self.first_byte_s, self.idle_s, self.total_s) if s is not None), default=None)


class Reply:
    """What the wire has brought so far. A transport fills it in place, so that a fault loses nothing.

    `body` holds the body bytes with transfer and content coding removed; read i of the socket ended at `ends[i]`
    bytes of it and was taken at `stamps[i]`. Long event streams are handed to their reader piece by piece: when
    `body` has grown past `spill_at` bytes the transport calls `spill()`, which empties all three.
    """

    __slots__ = (
        "url", "status", "headers", "body", "ends", "stamps", "written_ns", "first_byte_ns", "last_byte_ns",
        "finished_ns", "reused", "reconnects", "bytes_in", "spill_at", "spill", "task", "overdue", "started_ns",
        "deadlines",
    )  # fmt: skip

    def __init__(self) -> None:
        self.url = ""
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []  # names in lower case
        self.body = bytearray()
        self.ends: array[int] = array("q")
        self.stamps: array[int] = array("q")
        self.started_ns = 0
        self.written_ns: int | None = None
        self.first_byte_ns: int | None = None
        self.last_byte_ns: int | None = None
        self.finished_ns: int | None = None  # the whole reply is here
        self.reused = False
        self.reconnects = 0  # reused connections that were dead on arrival
        self.bytes_in = 0
        self.spill_at = 1 << 62
        self.spill: Callable[[], None] | None = None
        self.task: asyncio.Task[Any] | None = None  # who waits for it; cancelled when a deadline passes
        self.overdue: TransportFault | None = None
        self.deadlines: Deadlines | None = None

    def add(self, data: bytes, now_ns: int) -> None:
        """Take one read's worth of body. The hot path of the wire transport repeats these lines in place."""
        self.body += data
        self.ends.append(len(self.body))
        self.stamps.append(now_ns)
        if len(self.body) >= self.spill_at and self.spill is not None:
            self.spill()

    def header(self, name: bytes) -> bytes | None:
        """The first header of that (lower-case) name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def is_event_stream(self) -> bool:
        return (self.header(b"content-type") or b"").lower().startswith(b"text/event-stream")


class Answer:
    """What a dialect read out of a reply. `fault` says why it is not a whole answer, if it is not."""

    __slots__ = (
        "text", "reasoning", "tool_calls", "finish_reasons", "output_ns", "first_answer_ns", "input_tokens",
        "output_tokens", "reasoning_tokens", "cached_tokens", "extra", "fault",
    )  # fmt: skip

    def __init__(self) -> None:
        self.text: str | None = None  # of choice 0; further choices are in `extra["choices"]`
        self.reasoning: str | None = None
        self.tool_calls: list[dict[str, Any]] | None = None
        self.finish_reasons: list[str] = []
        self.output_ns: list[int] = []  # instants of the events that carried output; empty when not streamed
        self.first_answer_ns: int | None = None  # of these, the first that is not reasoning
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.cached_tokens: int | None = None
        self.extra: dict[str, Any] | None = None  # what a caller may want: embeddings, scores, logprobs, choices
        self.fault: TransportFault | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An attempt that failed and was followed by another."""

    started_ns: int
    finished_ns: int
    written_ns: int | None = None
    first_byte_ns: int | None = None
    status: int | None = None
    error: str = ""
    error_detail: str = ""
    url: str = ""
    waited_s: float = 0.0
    """Pause before the next attempt."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one request: one line of requests.jsonl.

    Order of instants: intended <= dispatched <= started <= written <= first byte <= first output <= last output
    <= finished. When a request was tried more than once, the instants from `started_ns` on are those of the last
    attempt and `earlier` holds the ones before it. Fields at their default are left out of the file.
    """

    key: str
    index: int
    """Position in the global schedule of the run, from 0; -1 for a request submitted by itself."""
    intended_ns: int
    """When pacing wanted it to leave. In a closed loop: when its slot became free."""
    dispatched_ns: int | None = None
    """When the pacer really handed it over; later than intended only if this client is late."""
    started_ns: int | None = None
    """When the limits let it through and the transport took it; None: never left."""
    written_ns: int | None = None
    first_byte_ns: int | None = None
    first_output_ns: int | None = None
    first_answer_ns: int | None = None
    last_output_ns: int | None = None
    finished_ns: int
    """Last byte, or the instant of the fault."""
    outcome: Outcome
    """Without a default, so that every line of the file says it."""
    error: str = ""
    """A key of `errors.KINDS`; empty when ok."""
    error_detail: str = ""
    status: int | None = None
    stream: bool = True
    lane: str = "default"
    model: str = ""
    dialect: str = "chat"
    url: str = ""
    worker: int = 0
    reused: bool = False
    reconnects: int = 0
    earlier: list[Attempt] = []
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    token_source: TokenSource | None = None
    """Where output_tokens came from."""
    chunks: int = 0
    """Events that carried output."""
    itl_ns: list[int] | None = None
    """Gaps between them (chunks - 1 values); None when not kept or not streamed."""
    bytes_in: int = 0
    finish_reasons: list[str] = []
    request_id: str = ""
    """The server's x-request-id."""
    prompt: str | None = None
    """The request body as sent; only when texts are kept, like the next three."""
    text: str | None = None
    reasoning: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    warmup: bool = False
    """Sent before what is measured: in the file, and in no figure."""
    tag: str = ""
    """Which part of a mix of workloads it is."""
    session: int | None = None
    """Position of its session in the schedule of the run; None: a request by itself."""
    turn: int | None = None
    """Which request of its session it is, from 1."""
    turns: int | None = None
    """How many its session was to have."""
    wanted_input_tokens: int | None = None
    """Length that the prompt was meant to have."""
    wanted_output_tokens: int | None = None
    """Length that the reply was asked to have, exactly."""
    item: str = ""
    """What was asked, where it has a name that is the same in every run: BENCHMARK/SUBSET/ID."""
