"""Load on a schedule: closed and open loops, what ends them, and what several processes make of one schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import ConnectFault, ScenarioError, SinkFailed
from perfbench.engine.limits import Limits
from perfbench.engine.pacing import ClosedLoop, Constant, Gamma, Pacer, Poisson
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.scheduler import Ended, Share, Stop
from perfbench.engine.sinks.memory import MemorySink
from tests.engine.rig import House, S, Words, a_request, answers, by_key, drive, fails, hangs, streams
from tests.virtual_time import BEGIN_NS

Requests = Callable[[int], Request]


def load(
    pacer: Pacer | ClosedLoop, stop: Stop, behaviour: Any, *, requests: Requests = a_request, **rules: Any
) -> tuple[Ended, House]:
    share = rules.pop("share", None)

    async def act(house: House) -> Ended:
        return await house.scheduler.run(requests, pacer, stop, share=share)

    return drive(act, behaviour, **rules)


def in_order(house: House) -> list[Record]:
    return sorted(house.records, key=lambda record: record.index)


def seconds(instants_ns: list[int | None]) -> list[float | None]:
    return [None if instant_ns is None else (instant_ns - BEGIN_NS) / S for instant_ns in instants_ns]


def takes(after_s: float) -> Callable[[Request], Any]:
    return lambda _: answers(after_s)


# -- closed loop -------------------------------------------------------------------------------------------------------


def test_each_slot_sends_its_next_request_when_its_last_one_is_over():
    ended, house = load(ClosedLoop(3), Stop(number=9), takes(2.0))
    assert seconds([record.started_ns for record in in_order(house)]) == [0, 0, 0, 2, 2, 2, 4, 4, 4]
    assert house.transport.most_in_flight == 3
    assert (ended.reason, ended.dispatched) == ("number", 9)


def test_slots_do_not_wait_for_each_other():
    _, house = load(ClosedLoop(2), Stop(number=7), by_key({"0": answers(10.0)}, answers(2.0)))
    assert seconds([record.started_ns for record in in_order(house)]) == [0, 0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("parallel", [1, 5, 40])
def test_slots_open_along_the_seeded_ramp(parallel):
    pacer = ClosedLoop(parallel, ramp_up_s=10.0, seed=4)
    _, house = load(pacer, Stop(number=parallel), takes(1000.0))
    started_ns = sorted(record.started_ns - BEGIN_NS for record in house.records)
    assert started_ns == pacer.slot_offsets()


def test_a_closed_loop_ends_by_number_exactly():
    ended, house = load(ClosedLoop(7, ramp_up_s=3.0), Stop(number=50), takes(0.9))
    assert [record.index for record in in_order(house)] == list(range(50))
    assert ended.dispatched == 50


def test_a_closed_loop_ends_by_duration_with_grace_for_what_is_in_flight():
    behaviour = by_key({"2": answers(6.5), "3": hangs()}, answers(4.0))
    ended, house = load(ClosedLoop(2), Stop(duration_s=5.0, grace_s=10.0), behaviour)
    outcomes = [(record.outcome, (record.finished_ns - BEGIN_NS) / S) for record in in_order(house)]
    assert outcomes == [("ok", 4.0), ("ok", 4.0), ("ok", 10.5), ("cancelled", 15.0)]
    assert (ended.reason, ended.at_ns - BEGIN_NS, ended.dispatched) == ("duration", 5 * S, 4)
    assert house.elapsed_s() == 15.0


def test_no_grace_means_none():
    ended, house = load(ClosedLoop(3), Stop(duration_s=5.0, grace_s=0.0), lambda _: hangs())
    assert [record.outcome for record in house.records] == ["cancelled"] * 3
    assert (ended.reason, house.elapsed_s()) == ("duration", 5.0)


@pytest.mark.parametrize(
    ("stop", "reason", "count"),
    [
        pytest.param(Stop(number=4, duration_s=100.0), "number", 4, id="the number"),
        pytest.param(Stop(number=400, duration_s=9.0), "duration", 10, id="the duration"),
    ],
)
@pytest.mark.parametrize("pacer", [ClosedLoop(1), Constant(1.0)], ids=["closed", "open"])
def test_a_run_ends_by_whichever_comes_first(pacer, stop, reason, count):
    ended, house = load(pacer, stop, takes(0.95))
    # In a closed loop of one, a request a 0.95 s: the tenth starts at 8.55 s; in the open one at 9 s it is over.
    expected = count if reason == "number" or isinstance(pacer, ClosedLoop) else 9
    assert (ended.reason, len(house.records)) == (reason, expected)


def test_intended_dispatched_and_started_come_in_this_order_in_a_closed_loop():
    _, house = load(ClosedLoop(5, ramp_up_s=2.0), Stop(number=40), takes(1.0), limits=Limits(concurrency=2))
    for record in house.records:
        assert record.dispatched_ns is not None
        assert record.started_ns is not None
        assert record.intended_ns <= record.dispatched_ns <= record.started_ns
    assert any(record.started_ns > record.dispatched_ns for record in house.records)
    free = sorted([BEGIN_NS + offset for offset in ClosedLoop(5, 2.0).slot_offsets()] + [
        record.finished_ns for record in house.records
    ])  # fmt: skip
    assert sorted(record.intended_ns for record in house.records) == free[:40]


def test_a_server_that_is_gone_is_asked_ever_more_rarely_and_again_at_once_when_it_is_back():
    gone = fails(ConnectFault("connect_refused"))
    back = by_key({str(index): gone for index in range(6)}, answers(1.0))
    _, house = load(ClosedLoop(1), Stop(number=8), back)
    started_ns = [record.started_ns or 0 for record in in_order(house)]
    gaps_s = [round((later - sooner) / S, 2) for sooner, later in pairwise(started_ns)]
    assert gaps_s == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]  # the last one is the answer's own second


def test_a_run_without_an_end_is_refused():
    with pytest.raises(ScenarioError, match="number, duration, or both"):
        Stop()


# -- open loop ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pacer", [Constant(10.0), Poisson(10.0, seed=5), Gamma(10.0, 0.2, seed=5)], ids=["constant", "poisson", "gamma"]
)
def test_slow_answers_do_not_delay_arrivals(pacer):
    _, house = load(pacer, Stop(number=50), takes(3600.0))
    offsets = list(islice(pacer, 50))
    assert [record.intended_ns - BEGIN_NS for record in in_order(house)] == offsets
    assert [record.started_ns for record in in_order(house)] == [record.intended_ns for record in in_order(house)]
    assert house.transport.most_in_flight == 50


def test_an_open_loop_ends_by_duration_and_lets_no_later_arrival_go():
    pacer = Poisson(7.0, seed=2)
    ended, house = load(pacer, Stop(duration_s=20.0, grace_s=5.0), by_key({"3": hangs()}, answers(1.0)))
    due = [offset for offset in islice(pacer, 1000) if offset < 20 * S]
    assert [record.intended_ns - BEGIN_NS for record in in_order(house)] == due
    assert [record.key for record in house.records if record.outcome == "cancelled"] == ["3"]
    assert (ended.reason, ended.at_ns - BEGIN_NS, ended.dispatched) == ("duration", 20 * S, len(due))


@pytest.mark.parametrize("rules", [{"limits": Limits(concurrency=2)}, {"most_in_flight": 2}], ids=["lane", "global"])
def test_a_cap_makes_waiting_visible_in_the_response_and_not_in_the_service(rules):
    _, house = load(Constant(1.0), Stop(number=10), takes(4.0), **rules)
    records = in_order(house)
    assert house.transport.most_in_flight == 2
    waits = [(record.started_ns - record.intended_ns) // S for record in records]
    assert waits == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
    assert [record.dispatched_ns - record.intended_ns for record in records] == [0] * 10
    assert [record.written_ns - record.started_ns for record in records] == [0] * 10
    assert [record.finished_ns - record.written_ns for record in records] == [4 * S] * 10


def test_an_arrival_that_still_waits_at_the_end_is_recorded_as_unsent():
    ended, house = load(
        Constant(1.0), Stop(duration_s=10.0, grace_s=0.0), takes(4.0), limits=Limits(concurrency=1)
    )  # fmt: skip
    outcomes = [record.outcome for record in in_order(house)]
    assert outcomes == ["ok", "ok", "cancelled"] + ["unsent"] * 7
    assert ended.dispatched == 10


def _stalls(house: House, at: int, for_s: float) -> Requests:
    """A workload whose request `at` takes so long to build; nothing else happens meanwhile."""

    def request(index: int) -> Request:
        if index == at:
            house.clock.block(for_s)
        return a_request(index)

    return request


def test_late_dispatch_catches_up_without_moving_later_arrivals():
    async def act(house: House) -> Ended:
        return await house.scheduler.run(_stalls(house, 3, 2.05), Constant(10.0), Stop(number=40))

    _, house = drive(act, takes(1.0))
    records = in_order(house)
    late_ns = [record.dispatched_ns - record.intended_ns for record in records]
    # Built between arrivals 2 and 3, so all until 0.2 s + 2.05 s go at once, each later than the one after it.
    assert late_ns[:3] == [0, 0, 0]
    assert late_ns[3:23] == pytest.approx([(1.95 - i / 10) * S for i in range(20)], abs=1000)
    assert late_ns[23:] == [0] * 17
    assert [record.intended_ns for record in records] == [BEGIN_NS + i * S // 10 for i in range(40)]


def test_replies_are_read_while_the_schedule_is_caught_up_with():
    seen: list[int] = []

    async def act(house: House) -> Ended:
        def requests(index: int) -> Request:
            seen.append(len(house.records))
            return stalling(index)

        stalling = _stalls(house, 1, 1000.0)
        return await house.scheduler.run(requests, Constant(10.0), Stop(number=500))

    drive(act, takes(0.0))
    assert seen[-1] > 400


def test_arrivals_that_were_due_when_a_late_client_was_stopped_are_not_silently_dropped():
    async def act(house: House) -> Ended:
        def requests(index: int) -> Request:
            if index == 20:
                house.scheduler.stop("interrupted")
            return stalling(index)

        stalling = _stalls(house, 10, 100.0)
        return await house.scheduler.run(requests, Constant(1.0), Stop(number=1000))

    ended, house = drive(act, takes(0.0))
    assert (ended.reason, ended.dispatched) == ("interrupted", 110)
    assert [record.index for record in in_order(house)] == list(range(110))
    assert [record.outcome for record in in_order(house)] == ["ok"] * 19 + ["unsent"] * 91


# -- stop, and failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pacer", [ClosedLoop(6, ramp_up_s=100.0), Constant(0.5)], ids=["closed", "open"])
def test_stop_cuts_everything_off_and_run_returns(pacer):
    async def act(house: House) -> Ended:
        asyncio.get_running_loop().call_later(30, house.scheduler.stop, "interrupted")
        return await house.scheduler.run(a_request, pacer, Stop(number=1000))

    ended, house = drive(act, lambda _: hangs(), limits=Limits(concurrency=2))
    assert (ended.reason, ended.at_ns - BEGIN_NS) == ("interrupted", 30 * S)
    assert house.elapsed_s() == 30
    outcomes = [record.outcome for record in in_order(house)]
    assert outcomes == ["cancelled"] * 2 + ["unsent"] * (len(outcomes) - 2)
    assert len(outcomes) == ended.dispatched


@pytest.mark.parametrize("pacer", [ClosedLoop(3, ramp_up_s=100.0), Constant(0.001)], ids=["closed", "open"])
def test_a_run_that_was_stopped_before_it_began_does_not_wait_for_its_first_arrival(pacer):
    async def act(house: House) -> Ended:
        house.scheduler.stop("interrupted")
        return await house.scheduler.run(a_request, pacer, Stop(number=10), began_ns=house.began_ns + 50 * S)

    ended, house = drive(act, takes(1.0))
    assert (ended.reason, house.records, house.elapsed_s()) == ("interrupted", [], 0)


def test_a_run_cancelled_from_outside_leaves_its_records():
    async def act(house: House) -> None:
        task = asyncio.create_task(house.scheduler.run(a_request, Constant(1.0), Stop(number=100)))
        await house.sleep(10.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    _, house = drive(act, by_key({"0": answers(1.0)}, hangs()), limits=Limits(concurrency=4))
    assert [record.outcome for record in in_order(house)] == ["ok"] + ["cancelled"] * 4 + ["unsent"] * 6


def _broken_workload(index: int) -> Request:
    if index == 7:
        raise ZeroDivisionError("a bug")
    return a_request(index)


def _wrong_prompts(index: int) -> Request:
    if index == 7:
        raise ScenarioError("prompts.txt line 7 is empty")
    return a_request(index)


@pytest.mark.parametrize("pacer", [ClosedLoop(2), Constant(1.0)], ids=["closed", "open"])
def test_a_bug_in_a_workload_ends_the_run_loudly(pacer):
    with pytest.raises(BaseExceptionGroup) as raised:
        load(pacer, Stop(number=100), takes(5.0), requests=_broken_workload)
    assert raised.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("pacer", [ClosedLoop(2), Constant(1.0)], ids=["closed", "open"])
def test_a_prompt_that_cannot_be_sent_ends_the_run_as_one_error(pacer):
    with pytest.raises(ScenarioError, match="line 7"):
        load(pacer, Stop(number=100), takes(5.0), requests=_wrong_prompts)


class Broken(Words):
    def read(self, body: bytes) -> Any:
        raise ZeroDivisionError("a bug")


@pytest.mark.parametrize("pacer", [ClosedLoop(2), Constant(1.0)], ids=["closed", "open"])
def test_a_bug_in_a_dialect_ends_the_run_loudly(pacer):
    with pytest.raises(BaseExceptionGroup) as raised:
        load(pacer, Stop(number=100), takes(5.0), requests=lambda index: a_request(index, dialect=Broken()))
    assert raised.group_contains(ZeroDivisionError)


class Disk:
    """A sink with room for so many records."""

    def __init__(self, room: int) -> None:
        self.room = room

    def add(self, record: Record) -> None:
        if self.room == 0:
            raise SinkFailed("disk full")
        self.room -= 1

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("pacer", [ClosedLoop(20), Constant(10.0)], ids=["closed", "open"])
def test_a_failed_sink_ends_the_run_as_one_error_and_the_other_sinks_have_everything(pacer):
    last = MemorySink()
    with pytest.raises(SinkFailed, match="disk full"):
        load(pacer, Stop(number=1000), takes(5.0), sinks=[Disk(30), last])
    assert len(last.records) > 30
    assert len({record.index for record in last.records}) == len(last.records)


def test_ended_counts_the_arrivals_of_its_own_run_only():
    async def act(house: House) -> tuple[Ended, Ended]:
        await house.scheduler.submit(a_request(99))
        first = await house.scheduler.run(a_request, ClosedLoop(2), Stop(number=5))
        return first, await house.scheduler.run(a_request, ClosedLoop(2), Stop(number=3))

    (first, second), house = drive(act, takes(1.0))
    assert (first.dispatched, second.dispatched) == (5, 3)
    assert house.scheduler.counts.dispatched == house.scheduler.counts.finished == 9


# -- several processes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A trace: these offsets, then no more."""

    offsets: tuple[int, ...]

    def __iter__(self) -> Iterator[int]:
        return iter(self.offsets)


@given(
    of=st.integers(1, 7),
    number=st.none() | st.integers(0, 60),
    duration_s=st.none() | st.floats(0.0, 8.0),
    pacer=st.one_of(
        st.builds(Poisson, st.floats(0.5, 30.0), st.integers(0, 9)),
        st.builds(Gamma, st.floats(0.5, 30.0), st.floats(0.1, 10.0), st.integers(0, 9)),
        st.builds(Constant, st.floats(0.5, 30.0)),
        st.builds(Listed, st.lists(st.integers(0, 10 * S), max_size=40).map(lambda ns: tuple(sorted(ns)))),
    ),
)
@settings(max_examples=120, deadline=None)
def test_the_union_over_the_workers_is_exactly_the_schedule(of, number, duration_s, pacer):
    if number is None and duration_s is None:
        number = 20
    stop = Stop(number, duration_s)
    _, alone = load(pacer, stop, takes(0.5))
    dealt = [load(pacer, stop, takes(0.5), share=Share(index, of))[1] for index in range(of)]
    union = [(record.index, record.intended_ns, record.key) for house in dealt for record in house.records]
    assert sorted(union) == [(record.index, record.intended_ns, record.key) for record in in_order(alone)]
    for index, house in enumerate(dealt):
        assert {record.index % of for record in house.records} <= {index}


@given(of=st.integers(1, 7), number=st.integers(0, 60), extra=st.integers(0, 5), ramp_up_s=st.sampled_from([0.0, 2.0]))
@settings(max_examples=60, deadline=None)
def test_slots_and_numbers_of_a_closed_loop_are_dealt_out_whole(of, number, extra, ramp_up_s):
    pacer = ClosedLoop(of + extra, ramp_up_s, seed=3)
    dealt = [load(pacer, Stop(number=number), takes(0.5), share=Share(index, of))[1] for index in range(of)]
    assert sorted(record.index for house in dealt for record in house.records) == list(range(number))
    assert sum(house.transport.most_in_flight for house in dealt) <= pacer.parallel


def test_the_common_instant_zero_is_the_one_that_was_given():
    async def act(house: House) -> Ended:
        return await house.scheduler.run(a_request, Constant(1.0), Stop(number=3), began_ns=BEGIN_NS + 7 * S)

    _, house = drive(act, takes(0.0))
    assert seconds([record.started_ns for record in in_order(house)]) == [7, 8, 9]


# -- an hour -----------------------------------------------------------------------------------------------------------


def test_an_hour_of_load_with_deadlines():
    behaviour = by_key({"500": hangs()}, streams(b"one", b"end", gap_s=2.0))
    ended, house = load(
        Poisson(1.0, seed=8), Stop(duration_s=3600.0), behaviour, deadlines=Deadlines(30.0, 30.0, 300.0),
        requests=lambda index: a_request(index, stream=True),
    )  # fmt: skip
    assert 3300 < ended.dispatched < 3900
    assert [record.error for record in house.records if record.outcome != "ok"] == ["timeout_first_byte"]
    starts = [record.intended_ns for record in in_order(house)]
    assert all(sooner <= later for sooner, later in pairwise(starts))
