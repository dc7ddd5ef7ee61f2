"""Flows: several requests of one user, one after the other, in closed and open loop; and clients that hang up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from perfbench.engine.errors import ConnectFault, Disconnected, ScenarioError
from perfbench.engine.flow import Flow, Heard, Pause
from perfbench.engine.limits import Limits
from perfbench.engine.pacing import ClosedLoop, Constant
from perfbench.engine.request import Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Ended, Share, Stop
from tests.engine.rig import House, S, a_request, answers, by_key, drive, fails, hangs, in_turn, streams
from tests.virtual_time import BEGIN_NS

Told = list[tuple[str, str, str | None]]


def talk(index: int, turns: int = 3, pause_s: float = 1.0, told: Told | None = None) -> Flow:
    """So many requests with a pause before each but the first; `told` gets what the flow heard of them."""
    for turn in range(1, turns + 1):
        if turn > 1:
            assert (yield Pause(pause_s)) is None
        request = msgspec.structs.replace(a_request(), key=f"{index}.{turn}", session=index, turn=turn, turns=turns)
        heard: Heard = yield request
        assert heard is not None
        if told is not None:
            told.append((heard[0].key, heard[0].outcome, heard[1].text))


def load(
    requests: Callable[[int], Request | Flow], pacer: Any, stop: Stop, behaviour: Any, **rules: Any
) -> tuple[Ended, House]:
    share = rules.pop("share", None)

    async def act(house: House) -> Any:
        return await house.scheduler.run(requests, pacer, stop, share=share)

    return drive(act, behaviour, **rules)


def started(house: House) -> dict[str, float]:
    return {record.key: (record.started_ns - BEGIN_NS) / S for record in house.records if record.started_ns is not None}


def test_a_slot_carries_a_whole_session_before_it_takes_the_next():
    _, house = load(talk, ClosedLoop(1), Stop(number=2), lambda _: answers(2.0))
    # A turn takes 2 s, the user thinks 1 s; the next session begins when the last turn of the first is over.
    assert started(house) == {"0.1": 0, "0.2": 3, "0.3": 6, "1.1": 8, "1.2": 11, "1.3": 14}
    assert [record.intended_ns for record in house.records] == [record.started_ns for record in house.records]


def test_slots_are_users_so_thinking_leaves_fewer_in_flight():
    _, house = load(talk, ClosedLoop(3), Stop(number=3), lambda _: answers(2.0))
    assert house.transport.most_in_flight == 3
    assert house.elapsed_s() == 8.0


def test_in_open_loop_sessions_arrive_whatever_became_of_earlier_ones():
    _, house = load(talk, Constant(0.5), Stop(number=3), lambda _: answers(5.0))
    assert started(house) == {
        "0.1": 0, "1.1": 2, "2.1": 4, "0.2": 6, "1.2": 8, "2.2": 10, "0.3": 12, "1.3": 14, "2.3": 16,
    }  # fmt: skip


def test_number_counts_sessions_and_records_name_session_and_turn():
    ended, house = load(talk, ClosedLoop(2), Stop(number=4), lambda _: answers(1.0))
    assert ended.reason == "number"
    assert sorted((record.session, record.turn, record.turns, record.index) for record in house.records) == [
        (session, turn, 3, session) for session in range(4) for turn in (1, 2, 3)
    ]
    assert ended.dispatched == 12


def test_workers_deal_sessions_out_by_position():
    keys = []
    for index in range(3):
        _, house = load(talk, ClosedLoop(6), Stop(number=8), lambda _: answers(1.0), share=Share(index, 3))
        found = {record.session for record in house.records}
        assert found == set(range(8)[index::3])
        keys += [record.key for record in house.records]
    assert sorted(keys) == sorted(f"{session}.{turn}" for session in range(8) for turn in (1, 2, 3))


def test_a_flow_is_told_record_and_answer_of_each_of_its_requests():
    told: Told = []
    behaviour = by_key({"0.2": answers(1.0, status=500)}, answers(1.0, words=b"so be it end"))
    load(lambda index: talk(index, told=told), ClosedLoop(1), Stop(number=1), behaviour)
    assert told == [("0.1", "ok", "so be it end"), ("0.2", "failed", None), ("0.3", "ok", "so be it end")]


def test_a_retried_turn_is_told_once():
    told: Told = []
    behaviour = in_turn(fails(Disconnected("reset"), 1.0), answers(1.0))
    retry = RetryPolicy(attempts=2)
    load(lambda index: talk(index, 1, told=told), ClosedLoop(1), Stop(number=1), behaviour, retry=retry)
    assert [(key, outcome) for key, outcome, _ in told] == [("0.1", "ok")]


def test_singles_and_sessions_may_take_turns():
    _, house = load(
        lambda index: talk(index, 2) if index % 2 else a_request(index), ClosedLoop(1), Stop(number=4),
        lambda _: answers(1.0),
    )  # fmt: skip
    assert [record.key for record in house.records] == ["0", "1.1", "1.2", "2", "3.1", "3.2"]


def test_when_the_time_is_up_sessions_end_between_two_turns():
    closed: list[int] = []

    def noticing(index: int) -> Flow:
        try:
            yield from talk(index, turns=100, pause_s=0.5)
        finally:
            closed.append(index)

    ended, house = load(noticing, ClosedLoop(2), Stop(duration_s=4.0, grace_s=10.0), lambda _: answers(1.0))
    # Turns at 0, 1.5 and 3 s; the one due at 4.5 s is not sent, and none is cut off.
    assert [(record.turn, record.outcome) for record in house.records] == [
        (turn, "ok") for turn in (1, 2, 3) for _ in (0, 1)
    ]
    assert sorted(closed) == [0, 1]
    assert (ended.reason, house.elapsed_s()) == ("duration", 4.0)


def test_a_stop_ends_a_session_that_thinks_without_a_record_for_what_was_never_due():
    async def act(house: House) -> Any:
        house.clock._loop.call_later(2.5, house.scheduler.stop, "interrupted")
        return await house.scheduler.run(lambda index: talk(index, 9, 60.0), ClosedLoop(3), Stop(number=3))

    ended, house = drive(act, lambda _: answers(1.0))
    assert [(record.turn, record.outcome) for record in house.records] == [(1, "ok")] * 3
    assert (ended.reason, house.elapsed_s()) == ("interrupted", 2.5)


def test_a_stop_in_the_middle_of_a_turn_leaves_its_record_and_ends_the_session():
    async def act(house: House) -> Any:
        house.clock._loop.call_later(2.5, house.scheduler.stop, "interrupted")
        return await house.scheduler.run(lambda index: talk(index, 9, 1.0), ClosedLoop(1), Stop(number=3))

    _, house = drive(act, lambda _: answers(1.0))
    assert [(record.turn, record.outcome) for record in house.records] == [(1, "ok"), (2, "cancelled")]


def test_a_dead_server_is_not_hammered_by_sessions_either():
    dead = fails(ConnectFault("connect_refused"))
    _, house = load(lambda index: talk(index, 1), ClosedLoop(1), Stop(duration_s=10.0), lambda _: dead)
    assert len(house.records) < 20


def test_a_turn_that_a_limit_holds_back_was_due_before_it_left():
    _, house = load(
        lambda index: talk(index, 2, 0.0), ClosedLoop(2), Stop(number=2), lambda _: answers(1.0),
        limits=Limits(concurrency=1),
    )  # fmt: skip
    assert started(house) == {"0.1": 0, "1.1": 1, "0.2": 2, "1.2": 3}
    due = {record.key: (record.intended_ns - BEGIN_NS) / S for record in house.records}
    assert due == {"0.1": 0, "1.1": 0, "0.2": 1, "1.2": 2}


def test_a_bug_in_a_flow_is_not_swallowed():
    def broken(index: int) -> Flow:
        yield a_request(index)
        raise ZeroDivisionError

    with pytest.raises(BaseExceptionGroup) as error:
        load(broken, ClosedLoop(2), Stop(number=2), lambda _: answers(1.0))
    assert "ZeroDivisionError" in repr(error.value)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_pause_has_a_length(seconds):
    with pytest.raises(ScenarioError, match="pause"):
        Pause(seconds)


# -- hanging up --------------------------------------------------------------------------------------------------------


def impatient(index: int, after_s: float | None) -> Request:
    return msgspec.structs.replace(a_request(index, stream=True), cancel_after_s=after_s)


def test_the_client_hangs_up_when_the_workload_says_so():
    _, house = load(
        lambda index: impatient(index, 2.5 if index else None), ClosedLoop(2), Stop(number=2),
        lambda _: streams(b"one", b"two", b"three", b"end"),
    )  # fmt: skip
    heard_out, hung_up = sorted(house.records, key=lambda record: record.index)
    assert (heard_out.outcome, heard_out.chunks) == ("ok", 4)
    assert (hung_up.outcome, hung_up.error, hung_up.chunks, hung_up.output_tokens) == ("cancelled", "hung_up", 2, 2)
    assert hung_up.finished_ns - hung_up.started_ns == 2.5 * S
    assert hung_up.error_detail == "after 2.500 s, as asked for"


def test_a_reply_that_is_whole_by_then_is_a_success():
    _, house = load(lambda index: impatient(index, 5.0), ClosedLoop(1), Stop(number=3), lambda _: streams(b"end"))
    assert [record.outcome for record in house.records] == ["ok"] * 3


def test_patience_is_counted_from_when_a_request_is_let_go():
    _, house = load(
        lambda index: impatient(index, 1.5), ClosedLoop(3), Stop(number=3), lambda _: streams(b"end"),
        limits=Limits(concurrency=1),
    )  # fmt: skip
    assert [record.outcome for record in house.records] == ["ok"] * 3


def test_a_request_that_was_hung_up_on_is_not_tried_again_and_frees_its_slot():
    _, house = load(
        lambda index: impatient(index, 1.0), ClosedLoop(1), Stop(number=2), lambda _: hangs(),
        retry=RetryPolicy(attempts=5),
    )  # fmt: skip
    assert [(record.error, record.earlier) for record in house.records] == [("hung_up", [])] * 2
    assert house.elapsed_s() == 2.0


def test_a_stop_and_a_hang_up_at_the_same_instant_are_one_cancellation():
    async def act(house: House) -> Any:
        house.clock._loop.call_later(1.0, house.scheduler.stop, "interrupted")
        return await house.scheduler.run(lambda index: impatient(index, 1.0), ClosedLoop(2), Stop(number=9))

    ended, house = drive(act, lambda _: hangs())
    assert {record.outcome for record in house.records} == {"cancelled"}
    assert (len(house.records), ended.reason) == (2, "interrupted")


def test_the_caller_is_not_cancelled_with_its_request():
    async def act(house: House) -> str:
        record = await house.scheduler.submit(impatient(0, 1.0))
        await house.sleep(1.0)
        return record.error

    error, house = drive(act, lambda _: hangs())
    assert (error, house.elapsed_s()) == ("hung_up", 2.0)
