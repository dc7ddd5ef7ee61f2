"""One request through the house: its record, its deadlines, its retries, and what cuts it off.

Time is virtual, the server a script. Load on a schedule is in test_scheduler_load.py, the rules that hold whatever
happens in test_scheduler_always.py.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Any

import msgspec
import pytest

from perfbench.engine.dialect.chat import Chat
from perfbench.engine.errors import BadReply, BadStatus, ConnectFault, Disconnected, SinkFailed, TimedOut
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines, Record, Reply, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.sinks.memory import MemorySink
from perfbench.engine.transport.memory import Connect, Data, End, Fault, Head, MemoryTransport, Step, Wait
from tests.engine.rig import (
    FOR_EVER,
    PLAIN_BODY,
    House,
    S,
    Words,
    a_request,
    answers,
    by_key,
    drive,
    fails,
    hangs,
    in_turn,
    streams,
)
from tests.virtual_time import VirtualClock, run_virtual

RESET = Disconnected("reset", "connection reset by peer")
AGAIN = RetryPolicy(attempts=3, base_s=1.0)


async def one(house: House, *, stream: bool = False, **more: Any) -> Record:
    return await house.scheduler.submit(a_request(stream=stream, **more))


async def cancelled_after(house: House, seconds: float, **more: Any) -> asyncio.Task[Record]:
    """Submit, and give up after that long."""
    task = asyncio.create_task(one(house, **more))
    await house.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return task


# -- the record --------------------------------------------------------------------------------------------------------


def test_every_instant_of_a_streamed_reply_is_in_its_record():
    script: list[Step] = [Connect(0.25), Wait(1.0), *streams(b"one", b"two", b"end", gap_s=0.5)]
    record, house = drive(lambda house: one(house, stream=True), lambda _: script)

    def since_begin_s(instant_ns: int | None) -> float | None:
        return None if instant_ns is None else (instant_ns - house.began_ns) / S

    assert house.records == [record]
    assert (record.outcome, record.error, record.status, record.index) == ("ok", "", 200, -1)
    assert [since_begin_s(at) for at in (record.intended_ns, record.dispatched_ns, record.started_ns)] == [0, 0, 0]
    assert [since_begin_s(at) for at in (record.written_ns, record.first_byte_ns)] == [0.25, 1.25]
    assert [since_begin_s(at) for at in (record.first_output_ns, record.last_output_ns)] == [1.75, 2.75]
    assert since_begin_s(record.finished_ns) == 2.75
    assert record.itl_ns == [S // 2, S // 2]
    assert (record.chunks, record.output_tokens, record.token_source) == (3, 3, "usage")
    assert (record.key, record.model, record.dialect, record.lane, record.stream) == (
        "0",
        "m",
        "words",
        "default",
        True,
    )


def test_a_stream_that_nobody_asked_for_is_read_as_what_it_is():
    record, _ = drive(lambda house: one(house, stream=False), lambda _: streams(b"one", b"end"))
    assert (record.outcome, record.error, record.chunks, record.output_tokens) == ("ok", "", 2, 2)


@pytest.mark.parametrize(
    ("script", "error", "status"),
    [
        pytest.param([Fault(ConnectFault("connect_refused"))], "connect_refused", None, id="no connection"),
        pytest.param(fails(RESET, 1.0), "reset", None, id="no reply"),
        pytest.param([Head(), Data(b"one\n"), Fault(RESET)], "reset", 200, id="half a reply"),
        pytest.param([Head(), Data(b"one\n")], "truncated", 200, id="an end too early"),
        pytest.param(answers(status=503), "http_503", 503, id="a status"),
        pytest.param(answers(words=b"not the ending"), "no_finish", 200, id="a cut answer"),
        pytest.param(streams(b"one", b"two"), "no_finish", 200, id="a cut stream"),
    ],
)
def test_a_failure_is_in_the_record_and_not_raised(script, error, status):
    record, house = drive(lambda house: one(house, stream=True), lambda _: script)
    assert house.records == [record]
    assert (record.outcome, record.error, record.status) == ("failed", error, status)


def test_what_had_arrived_before_a_failure_is_in_the_record():
    script = [*streams(b"one", b"two")[:-1], Data(b"half"), Fault(RESET)]
    record, _ = drive(lambda house: one(house, stream=True), lambda _: script)
    assert (record.error, record.chunks, record.output_tokens) == ("reset", 2, 2)
    assert record.bytes_in == len(b"one\ntwo\nhalf")


@pytest.mark.parametrize("kept", [True, False])
def test_texts_are_kept_when_asked_for(kept):
    record, _ = drive(one, lambda _: answers(words=b"well the end"), keep=Keep(texts=kept))
    assert (record.prompt, record.text) == (("say", "well the end") if kept else (None, None))
    assert record.output_tokens == 3


@pytest.mark.parametrize("kept", [True, False])
def test_gaps_are_kept_unless_they_are_not_wanted(kept):
    record, _ = drive(
        lambda house: one(house, stream=True), lambda _: streams(b"a", b"end"), keep=Keep(chunks=kept)
    )  # fmt: skip
    assert record.itl_ns == ([S] if kept else None)
    assert record.chunks == 2


class Uncounted(Words):
    """A server that does not say how many tokens it made."""

    def __init__(self, *, several: bool = False) -> None:
        self._several = several

    def read(self, body: bytes) -> Any:
        answer = super().read(body)
        answer.output_tokens = None
        if self._several:
            answer.extra = {"choices": [answer.text, "and so on"]}
        return answer


@pytest.mark.parametrize(
    ("dialect", "tokenizer", "expected"),
    [
        pytest.param(Words(), len, (2, "usage"), id="the server's word"),
        pytest.param(Uncounted(), len, (len("the end"), "tokenizer"), id="else the tokenizer's"),
        pytest.param(Uncounted(several=True), len, (len("the endand so on"), "tokenizer"), id="of every choice"),
        pytest.param(Uncounted(), None, (None, None), id="else unknown: no chunks without a stream"),
    ],
)
def test_who_counted_the_output_tokens_is_said(dialect, tokenizer, expected):
    record, _ = drive(lambda house: one(house, dialect=dialect), lambda _: answers(), count_tokens=tokenizer)
    assert (record.output_tokens, record.token_source) == expected


# -- secrets -----------------------------------------------------------------------------------------------------------

SECRET = "sk-test-4711-abcdefghijklmnop"


def _everything(record: Record) -> str:
    return repr(record)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(words=f"bad key {SECRET}!".encode(), status=401), id="in an error"),
        pytest.param(answers(words=f"{SECRET} end".encode()), id="in an answer"),
        pytest.param(answers(x_request_id=f"req-{SECRET}"), id="in a request id"),
        pytest.param([*answers()[:2], Fault(BadReply("bad_event", SECRET))], id="in a fault of the wire"),
        pytest.param(
            answers(words=b"x" * 490 + SECRET.encode(), status=400), id="cut in two by whoever shortened the message"
        ),
    ],
)
def test_a_secret_that_a_server_echoes_is_blotted_out(script):
    record, _ = drive(one, lambda _: script, secrets=(SECRET,), keep=Keep(texts=True))
    assert "[secret]" in _everything(record)
    assert SECRET[:8] not in _everything(record)


def test_a_secret_is_blotted_out_of_earlier_attempts_too():
    behaviour = in_turn(answers(words=SECRET.encode(), status=500), answers())
    record, _ = drive(one, behaviour, secrets=(SECRET,), retry=AGAIN)
    assert [attempt.error_detail for attempt in record.earlier] == ["[secret]"]


def test_an_empty_secret_hides_nothing():
    record, _ = drive(one, lambda _: answers(words=b"no such model", status=404), secrets=("",))
    assert record.error_detail == "no such model"


def test_a_secret_in_a_body_is_blotted_out_of_the_kept_prompt():
    record, _ = drive(one, lambda _: answers(), secrets=("say-it-4711",), keep=Keep(texts=True))
    assert record.prompt == "say"
    request = msgspec.structs.replace(a_request(), body=b'{"api_key": "say-it-4711"}')
    record, _ = drive(
        lambda house: house.scheduler.submit(request), lambda _: answers(), secrets=("say-it-4711",),
        keep=Keep(texts=True),
    )  # fmt: skip
    assert record.prompt == '{"api_key": "[secret]"}'


def test_a_key_that_is_no_secret_leaves_answers_alone():
    """Servers that want no key are given EMPTY, or x; that must not cost an eval its answers."""
    record, _ = drive(one, lambda _: answers(words=b"The list is EMPTY end"), secrets=("EMPTY",), keep=Keep(texts=True))
    assert record.text == "The list is EMPTY end"
    record, _ = drive(one, lambda _: answers(words=b"bad key EMPTY, not EMPTYISH", status=401), secrets=("EMPTY",))
    assert record.error_detail == "bad key [secret], not EMPTYISH"


# -- deadlines ---------------------------------------------------------------------------------------------------------

STALLS = [Head(), Wait(1.0), Data(b"one\n"), Wait(1.0), Data(b"two\n"), Wait(FOR_EVER)]


@pytest.mark.parametrize(
    ("script", "deadlines", "error", "due_s"),
    [
        pytest.param(hangs(), Deadlines(first_byte_s=4.0), "timeout_first_byte", 4.0, id="nothing comes"),
        pytest.param([Connect(3.0), *hangs()], Deadlines(first_byte_s=4.0), "timeout_first_byte", 7.0,
                     id="the first byte is waited for from written"),
        pytest.param(STALLS, Deadlines(idle_s=3.0), "timeout_idle", 5.0, id="a reply that falls silent"),
        pytest.param(STALLS, Deadlines(first_byte_s=0.5, idle_s=3.0), "timeout_idle", 5.0, id="after its first byte"),
        pytest.param(streams(*[b"x"] * 500, gap_s=1.0), Deadlines(idle_s=3.0, total_s=60.0), "timeout_total", 60.0,
                     id="a reply that goes on and on"),
        pytest.param([Connect(FOR_EVER)], Deadlines(total_s=60.0), "timeout_total", 60.0, id="no connection"),
        pytest.param(hangs(), Deadlines(5.0, 5.0, 5.0), "timeout_total", 5.0, id="all at once"),
    ],
)  # fmt: skip
def test_a_deadline_that_passes_has_its_kind_and_its_time(script, deadlines, error, due_s):
    record, house = drive(lambda house: one(house, stream=True), lambda _: script, deadlines=deadlines)
    assert (record.outcome, record.error) == ("failed", error)
    tick_s = min(max((deadlines.shortest_s() or 0) / 20, 0.005), 0.25)
    assert due_s < (record.finished_ns - house.began_ns) / S <= due_s + 2 * tick_s
    assert house.transport.cancelled == house.transport.received


@pytest.mark.parametrize("stream", [True, False])
def test_no_deadline_passes_while_the_reply_keeps_coming(stream):
    deadlines = Deadlines(first_byte_s=2.0, idle_s=2.0)
    record, _ = drive(
        lambda house: one(house, stream=stream), lambda _: streams(*[b"x"] * 99, b"end"), deadlines=deadlines
    )
    assert record.outcome == "ok"


def test_a_deadline_counts_from_the_attempt_and_not_from_the_waiting_before_it():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(house.scheduler.submit(a_request(i))) for i in range(5)]
        return [task.result() for task in sent]

    records, _ = drive(
        act, lambda _: answers(after_s=3.0), deadlines=Deadlines(4.0, 4.0, 4.0), limits=Limits(concurrency=1)
    )
    assert [record.outcome for record in records] == ["ok"] * 5


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_a_caller_that_gives_up_leaves_a_record_and_is_cancelled():
    task, house = drive(lambda house: cancelled_after(house, 2.5, stream=True), lambda _: streams(*[b"x"] * 9))
    assert task.cancelled()
    (record,) = house.records
    assert (record.outcome, record.error) == ("cancelled", "cancelled")
    assert (record.chunks, record.output_tokens) == (2, 2), "what had come is in the record"
    assert (record.finished_ns - house.began_ns) / S == 2.5
    assert house.transport.cancelled == house.transport.received


def test_a_caller_that_gives_up_before_it_got_a_place_leaves_an_unsent_record():
    async def act(house: House) -> None:
        holder = asyncio.create_task(house.scheduler.submit(a_request(0)))
        await house.sleep(1)
        await cancelled_after(house, 1)
        assert house.scheduler.waiting == 0
        await holder

    _, house = drive(act, lambda _: answers(after_s=10.0), limits=Limits(concurrency=1))
    assert [record.outcome for record in house.records] == ["unsent", "ok"]
    assert house.records[0].started_ns is None


def test_a_caller_that_gives_up_between_two_attempts_leaves_the_failure():
    _, house = drive(
        lambda house: cancelled_after(house, 1.0), lambda _: answers(status=503, retry_after="60"), retry=AGAIN
    )
    (record,) = house.records
    assert (record.outcome, record.error, record.earlier) == ("failed", "http_503", [])


def test_a_caller_that_gives_up_in_the_second_attempt_leaves_nothing_of_the_first_in_its_place():
    behaviour = in_turn([*streams(b"one", b"two")[:-1], Fault(RESET)], [Head(), *hangs()])
    _, house = drive(lambda house: cancelled_after(house, 30.0, stream=True), behaviour, retry=AGAIN)
    (record,) = house.records
    assert (record.outcome, record.error, record.output_tokens) == ("cancelled", "cancelled", 0)
    assert [attempt.error for attempt in record.earlier] == ["reset"]


def test_stop_cuts_off_what_is_in_flight_and_what_is_held():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(house.scheduler.submit(a_request(i))) for i in range(5)]
            await house.sleep(3)
            assert (house.scheduler.in_flight, house.scheduler.waiting) == (2, 3)
            house.scheduler.stop("enough")
        assert (house.scheduler.in_flight, house.scheduler.waiting) == (0, 0)
        assert house.elapsed_s() == 3
        return [task.result() for task in sent]

    records, house = drive(act, lambda _: hangs(), limits=Limits(concurrency=2))
    assert [record.outcome for record in records] == ["cancelled"] * 2 + ["unsent"] * 3
    assert sorted(record.key for record in house.records) == ["0", "1", "2", "3", "4"]


def test_stop_ends_the_pause_before_another_attempt():
    async def act(house: House) -> Record:
        task = asyncio.create_task(one(house))
        await house.sleep(1)
        house.scheduler.stop("enough")
        record = await task
        assert house.elapsed_s() == 1
        return record

    for script, error, failed_s in (
        (answers(status=503, retry_after="60"), "http_503", 0.0),
        (fails(RESET, 0.5), "reset", 0.5),
    ):
        policy = RetryPolicy(attempts=3, base_s=3600.0, max_s=3600.0)
        record, house = drive(act, lambda _, script=script: script, retry=policy)
        assert (record.outcome, record.error, record.earlier) == ("failed", error, [])
        assert record.finished_ns - house.began_ns == failed_s * S, "when it failed, not when its pause was cut short"


def test_an_attempt_that_was_not_followed_by_another_is_not_listed_twice():
    async def act(house: House) -> Record:
        first = asyncio.create_task(house.scheduler.submit(a_request(0)))
        await house.sleep(0.05)
        asyncio.create_task(house.scheduler.submit(a_request(1))).add_done_callback(lambda _: None)
        await house.sleep(20)  # the first has failed, has paused, and now waits for the place that the second has
        assert house.scheduler.waiting == 1
        house.scheduler.stop("enough")
        return await first

    behaviour = by_key({"0": fails(RESET, 0.1), "1": hangs()})
    record, _ = drive(act, behaviour, limits=Limits(concurrency=1), retry=AGAIN)
    assert (record.outcome, record.error, record.earlier) == ("failed", "reset", [])


def test_after_a_stop_nothing_is_sent():
    async def act(house: House) -> Record:
        house.scheduler.stop("enough")
        return await one(house)

    record, house = drive(act, lambda _: answers())
    assert (record.outcome, record.error) == ("unsent", "unsent")
    assert house.transport.received == []


@pytest.mark.parametrize("order", [("deadline", "stop"), ("stop", "deadline"), ("deadline",), ("stop",)])
def test_our_own_cancellations_are_taken_back(order):
    """Else the caller's next `async with timeout(...)`, or its TaskGroup, would take them for its own."""

    async def act(house: House) -> tuple[int, Record]:
        task = asyncio.current_task()
        assert task is not None

        async def stop_at(seconds: float) -> None:
            await house.sleep(seconds)
            house.scheduler.stop("enough")

        async with asyncio.TaskGroup() as tasks:
            if "stop" in order:
                # The watch's tick after 5 s is at 5.25 s. A hair before and after it, and never two turns apart.
                tasks.create_task(stop_at(5.25 - 1e-9 if order[0] == "stop" else 5.25))
            record = await one(house)
            cancelling = task.cancelling()
        return cancelling, record

    deadlines = Deadlines(total_s=5.0) if "deadline" in order else Deadlines()
    (cancelling, record), _ = drive(act, lambda _: hangs(), deadlines=deadlines)
    assert cancelling == 0
    assert record.outcome in ("failed", "cancelled")


class StopsTheRunAsItIsCancelled(MemoryTransport):
    """The stop comes after the deadline has acted and before anybody has heard of it."""

    scheduler: Scheduler

    async def send(self, request: Request, reply: Reply) -> None:
        try:
            await super().send(request, reply)
        finally:
            self.scheduler.stop("enough")


def test_a_stop_on_the_heels_of_a_deadline_is_no_second_cancellation():
    async def main() -> tuple[int, Record]:
        clock = VirtualClock()
        transport = StopsTheRunAsItIsCancelled(lambda _: hangs(), clock)
        lane = Lane(transport, deadlines=Deadlines(total_s=5.0))
        async with Scheduler({"default": lane}, clock=clock) as transport.scheduler:
            record = await transport.scheduler.submit(a_request())
            task = asyncio.current_task()
            assert task is not None
            return task.cancelling(), record

    cancelling, record = run_virtual(main())
    assert (cancelling, record.error) == (0, "timeout_total")


def test_a_cancellation_from_outside_is_not_taken_for_a_stop_in_the_same_turn():
    async def act(house: House) -> asyncio.Task[Record]:
        task = asyncio.create_task(one(house))
        await house.sleep(1)
        task.cancel()
        house.scheduler.stop("enough")
        await asyncio.wait([task])
        return task

    task, house = drive(act, lambda _: hangs())
    assert task.cancelled()
    assert [record.outcome for record in house.records] == ["cancelled"]


class FinishesAsItIsCancelled(MemoryTransport):
    """The last byte arrives in the turn in which the request is cut off: the worst moment there is."""

    async def send(self, request: Request, reply: Reply) -> None:
        reply.written_ns = self._clock.now_ns()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            reply.status, reply.headers = 200, [(b"content-type", b"text/plain")]
            reply.add(b"the end", self._clock.now_ns())
            reply.finished_ns = reply.first_byte_ns = self._clock.now_ns()
            raise


@pytest.mark.parametrize("by", ["stop", "deadline", "caller"])
def test_a_reply_that_is_whole_in_the_turn_of_its_cancellation_counts(by):
    async def main() -> tuple[MemorySink, asyncio.Task[Record]]:
        clock, sink = VirtualClock(), MemorySink()
        deadlines = Deadlines(total_s=5.0 if by == "deadline" else None)
        lane = Lane(FinishesAsItIsCancelled(lambda _: hangs(), clock), deadlines=deadlines)
        async with Scheduler({"default": lane}, [sink], clock=clock) as scheduler:
            task = asyncio.create_task(scheduler.submit(a_request()))
            await asyncio.sleep(3)
            if by != "deadline":
                scheduler.stop("enough") if by == "stop" else task.cancel()
            await asyncio.wait([task])
        return sink, task

    sink, task = run_virtual(main())
    assert [(record.outcome, record.output_tokens) for record in sink.records] == [("ok", 2)]
    assert task.cancelled() is (by == "caller")


class SwallowsCancellation(MemoryTransport):
    """A library that answers its cancellation with an error of its own."""

    async def send(self, request: Request, reply: Reply) -> None:
        try:
            await super().send(request, reply)
        except asyncio.CancelledError:
            raise Disconnected("reset", "closed by the client") from None


@pytest.mark.parametrize(("by", "error"), [("stop", "cancelled"), ("deadline", "timeout_total")])
def test_a_transport_that_swallows_our_cancellation_neither_leaks_it_nor_blames_the_server(by, error):
    async def main() -> tuple[int, Record]:
        clock = VirtualClock()
        deadlines = Deadlines(total_s=5.0 if by == "deadline" else None)
        lane = Lane(SwallowsCancellation(lambda _: hangs(), clock), deadlines=deadlines)
        async with Scheduler({"default": lane}, clock=clock) as scheduler:
            if by == "stop":
                asyncio.get_running_loop().call_later(3, scheduler.stop, "enough")
            record = await scheduler.submit(a_request())
            task = asyncio.current_task()
            assert task is not None
            return task.cancelling(), record

    cancelling, record = run_virtual(main())
    assert (cancelling, record.error) == (0, error)


# -- retries -----------------------------------------------------------------------------------------------------------


def test_a_request_is_tried_again_and_every_attempt_is_in_its_record():
    behaviour = in_turn(fails(RESET, 1.0), answers(2.0, b"busy", 503), answers(4.0))
    record, house = drive(one, behaviour, retry=AGAIN)
    assert (record.outcome, record.error, record.status) == ("ok", "", 200)
    first, second = record.earlier
    assert [(first.error, first.status), (second.error, second.status)] == [("reset", None), ("http_503", 503)]
    assert second.error_detail == "busy"
    assert first.started_ns == house.began_ns == record.intended_ns == record.dispatched_ns
    assert first.finished_ns - first.started_ns == 1 * S
    assert second.started_ns - first.finished_ns == round(first.waited_s * S)
    assert second.finished_ns - second.started_ns == 2 * S
    assert record.started_ns is not None
    assert record.started_ns - second.finished_ns == round(second.waited_s * S)
    assert record.finished_ns - record.started_ns == 4 * S


def test_a_request_that_never_succeeds_ends_with_its_last_failure():
    behaviour = in_turn(fails(RESET, 1.0), answers(1.0, b"busy", 503), answers(1.0, b"down", 502))
    record, house = drive(one, behaviour, retry=AGAIN)
    assert (record.outcome, record.error, record.error_detail) == ("failed", "http_502", "down")
    assert [attempt.error for attempt in record.earlier] == ["reset", "http_503"]
    assert len(house.transport.received) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_a_status_that_would_come_again_is_not_tried_again(status):
    record, house = drive(one, lambda _: answers(status=status), retry=AGAIN)
    assert (record.error, len(house.transport.received)) == (f"http_{status}", 1)


def test_the_time_that_a_server_asks_for_is_waited_out():
    record, _ = drive(one, in_turn(answers(status=429, retry_after="20"), answers()), retry=AGAIN)
    assert record.outcome == "ok"
    assert 20 <= record.earlier[0].waited_s <= 21


def test_perf_runs_do_not_retry():
    record, house = drive(one, lambda _: fails(RESET))
    assert (record.outcome, record.earlier, len(house.transport.received)) == ("failed", [], 1)


def test_a_dead_server_is_not_hammered():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(house.scheduler.submit(a_request(i))) for i in range(100)]
        return [task.result() for task in sent]

    refused = ConnectFault("connect_refused")
    policy = RetryPolicy(attempts=50, budget_share=0.2, budget_floor=10)
    records, house = drive(act, lambda _: [Fault(refused)], retry=policy)
    assert [record.outcome for record in records] == ["failed"] * 100
    # Retries are a fifth of all that is started, retries included, plus ten: (100 + r) * 0.2 + 10 = r.
    assert 100 < len(house.transport.received) <= 100 + 38


def test_a_place_is_not_held_through_a_pause():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as tasks:
            sent = [tasks.create_task(house.scheduler.submit(a_request(i))) for i in range(2)]
        return [task.result() for task in sent]

    def behaviour(request: Request) -> list[Step]:
        tries[request.key] = tries.get(request.key, 0) + 1
        return answers(1.0) if request.key == "1" or tries["0"] == 2 else answers(1.0, status=429, retry_after="60")

    tries: dict[str, int] = {}
    (first, second), _ = drive(act, behaviour, limits=Limits(concurrency=1), retry=AGAIN)
    assert second.finished_ns < first.finished_ns
    assert first.outcome == second.outcome == "ok"


# -- long streams ------------------------------------------------------------------------------------------------------


def _chat_stream(events: int) -> bytes:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"word %d "}}]}\n\n'
    finish = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":%d}}\n\n' % events
    return b"".join(chunk % i for i in range(events)) + finish + usage + b"data: [DONE]\n\n"


@pytest.mark.parametrize("size", [7, 999, 16_384, 40_000])
def test_reading_a_long_stream_piece_by_piece_gives_the_same_record(size, monkeypatch):
    data = _chat_stream(3000)
    script = [Head(), *chain.from_iterable((Wait(0.01), Data(data[i : i + size])) for i in range(0, len(data), size))]

    def record_of(spill_bytes: int) -> tuple[Record, int]:
        monkeypatch.setattr("perfbench.engine.scheduler.SPILL_BYTES", spill_bytes)
        longest = 0

        class Watched(Chat):
            def reader(self) -> Any:
                reader = super().reader()
                feed = reader.feed

                class Feeding:
                    finish = reader.finish

                    def feed(self, reply: Reply) -> None:
                        nonlocal longest
                        longest = max(longest, len(reply.body))
                        feed(reply)

                return Feeding()

        record, _ = drive(
            lambda house: one(house, stream=True, dialect=Watched()), lambda _: [*script, End()], keep=Keep(texts=True)
        )
        return record, longest

    pieces, longest = record_of(16 * 1024)
    whole, all_at_once = record_of(1 << 40)
    assert pieces == whole
    assert (pieces.outcome, pieces.chunks, pieces.output_tokens) == ("ok", 3000, 3000)
    assert all_at_once == len(data)
    assert longest <= 16 * 1024 + size + 200  # and what was left of an event, twice


# -- our own bugs, and sinks that fail ---------------------------------------------------------------------------------


class Buggy(Words):
    """A dialect with a bug in the method of that name."""

    def __init__(self, where: str) -> None:
        self._where = where

    def reader(self) -> Any:
        if self._where == "reader":
            raise ZeroDivisionError("a bug")
        reader = super().reader()
        if self._where == "feed":
            reader.feed = self._bug  # type: ignore[method-assign]
        if self._where == "finish":
            reader.finish = self._bug  # type: ignore[method-assign]
        return reader

    def read(self, body: bytes) -> Any:
        return self._bug()

    def _bug(self, *_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")


LONG = [Head(), *[Data(b"word " * 1000 + b"\n")] * 9, Data(b"end\n"), End()]


@pytest.mark.parametrize(
    ("where", "script"),
    [
        pytest.param("reader", streams(b"end"), id="before it is sent"),
        pytest.param("feed", streams(b"end"), id="in a short stream"),
        pytest.param("feed", LONG, id="in a long one, while it comes"),
        pytest.param("finish", streams(b"end"), id="at the end of a stream"),
        pytest.param("read", answers(), id="in a plain body"),
    ],
)
def test_a_bug_in_a_dialect_is_raised_and_leaves_no_place_taken(where, script):
    async def act(house: House) -> Record:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await one(house, stream=True, dialect=Buggy(where))
        return await one(house)

    record, house = drive(act, in_turn(script, script, script, answers()), limits=Limits(concurrency=1))
    assert record.outcome == "ok" or where == "reader"  # that one never got as far as using up its script
    assert house.scheduler.in_flight == 0


class ParsesLikeALibrary(MemoryTransport):
    """As httptools does: whatever is raised while it parses becomes an error of the parser's own."""

    async def send(self, request: Request, reply: Reply) -> None:
        try:
            await super().send(request, reply)
        except ZeroDivisionError as error:
            raise Disconnected("bad_http", f"the callback failed: {error}") from None


def test_a_bug_met_while_a_stream_comes_is_not_blamed_on_the_server():
    async def main() -> None:
        clock = VirtualClock()
        async with Scheduler({"default": Lane(ParsesLikeALibrary(lambda _: LONG, clock))}, clock=clock) as scheduler:
            await scheduler.submit(a_request(stream=True, dialect=Buggy("feed")))

    with pytest.raises(ZeroDivisionError):
        run_virtual(main())


class Full:
    """A sink that takes so many records, and no more."""

    def __init__(self, room: int = 0, *, fails_to_close: bool = False) -> None:
        self.room, self.closed, self.fails_to_close = room, False, fails_to_close

    def add(self, record: Record) -> None:
        if self.room == 0:
            raise SinkFailed("disk full")
        self.room -= 1

    async def close(self) -> None:
        self.closed = True
        if self.fails_to_close:
            raise SinkFailed("disk full at the end")


def test_every_sink_gets_every_record_whichever_of_them_fails():
    last = MemorySink()

    async def act(house: House) -> None:
        with pytest.raises(SinkFailed, match="disk full"):
            await one(house)

    _, house = drive(act, lambda _: answers(), sinks=[Full(), last])
    assert len(house.records) == len(last.records) == 1


def test_every_sink_is_closed_whichever_of_them_fails():
    sinks = [Full(9), Full(9, fails_to_close=True), Full(9)]
    with pytest.raises(SinkFailed, match="at the end"):
        drive(one, lambda _: answers(), sinks=sinks)
    assert [sink.closed for sink in sinks] == [True] * 3


def test_sinks_are_closed_when_a_transport_fails_to():
    class Sticky(MemoryTransport):
        async def close(self) -> None:
            raise RuntimeError("stuck")

    async def main() -> None:
        clock = VirtualClock()
        async with Scheduler({"default": Lane(Sticky(lambda _: [], clock))}, [sink], clock=clock):
            pass

    sink = Full()
    with pytest.raises(RuntimeError, match="stuck"):
        run_virtual(main())
    assert sink.closed


# -- lanes -------------------------------------------------------------------------------------------------------------


def test_lanes_have_limits_of_their_own_and_share_the_cap():
    async def main() -> tuple[int, int, int]:
        clock = VirtualClock()
        tested = MemoryTransport(lambda _: answers(1.0), clock)
        judge = MemoryTransport(lambda _: answers(1.0), clock)
        lanes = {"tested": Lane(tested, Limits(concurrency=4)), "judge": Lane(judge, Limits(concurrency=2))}
        both = 0

        async def watch() -> None:
            nonlocal both
            for _ in range(200):
                both = max(both, tested.in_flight + judge.in_flight)
                await asyncio.sleep(0.05)

        async with Scheduler(lanes, clock=clock, most_in_flight=5) as scheduler, asyncio.TaskGroup() as tasks:
            tasks.create_task(watch())
            for i in range(20):
                tasks.create_task(scheduler.submit(a_request(i), "tested"))
            for i in range(20):
                tasks.create_task(scheduler.submit(a_request(i), "judge"))
        return tested.most_in_flight, judge.most_in_flight, both

    assert run_virtual(main()) == (4, 2, 5)


def test_a_record_says_which_lane_and_which_worker_it_came_from():
    async def main() -> Record:
        clock = VirtualClock()
        lanes = {"judge": Lane(MemoryTransport(lambda _: answers(), clock))}
        async with Scheduler(lanes, clock=clock, worker=3) as scheduler:
            return await scheduler.submit(a_request(), "judge")

    record = run_virtual(main())
    assert (record.lane, record.worker) == ("judge", 3)


@pytest.mark.parametrize("fault", [BadStatus(503, "busy"), TimedOut("timeout_total")])
def test_a_body_that_is_read_only_after_a_good_status(fault):
    """A reply that failed is never handed to the dialect's reader of answers."""
    script = answers(status=503, words=b"busy") if isinstance(fault, BadStatus) else [*answers()[:3], Wait(FOR_EVER)]
    record, _ = drive(
        lambda house: one(house, dialect=Buggy("read")), lambda _: script, deadlines=Deadlines(total_s=5.0)
    )
    assert record.error == fault.kind


def test_a_status_wins_over_a_stream_that_claims_to_be_one():
    script = [Head(500, (("content-type", "text/event-stream"),)), Data(b"word end\n"), End()]
    record, _ = drive(lambda house: one(house, stream=True), lambda _: script)
    assert (record.error, record.chunks) == ("http_500", 0)


def test_a_plain_body_is_read_as_one_though_a_stream_was_asked_for():
    record, _ = drive(lambda house: one(house, stream=True), lambda _: [Head(200, PLAIN_BODY), Data(b"end"), End()])
    assert (record.outcome, record.chunks, record.output_tokens) == ("ok", 0, 1)
