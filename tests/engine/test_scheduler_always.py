"""What holds whatever happens: random mixes of servers, limits, retries, deadlines, stops and callers that give up."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import BadReply, ConnectFault, Disconnected
from perfbench.engine.limits import Limits
from perfbench.engine.pacing import ClosedLoop, Constant, Pacer, Poisson
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Stop
from perfbench.engine.transport.memory import Connect, Data, End, Fault, Head, Step, Wait
from tests.engine.rig import PLAIN_BODY, House, S, a_request, drive, hangs

# Halves of seconds, so that ends, deadlines, stops and cancellations meet in the same turn of the loop.
halves_s = st.integers(0, 12).map(lambda halves: halves / 2)


@st.composite
def scripts(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = [Connect(draw(halves_s))] if draw(st.booleans()) else []
    kind = draw(st.sampled_from(["whole", "stream", "fault", "refused", "status", "cut", "hangs", "stalls", "mixed"]))
    if kind == "hangs":
        return [*steps, *hangs()]
    if kind == "refused":
        return [*steps, Fault(ConnectFault("connect_refused"))]
    steps.append(Wait(draw(halves_s)))
    if kind == "fault":
        fault = draw(st.sampled_from([Disconnected("reset"), Disconnected("disconnected"), BadReply("bad_event")]))
        return [*steps, Fault(fault)]
    if kind == "status":
        status = draw(st.sampled_from([400, 429, 500, 503]))
        asked = draw(st.sampled_from([(), (("retry-after", "1"),), (("retry-after", "soon"),)]))
        return [*steps, Head(status, PLAIN_BODY + asked), Data(b"no"), End()]
    steps.append(Head() if kind != "whole" else Head(200, PLAIN_BODY))
    for _ in range(draw(st.integers(0, 3))):
        steps += [Data(b"word\n"), Wait(draw(halves_s))]
    if kind == "stalls":
        return [*steps, *hangs()]
    if kind == "mixed":
        return [*steps, Data(b"no ending\n"), End()]
    return [*steps, Data(b"end\n"), *([] if kind == "cut" else [End()])]


@dataclass(frozen=True)
class Mix:
    scripts: list[list[Step]]
    limits: Limits
    most_in_flight: int | None
    retry: RetryPolicy
    deadlines: Deadlines
    pacer: Pacer | ClosedLoop | None
    stop: Stop
    stopped_s: float | None
    run_cancelled_s: float | None
    submits: list[tuple[float, float | None]]  # begins, gives up after


deadline_s = st.none() | st.sampled_from([0.5, 1.0, 2.5])
mixes = st.builds(
    Mix,
    scripts=st.lists(scripts(), min_size=1, max_size=8),
    limits=st.builds(
        Limits,
        concurrency=st.none() | st.integers(1, 3),
        requests_per_s=st.none() | st.sampled_from([1.0, 2.0, 9.0]),
        tokens_per_min=st.none() | st.sampled_from([120.0, 6000.0]),
    ),
    most_in_flight=st.none() | st.integers(1, 4),
    retry=st.builds(RetryPolicy, attempts=st.integers(1, 3), base_s=st.sampled_from([0.5, 2.0]),
                    budget_floor=st.integers(0, 4)),
    deadlines=st.builds(Deadlines, deadline_s, deadline_s, deadline_s),
    pacer=st.none() | st.builds(ClosedLoop, st.integers(1, 4), st.sampled_from([0.0, 3.0]))
    | st.builds(Constant, st.sampled_from([1.0, 2.0, 8.0])) | st.builds(Poisson, st.sampled_from([1.0, 8.0])),
    stop=st.builds(Stop, st.integers(0, 20), st.none() | halves_s, st.sampled_from([0.0, 1.0, 3.0])),
    stopped_s=st.integers(1, 40).map(lambda halves: halves / 2),
    run_cancelled_s=st.none() | halves_s,
    submits=st.lists(st.tuples(halves_s, st.none() | halves_s), max_size=8),
)  # fmt: skip


@given(mix=mixes)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_dispatched_request_leaves_exactly_one_record(mix):
    handed_over: list[str] = []
    came_back: list[Record] = []

    def requests(index: int) -> Request:
        handed_over.append(f"run {index}")
        return _request(f"run {index}", index)

    def _request(key: str, index: int) -> Request:
        request = a_request(index, stream=index % 2 == 0, tokens=index % 5)
        return Request(**{name: getattr(request, name) for name in request.__struct_fields__} | {"key": key})

    async def act(house: House) -> None:
        async def run() -> None:
            assert mix.pacer is not None
            ended = await house.scheduler.run(requests, mix.pacer, mix.stop)
            assert ended.dispatched == sum(record.index >= 0 for record in house.records)

        async def submit(number: int, after_s: float) -> None:
            await house.sleep(after_s)
            handed_over.append(f"submit {number}")
            came_back.append(await house.scheduler.submit(_request(f"submit {number}", number)))
            assert _me().cancelling() == 0

        async with asyncio.TaskGroup() as tasks:
            if mix.pacer is not None:
                _give_up(tasks, tasks.create_task(run()), mix.run_cancelled_s)
            for number, (after_s, patience_s) in enumerate(mix.submits):
                _give_up(
                    tasks,
                    tasks.create_task(submit(number, after_s)),
                    None if patience_s is None else after_s + patience_s,
                )
            await house.sleep(mix.stopped_s or 0)
            house.scheduler.stop("enough")
            stopped_ns = house.clock.now_ns()
        assert house.clock.now_ns() == max(stopped_ns, _last_submit_ns(mix, house)), "something outlived the stop"
        assert (house.scheduler.in_flight, house.scheduler.waiting, house.transport.in_flight) == (0, 0, 0)
        assert _me().cancelling() == 0

    _, house = drive(
        act, lambda request: mix.scripts[int(request.key.split()[1]) % len(mix.scripts)], limits=mix.limits,
        retry=mix.retry, deadlines=mix.deadlines, most_in_flight=mix.most_in_flight,
    )  # fmt: skip
    recorded = Counter(record.key for record in house.records)
    assert set(recorded.values()) <= {1}
    # The open loop builds a request before it is due; the last one may be built and never become due.
    built_only = set(handed_over) - set(recorded)
    assert len(built_only) <= 1
    assert all(key.startswith("run") for key in built_only)
    assert house.scheduler.counts.dispatched == house.scheduler.counts.finished == len(house.records)
    assert {id(record) for record in came_back} <= {id(record) for record in house.records}
    most = min((n for n in (mix.limits.concurrency, mix.most_in_flight) if n is not None), default=10**9)
    assert house.transport.most_in_flight <= most
    attempts = sum(len(record.earlier) + (record.started_ns is not None) for record in house.records)
    assert attempts == len(house.transport.received) == house.scheduler.counts.started
    for record in house.records:
        _is_sound(record, mix)


def _me() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _give_up(tasks: asyncio.TaskGroup, task: asyncio.Task[None], after_s: float | None) -> None:
    async def cancel() -> None:
        await asyncio.sleep(after_s or 0)
        task.cancel()

    if after_s is not None:
        tasks.create_task(cancel())


def _last_submit_ns(mix: Mix, house: House) -> int:
    """Callers come and give up by themselves; after a stop they are answered at once."""
    times = [begins for begins, _ in mix.submits] + [b + p for b, p in mix.submits if p is not None]
    times += [mix.run_cancelled_s] if mix.run_cancelled_s is not None and mix.pacer is not None else []
    return house.began_ns + round(max(times, default=0.0) * S)


def _is_sound(record: Record, mix: Mix) -> None:
    """What the docstring of Record promises, for any record."""
    instants = [
        record.intended_ns, record.dispatched_ns, record.started_ns, record.written_ns, record.first_byte_ns,
        record.first_output_ns, record.last_output_ns, record.finished_ns,
    ]  # fmt: skip
    happened = [instant for instant in instants if instant is not None]
    assert happened == sorted(happened)
    assert (record.outcome == "ok") == (record.error == "")
    assert (record.outcome == "unsent") == (record.error == "unsent") == (record.started_ns is None)
    assert (record.outcome == "cancelled") == (record.error == "cancelled")
    assert len(record.earlier) < mix.retry.attempts
    starts = [attempt.started_ns for attempt in record.earlier] + [record.started_ns]
    for attempt, next_ns in zip(record.earlier, starts[1:], strict=True):
        assert next_ns is not None
        assert attempt.started_ns <= attempt.finished_ns <= next_ns
        assert next_ns - attempt.finished_ns >= round(attempt.waited_s * S)
    if record.itl_ns is not None:
        assert len(record.itl_ns) == record.chunks - 1
