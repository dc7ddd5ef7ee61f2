"""Reply: one answer on its way out, from its place in the queue to its last byte.

A reply is driven by the timetable, not by a task: the handler of the request only waits for `over`. Everything is
written straight to the transport, head included, so that the instants in the log are those of the writes and one event
is one write. For a client that reads slowly the rest of its reply piles up here, and no more than that.

Half way, for a fault, means truthd's half way: at the first event that begins after half of the tokens were sent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from perfbench.simulator.draws import Draws
from perfbench.simulator.plan import Break, Plan
from perfbench.simulator.script import Script
from perfbench.simulator.shapes.base import Event, Shape
from perfbench.simulator.slots import Slots
from perfbench.simulator.timetable import Timetable
from perfbench.simulator.truth import Row

LAST_CHUNK = b"0\r\n\r\n"
_LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: closing sends RST instead of FIN


@dataclass(frozen=True, slots=True)
class House:
    """What all replies of a server share."""

    slots: Slots
    timetable: Timetable
    draws: Draws


@dataclass(frozen=True, slots=True)
class Wire:
    """Where one reply goes."""

    transport: asyncio.Transport
    keep_alive: bool

    def head(self, number: int, framing: bytes) -> bytes:
        connection = b"keep-alive" if self.keep_alive else b"close"
        return b"HTTP/1.1 200 OK\r\n%bX-Request-Id: sim-%d\r\nConnection: %b\r\n\r\n" % (framing, number, connection)

    def reset(self) -> None:
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.transport.abort()


class Reply:
    """What streamed and whole replies have in common: the slot, the pace, the ways to be over."""

    def __init__(self, house: House, wire: Wire, row: Row, plan: Plan, on_ok: Callable[[], None] | None = None) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when nothing more will be written; the outcome is in the row."""
        self._ended = False  # `over` is cancelled together with the handler that waits for it, so it cannot tell
        self._house, self._wire, self._row, self._plan, self._on_ok = house, wire, row, plan, on_ok
        self._due_ns = 0
        # Writes leave at once, not at the end of the loop's turn: the instant before the call is the truth.
        wire.transport.set_write_buffer_limits(high=0)

    def start(self) -> None:
        self._row.started_ns = time.perf_counter_ns()
        self._due_ns = self._row.started_ns + self._wait_ns()
        self._house.timetable.at(self._due_ns, self)

    def tick(self) -> None:
        if self._ended:
            return
        if self._wire.transport.is_closing():
            self.abandon()
            return
        self._write_due()

    def fail(self, error: Exception) -> None:
        if not self._ended:
            self._ended = True
            if not self.over.done():
                self.over.set_exception(error)
            self._house.slots.leave()

    def abandon(self) -> None:
        """The client has gone, which matters only while something is owed to it."""
        if self._ended:
            return
        self._end("client_gone")
        if self._row.started_ns:
            self._house.slots.leave()
        else:
            self._house.slots.withdraw(self)

    def _wait_ns(self) -> int:
        """From the start to the first write."""
        raise NotImplementedError

    def _write_due(self) -> None:
        raise NotImplementedError

    def _gap_ms(self, base_ms: float) -> float:
        plan, gap_ms = self._plan, base_ms
        if plan.load:
            gap_ms *= 1 + plan.load * (self._house.slots.active - 1)
        if plan.jit:
            gap_ms *= 1 - plan.jit + plan.jit * self._house.draws.exponential()
        return gap_ms

    def _finish(self, outcome: str) -> None:
        self._end(outcome)
        if outcome == "ok" and self._on_ok is not None:
            self._on_ok()
        self._house.slots.leave()

    def _end(self, outcome: str) -> None:
        self._ended = True
        self._row.outcome = outcome
        if not self.over.done():
            self.over.set_result(None)


class WholeReply(Reply):
    """A body in one piece, after the time that its tokens would have taken; embeddings and rerank have none."""

    def __init__(
        self, house: House, wire: Wire, row: Row, plan: Plan, on_ok: Callable[[], None] | None = None, *,
        body: Callable[[], bytes], tokens: int, gaps: int,
    ) -> None:  # fmt: skip
        super().__init__(house, wire, row, plan, on_ok)
        self._body, self._tokens, self._gaps = body, tokens, gaps

    def _wait_ns(self) -> int:
        plan, gaps = self._plan, self._gaps
        wait_ms = self._gap_ms(plan.ttft)
        # Each gap is a draw of its own only where there is something to draw.
        wait_ms += sum(self._gap_ms(plan.itl) for _ in range(gaps)) if plan.jit else gaps * self._gap_ms(plan.itl)
        return int(wait_ms * 1e6)

    def _write_due(self) -> None:
        body, row = self._body(), self._row
        framing = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        row.tokens, row.events = self._tokens, 1
        row.first_token_ns = row.last_token_ns = time.perf_counter_ns()
        self._wire.transport.write(self._wire.head(row.number, framing) + body)
        self._finish("ok")


class StreamedReply(Reply):
    """Events on a schedule, and the faults of truthd."""

    def __init__(
        self, house: House, wire: Wire, row: Row, plan: Plan, on_ok: Callable[[], None] | None = None, *,
        shape: Shape, scripts: tuple[Script, ...], fault: Break | None,
    ) -> None:  # fmt: skip
        super().__init__(house, wire, row, plan, on_ok)
        self._shape, self._scripts, self._fault = shape, scripts, fault
        self._length = max(script.length for script in scripts)
        self._sent = 0
        self._spoilt = False
        self._in_halves = bool(plan.split) and not plan.blast
        self._line_end = b"\r\n" if plan.crlf else b"\n"
        self._comment = b": keep-alive" + self._line_end * 2 if plan.ka else b""

    def _wait_ns(self) -> int:
        return int(self._gap_ms(self._plan.ttft) * 1e6)

    def _write_due(self) -> None:
        """Whatever is due now in one write: the head, events, the end."""
        row, out = self._row, list[bytes]()
        if self._sent == 0:  # the head waits for the first token, as on real engines: a queued client sees no byte
            framing = b"Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n"
            out.append(self._wire.head(row.number, framing))
            self._add(out, self._shape.opening())
        if self._fault is not None and self._sent >= self._length // 2:
            fault, self._fault = self._fault, None
            if fault != "junk":
                self._break(fault, out)
                return
            self._add(out, [self._shape.broken()])
            self._spoilt = True
        self._say(out)
        ends = self._sent >= self._length
        if ends:
            self._add(out, self._shape.ending())
            if self._shape.done and not self._plan.nodone:
                self._add(out, [(None, b"[DONE]")])
            out.append(LAST_CHUNK)
        row.last_token_ns = time.perf_counter_ns()
        row.first_token_ns = row.first_token_ns or row.last_token_ns
        self._write(out)
        if ends:
            self._finish("junk" if self._spoilt else "ok")
        else:
            self._due_ns += int(self._gap_ms(self._plan.itl) * 1e6)
            self._house.timetable.at(self._due_ns, self)

    def _say(self, out: list[bytes]) -> None:
        """The tokens that are due: one event for each choice, or all of them at once (blast)."""
        row, step = self._row, self._plan.multi
        until = self._length if self._plan.blast else min(self._sent + step, self._length)
        while self._sent < until:
            for choice, script in enumerate(self._scripts):
                count = min(step, script.length - self._sent)
                if count > 0:  # else this choice had less to say than another
                    thought = self._sent < script.reasoning
                    self._add(out, self._shape.delta(choice, script.text(self._sent, count), thought=thought))
                    row.tokens += count
                    row.events += 1
            self._sent += step

    def _break(self, fault: Break, out: list[bytes]) -> None:
        if fault == "mid":
            self._add(out, [self._shape.failing()])
            out.append(LAST_CHUNK)
        self._write(out)
        if fault == "stall":
            return  # for ever: the row stays open and the slot taken until the client leaves
        if fault == "reset":
            self._wire.reset()
        elif fault == "trunc":
            self._wire.transport.close()
        self._finish(fault)

    def _add(self, out: list[bytes], events: list[Event]) -> None:
        """Each event as one HTTP chunk; with `split` as two, which `_write` keeps apart."""
        end = self._line_end
        for name, data in events:
            named = b"event: %b%b" % (name, end) if name is not None else b""
            lines = b"%b%bdata: %b%b%b" % (self._comment, named, data, end, end)
            half = len(lines) // 2 if self._in_halves else len(lines)
            out.append(b"%x\r\n%b\r\n" % (half, lines[:half]))
            if self._in_halves:
                out.append(b"%x\r\n%b\r\n" % (len(lines) - half, lines[half:]))

    def _write(self, out: list[bytes]) -> None:
        if self._in_halves:
            for piece in out:
                self._wire.transport.write(piece)
        elif out:
            self._wire.transport.write(b"".join(out))
