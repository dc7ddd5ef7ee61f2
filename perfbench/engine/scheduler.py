"""The scheduler: the only way out of the house.

Every request of the project, of a load test or of an eval, goes through `Scheduler._carry`: admission, sending,
deadlines, reading, retries, and exactly one record, whatever happens. `submit` is for callers that need the answer,
`run` for load on a schedule, of single requests or of flows of them (sessions). Lanes (one per endpoint) have limits
and a retry budget of their own; a global cap is shared. What must stay true: a request that was handed over leaves a
record, a cancellation too; no task outlives the `async with` block; nothing but our own bugs and a failed sink ends a
run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Self

from perfbench.engine.adaptive import Search
from perfbench.engine.clock import Alarm, Clock, SystemClock
from perfbench.engine.dialect.base import StreamReader
from perfbench.engine.dialect.error_object import error_message
from perfbench.engine.errors import BadStatus, PerfbenchError, ScenarioError, SinkFailed, TimedOut, TransportFault
from perfbench.engine.flow import Flow, Pause
from perfbench.engine.lane import Lane
from perfbench.engine.limits import Cap, Gate
from perfbench.engine.pacing import ClosedLoop, Pacer, ShapedLoop, Window
from perfbench.engine.recording import attempt_of, record_of
from perfbench.engine.request import Answer, Attempt, Outcome, Record, Reply, Request
from perfbench.engine.retry import RetryBudget, retry_after_s
from perfbench.engine.sinks.base import Sink

SPILL_BYTES = 8 * 1024  # a stream is read in pieces of this size: bounds memory per stream and time per reading
UNCONNECTED = frozenset({"dns", "connect_refused", "connect_failed", "client_limit", "tls"})  # over at once, serverless
CUT_OFF = frozenset({"cancelled", "hung_up"})  # over by our own doing: no failure of the server's
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0  # of a slot of a closed loop that found nobody; doubling in between
NO_ANSWER = Answer()  # of a request that never left; nobody changes it


@dataclass(frozen=True, slots=True)
class Stop:
    """When a run ends: by number, by duration, or whichever comes first."""

    number: int | None = None
    """How many positions of the schedule are sent: a request each, or a whole session."""
    duration_s: float | None = None
    grace_s: float = 30.0
    """How long requests in flight may go on after `duration_s`; then they are cancelled and counted as such."""
    warmup_number: int = 0
    warmup_s: float = 0.0
    """What is sent before: the first arrivals of the schedule, or those of its first seconds. Number and duration count
    from there on; records of the warm-up say that they are."""

    def __post_init__(self) -> None:
        if self.number is None and self.duration_s is None:
            raise ScenarioError("a run needs an end: give number, duration, or both")


@dataclass(frozen=True, slots=True)
class Share:
    """Which positions of the schedule are this process's: index, index + of, index + 2 of, ..."""

    index: int = 0
    of: int = 1


@dataclass(slots=True)
class Counts:
    """Running totals, for whoever shows progress."""

    dispatched: int = 0
    started: int = 0
    finished: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    reason: str  # number, duration, or what `stop` was given
    at_ns: int
    """When no more requests were let go."""
    dispatched: int


class _LaneState:
    """A lane at work."""

    __slots__ = ("budget", "closed", "gate", "lane", "name")

    def __init__(self, name: str, lane: Lane, gate: Gate) -> None:
        self.name, self.lane, self.gate = name, lane, gate
        self.closed = False  # nothing more is let go
        self.budget = RetryBudget(lane.retry)


@dataclass(slots=True)
class _Load:
    """One `run` at work."""

    requests: Callable[[int], Request | Flow]
    number: int | None
    began_ns: int
    end_ns: int | None
    share: Share
    state: _LaneState
    warmup_number: int
    warmup_end_ns: int
    dispatched: int = 0
    ended: tuple[str, int] | None = None  # why and when no more were let go: the first slot to find out says it

    def warmup(self, index: int, due_ns: int) -> bool:
        return index < self.warmup_number or due_ns < self.warmup_end_ns

    def end(self, reason: str, at_ns: int) -> None:
        self.ended = self.ended or (reason, at_ns)


class Scheduler:
    """`async with Scheduler(...) as scheduler:`; leaving the block closes transports and sinks."""

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        sinks: Sequence[Sink] = (),
        *,
        clock: Clock | None = None,
        most_in_flight: int | None = None,
        worker: int = 0,
        seed: int = 0,
    ) -> None:
        self._sinks = tuple(sinks)
        self._clock = clock or SystemClock()
        self._now_ns = self._clock.now_ns
        cap = Cap(most_in_flight)
        self._lanes = {
            name: _LaneState(name, lane, Gate(lane.limits, cap, self._clock)) for name, lane in lanes.items()
        }
        self._rng = random.Random(f"retry {seed} {worker}")
        self._worker = worker
        self._active: set[Reply] = set()  # on the wire
        self._held: dict[asyncio.Task[object], _LaneState | None] = {}  # waiting for a limit or for their next try
        self._stopped: str | None = None  # the reason, once `stop` was called
        self._stopped_ns = 0
        self._watch_task: asyncio.Task[None] | None = None
        self.counts = Counts()

    # -- for callers -------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        shortest_s = min((s for at in self._lanes.values() if (s := at.lane.deadlines.shortest_s())), default=None)
        if shortest_s is not None:
            self._watch_task = asyncio.create_task(self._watch(shortest_s), name="deadlines")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch_task is not None:
            self._watch_task.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch_task
        failed: SinkFailed | None = None
        try:
            for state in self._lanes.values():
                await state.lane.transport.close()
        finally:
            for sink in self._sinks:
                try:
                    await sink.close()
                except SinkFailed as error:  # the others still have something to save
                    failed = failed or error
        if failed is not None:
            raise failed

    @property
    def in_flight(self) -> int:
        return len(self._active)

    @property
    def waiting(self) -> int:
        """Requests held back by a limit."""
        return sum(state.gate.waiting for state in self._lanes.values())

    async def submit(self, request: Request, lane: str = "default") -> Record:
        """Send one request and return its record; a failure is in the record, not raised.

        When the caller is cancelled, the record goes to the sinks and the cancellation on to the caller.
        """
        record, _ = await self.ask(request, lane)
        return record

    async def ask(self, request: Request, lane: str = "default") -> tuple[Record, Answer]:
        """Like `submit`, with the answer beside the record: for what no record holds (log probabilities, vectors)."""
        now_ns = self._now_ns()
        self.counts.dispatched += 1
        return await self._carry(self._lanes[lane], request, -1, now_ns, now_ns)

    async def run(
        self,
        requests: Callable[[int], Request | Flow],
        pacer: Pacer | ClosedLoop | ShapedLoop,
        stop: Stop,
        *,
        began_ns: int | None = None,
        share: Share | None = None,
        lane: str = "default",
    ) -> Ended:
        """Send `requests(0)`, `requests(1)`, ... as the pacer says; return once every one of them has a record.

        A flow takes the place of a request: a slot of a closed loop carries it to its end before it takes the next,
        an arrival of an open loop begins it. Its later requests are due when the one before is over and its pauses
        have passed; once the run's duration is, it is broken off between two requests.

        Raises what `requests` raised, or SinkFailed; what is in flight then is cut off.
        """
        began_ns = self._now_ns() if began_ns is None else began_ns
        warm_ns = began_ns + round(stop.warmup_s * 1e9)
        end_ns = None if stop.duration_s is None else warm_ns + round(stop.duration_s * 1e9)
        load = _Load(
            requests, stop.number, began_ns, end_ns, share or Share(), self._lanes[lane],
            stop.warmup_number, warm_ns,
        )  # fmt: skip
        try:
            async with asyncio.TaskGroup() as tasks:
                stopper = tasks.create_task(self._stop_after(end_ns, stop.grace_s))
                if isinstance(pacer, ClosedLoop | ShapedLoop):
                    await self._closed_loop(tasks, pacer, load)
                else:
                    await self._open_loop(tasks, pacer, load)
                stopper.cancel()
        except BaseExceptionGroup as group:  # every task fails when a sink does; say it once
            known, bugs = group.split(PerfbenchError)
            if bugs is None and known is not None:
                raise _first(known) from None
            raise
        reason, at_ns = load.ended or ("number", self._stopped_ns or self._now_ns())
        return Ended(self._stopped or reason, at_ns, load.dispatched)

    def stop(self, reason: str) -> None:
        """Let nothing more go and cut off what is in flight, in every lane; each cut request leaves its record."""
        if self._stopped is not None:
            return
        self._stopped, self._stopped_ns = reason, self._now_ns()
        for reply in self._active:
            if reply.task is not None and reply.overdue is None:
                reply.task.cancel()
        for task, at in self._held.items():
            if at is None or not at.closed:  # else it has been told already
                task.cancel()

    def close_lane(self, name: str = "default") -> None:
        """Let nothing more go in one lane; what is in flight there goes on to its end, and is not tried again."""
        state = self._lanes[name]
        if state.closed or self._stopped is not None:
            return
        state.closed = True
        for task, at in self._held.items():
            if at is state:
                task.cancel()

    def search(self, lane: str = "default") -> Search | None:
        """How the lane's concurrency is being found; None where it is given."""
        return self._lanes[lane].gate.search

    # -- load --------------------------------------------------------------------------------------------------------

    async def _closed_loop(self, tasks: asyncio.TaskGroup, pacer: ClosedLoop | ShapedLoop, load: _Load) -> None:
        share = load.share
        positions = count(share.index, share.of)
        # Of the requests to be measured, those of this process; the parts add up to the number.
        left = None if load.number is None else load.number // share.of + (share.index < load.number % share.of)

        async def slot(windows: Iterable[Window]) -> None:
            nonlocal left
            free_ns, refused = load.began_ns, 0
            for opens_ns, closes_ns in windows:
                free_ns = max(free_ns, load.began_ns + opens_ns)
                await self._hold(self._clock.sleep_until(free_ns if load.end_ns is None else min(free_ns, load.end_ns)))
                while self._stopped is None:
                    now_ns = self._now_ns()
                    if load.end_ns is not None and now_ns >= load.end_ns:
                        load.end("duration", load.end_ns)
                        return
                    if closes_ns is not None and now_ns >= load.began_ns + closes_ns:
                        break
                    index = next(positions)
                    warmup = load.warmup(index, free_ns)
                    if left is not None and not warmup:
                        if not left:
                            load.end("number", now_ns)
                            return
                        left -= 1
                    found = load.requests(index)
                    record: Record | None
                    if isinstance(found, Request):
                        record, _ = await self._carry(load.state, found, index, free_ns, self._dispatch(load), warmup)
                    else:
                        record = await self._follow(load, found, index, free_ns)
                    # Where nobody listens a request is over in a tenth of a millisecond: a dead server is not hammered.
                    refused = refused + 1 if record is not None and record.error in UNCONNECTED else 0
                    if refused:
                        pause_s = min(FIRST_PAUSE_S * 2.0 ** (refused - 1), LONGEST_PAUSE_S)
                        await self._hold(self._clock.sleep_until(self._now_ns() + round(pause_s * 1e9)))
                    free_ns = self._now_ns()

        slots = [tasks.create_task(slot(windows)) for windows in pacer.slot_windows()[share.index :: share.of]]
        if slots:
            await asyncio.wait(slots)

    async def _open_loop(self, tasks: asyncio.TaskGroup, pacer: Pacer, load: _Load) -> None:
        share = load.share
        in_flight: set[asyncio.Task[object]] = set()
        alarm = Alarm(self._clock)
        left = load.number
        try:
            for index, offset_ns in enumerate(pacer):
                intended_ns = load.began_ns + offset_ns
                if left is not None and not load.warmup(index, intended_ns):
                    if not left:
                        load.end("number", self._now_ns())
                        break
                    left -= 1
                if load.end_ns is not None and intended_ns >= load.end_ns:
                    load.end("duration", load.end_ns)
                    break
                if index % share.of != share.index:
                    continue
                found = load.requests(index)  # built before it is due
                if intended_ns > self._now_ns():
                    await self._hold(alarm.sleep_until(intended_ns))
                else:
                    await asyncio.sleep(0)  # late already: catch up, but let replies be read in between
                if self._stopped is not None and intended_ns > self._stopped_ns:
                    break  # what was due before, and would have left were we not so late, leaves an unsent record
                task: asyncio.Task[object]
                if isinstance(found, Request):
                    warmup = load.warmup(index, intended_ns)
                    sending = self._carry(load.state, found, index, intended_ns, self._dispatch(load), warmup)
                    task = tasks.create_task(sending)
                else:
                    task = tasks.create_task(self._follow(load, found, index, intended_ns))
                in_flight.add(task)
                task.add_done_callback(in_flight.discard)
            else:  # the schedule has an end of its own: a trace, a rate that falls to 0
                load.end("number", self._now_ns())
        finally:
            alarm.close()
        if in_flight:
            await asyncio.wait(in_flight)

    async def _follow(self, load: _Load, flow: Flow, index: int, due_ns: int) -> Record | None:
        """Take a flow through, request by request; returns its last record."""
        heard: tuple[Record, Answer] | None = None
        record: Record | None = None
        try:
            while True:
                step = flow.send(heard)
                heard = None
                if isinstance(step, Pause):
                    due_ns += round(step.seconds * 1e9)
                    continue
                over = load.end_ns is not None and due_ns >= load.end_ns
                if record is not None and (over or not await self._hold(self._clock.sleep_until(due_ns))):
                    return record
                warmup = load.warmup(index, due_ns)
                heard = await self._carry(load.state, step, index, due_ns, self._dispatch(load), warmup)
                record = heard[0]
                due_ns = record.finished_ns
        except StopIteration:
            return record
        finally:
            flow.close()

    def _dispatch(self, load: _Load) -> int:
        """Count one more, and say when."""
        load.dispatched += 1
        self.counts.dispatched += 1
        return self._now_ns()

    async def _stop_after(self, end_ns: int | None, grace_s: float) -> None:
        if end_ns is None:
            return
        await self._clock.sleep_until(end_ns + round(grace_s * 1e9))
        self.stop("duration")

    # -- one request -------------------------------------------------------------------------------------------------

    async def _carry(
        self,
        state: _LaneState,
        request: Request,
        index: int,
        intended_ns: int,
        dispatched_ns: int,
        warmup: bool = False,
    ) -> tuple[Record, Answer]:
        """Take one request through the house. Adds exactly one record to the sinks; returns it, and the last answer."""
        lane, gate = state.lane, state.gate
        earlier: list[Attempt] = []
        failed: Attempt | None = None  # the last attempt, once it paused; joins the earlier ones when there is another
        reply, answer = Reply(), NO_ANSWER
        outcome: Outcome = "unsent"
        fault: TransportFault | None = None
        cancelled: asyncio.CancelledError | None = None
        try:
            while self._stopped is None and not state.closed:
                if not gate.try_enter() and not await self._hold(gate.enter(request.expected_tokens), state):
                    break
                if failed is not None:
                    earlier.append(failed)
                    failed, reply = None, Reply()
                state.budget.started += 1
                try:
                    answer, fault, cancelled = await self._attempt(lane, request, reply)
                finally:
                    gate.leave()
                if gate.counts_tokens:
                    gate.settle(request.expected_tokens, _used_tokens(answer))
                if gate.search is not None:
                    gate.learn(reply.started_ns, answer.output_tokens, fault)
                outcome = "ok" if fault is None else "cancelled" if fault.kind in CUT_OFF else "failed"
                if fault is None or outcome == "cancelled" or cancelled is not None or lane.retry.attempts == 1:
                    break
                pause_s = lane.retry.pause_s(fault, len(earlier) + 1, self._rng)
                if pause_s is None or not state.budget.take():
                    break
                failed_ns = self._now_ns()
                failed = attempt_of(reply, fault, failed_ns, pause_s, lane)
                if not await self._hold(self._clock.sleep_until(failed_ns + round(pause_s * 1e9)), state):
                    break
        except asyncio.CancelledError as error:  # from outside, while nothing was on the wire: unsent, or failed before
            cancelled = error
        if outcome == "unsent":
            fault = TransportFault("unsent")
        ended_ns = reply.finished_ns if failed is None else failed.finished_ns
        record = record_of(
            request, reply, answer, outcome, fault, lane=lane, lane_name=state.name, index=index, worker=self._worker,
            intended_ns=intended_ns, dispatched_ns=dispatched_ns, earlier=earlier, warmup=warmup,
            finished_ns=self._now_ns() if ended_ns is None else ended_ns,
        )  # fmt: skip
        self.counts.finished += 1
        lost: SinkFailed | None = None
        for sink in self._sinks:
            try:
                sink.add(record)
            except SinkFailed as error:  # the others still get it
                lost = lost or error
        if lost is not None:
            raise lost
        if cancelled is not None:
            raise cancelled
        return record, answer

    async def _attempt(
        self, lane: Lane, request: Request, reply: Reply
    ) -> tuple[Answer, TransportFault | None, asyncio.CancelledError | None]:
        """Send once and read what came. The fault of a cut-off request is `cancelled`.

        The third value is a cancellation that came from outside; `stop` and the deadlines take theirs back here.
        """
        task = asyncio.current_task()
        assert task is not None
        reader: StreamReader | None = None
        bug: Exception | None = None
        if request.stream:
            reader = request.dialect.reader()

            def spill() -> None:
                nonlocal bug
                try:
                    _spill(reply, reader)
                except Exception as error:  # a parser is calling, and would take it for a fault of the server's
                    bug, reply.spill_at = error, 1 << 62

            reply.spill_at, reply.spill = SPILL_BYTES, spill
        reply.deadlines = lane.deadlines
        reply.task = task
        reply.started_ns = self._now_ns()
        self.counts.started += 1
        self._active.add(reply)
        hang_up: asyncio.TimerHandle | None = None
        if request.cancel_after_s is not None:
            hang_up = asyncio.get_running_loop().call_later(request.cancel_after_s, self._hang_up, reply)
        fault: TransportFault | None = None
        cancelled: asyncio.CancelledError | None = None
        try:
            await lane.transport.send(request, reply)
        except TransportFault as error:
            fault = error.with_traceback(None)  # whose frames would hold the fault: a cycle for the collector
        except asyncio.CancelledError as error:
            cancelled = error
        finally:
            self._active.discard(reply)
            reply.task = reply.spill = None
            if hang_up is not None:
                hang_up.cancel()
        if bug is not None:
            raise bug
        cut = self._stopped is not None or reply.overdue is not None
        if cut and task.uncancel() == 0:
            cancelled = None
        if (cut or cancelled is not None) and reply.finished_ns is None:
            fault = reply.overdue or TransportFault("cancelled")
        # else the whole reply made it, in the same turn of the loop
        answer = _read(request, reply, reader, fault)
        return answer, fault or answer.fault, cancelled

    def _hang_up(self, reply: Reply) -> None:
        if reply.task is None or reply.overdue is not None or self._stopped is not None:
            return  # a second cancellation could not be told from one that comes from outside
        reply.overdue = TransportFault(
            "hung_up", f"after {(self._now_ns() - reply.started_ns) / 1e9:.3f} s, as asked for"
        )
        reply.task.cancel()

    async def _hold(self, waiting: Coroutine[object, object, None], state: _LaneState | None = None) -> bool:
        """Wait for an instant, a limit or a pause. False when `stop` ended the wait, or the lane was closed."""
        if self._is_over(state):  # too late to be woken by it
            waiting.close()
            return False
        task = asyncio.current_task()
        assert task is not None
        self._held[task] = state
        try:
            await waiting
            return True
        except asyncio.CancelledError:
            if self._is_over(state) and task.uncancel() == 0:
                return False
            raise
        finally:
            del self._held[task]

    def _is_over(self, state: _LaneState | None) -> bool:
        return self._stopped is not None or (state is not None and state.closed)

    async def _watch(self, shortest_s: float) -> None:
        """Cancel whoever waits for a reply whose deadline has passed. One task for all requests of all lanes."""
        every_ns = round(min(max(shortest_s / 20, 0.005), 0.25) * 1e9)
        while True:
            await self._clock.sleep_until(self._now_ns() + every_ns)
            now_ns = self._now_ns()
            for reply in self._active:
                if reply.task is None or reply.overdue is not None or self._stopped is not None:
                    continue  # a second cancellation could not be told from one that comes from outside
                if (fault := _overdue(reply, now_ns)) is not None:
                    reply.overdue = fault
                    reply.task.cancel()


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _spill(reply: Reply, reader: StreamReader) -> None:
    """Read what has come of a long stream, so that it neither piles up nor stalls the loop at its end."""
    if reply.status is not None and 200 <= reply.status < 300 and reply.is_event_stream():
        reader.feed(reply)
        reply.spill_at = (
            len(reply.body) * 2 + SPILL_BYTES
        )  # one event larger than this is not looked at again and again
    else:
        reply.spill_at = 1 << 62


def _read(request: Request, reply: Reply, reader: StreamReader | None, fault: TransportFault | None) -> Answer:
    """What the reply says, as far as it came."""
    if reply.status is None:
        return Answer()
    if not 200 <= reply.status < 300:
        answer = Answer()
        asked_s = retry_after_s(reply.header(b"retry-after"))
        answer.fault = BadStatus(reply.status, error_message(bytes(reply.body)), asked_s)
        return answer
    if reply.is_event_stream():  # asked for or not: transformers serve streams when nothing is said of it
        reader = reader or request.dialect.reader()
        reader.feed(reply)
        return reader.finish(complete=fault is None)
    return Answer() if fault is not None else request.dialect.read(bytes(reply.body))


def _overdue(reply: Reply, now_ns: int) -> TransportFault | None:
    deadlines = reply.deadlines
    if deadlines is None:
        return None
    if deadlines.total_s is not None and now_ns - reply.started_ns > deadlines.total_s * 1e9:
        return TimedOut("timeout_total", f"after {deadlines.total_s:g} s")
    if reply.written_ns is None:
        return None  # still connecting: the endpoint's connect timeout sees to that
    if reply.first_byte_ns is None or reply.last_byte_ns is None:
        if deadlines.first_byte_s is not None and now_ns - reply.written_ns > deadlines.first_byte_s * 1e9:
            return TimedOut("timeout_first_byte", f"after {deadlines.first_byte_s:g} s")
    elif deadlines.idle_s is not None and now_ns - reply.last_byte_ns > deadlines.idle_s * 1e9:
        return TimedOut("timeout_idle", f"nothing for {deadlines.idle_s:g} s, {reply.bytes_in} bytes into the reply")
    return None


def _used_tokens(answer: Answer) -> int | None:
    if answer.input_tokens is None and answer.output_tokens is None:
        return None
    return (answer.input_tokens or 0) + (answer.output_tokens or 0)
