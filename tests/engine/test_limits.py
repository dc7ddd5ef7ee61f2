"""Limits hold in every window, admission is first come first served, and who gives up takes nothing along."""

from __future__ import annotations

import asyncio
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.engine.limits import GRAIN_NS, Cap, Gate, Limits, Rate
from tests.engine.rig import S
from tests.virtual_time import VirtualClock, run_virtual

HALVES_S = st.integers(0, 10).map(lambda halves: halves / 2)  # coarse, so that things happen in the same turn


class Door:
    """Requests that pass a gate, hold it for a while and leave; `passed` says who got in, and when."""

    def __init__(self, limits: Limits, cap: Cap | None = None) -> None:
        self.clock = VirtualClock()
        self.began_ns = self.clock.now_ns()
        self.gate = Gate(limits, cap or Cap(None), self.clock)
        self.inside = self.most_inside = 0
        self.passed: list[tuple[str, int]] = []

    async def pass_through(self, name: str, *, arrives_s: float = 0.0, holds_s: float = 0.0, tokens: int = 0) -> None:
        await self.clock.sleep_until(self.began_ns + round(arrives_s * S))
        if not self.gate.try_enter():
            await self.gate.enter(tokens)
        self.passed.append((name, self.clock.now_ns() - self.began_ns))
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.clock.sleep_until(self.clock.now_ns() + round(holds_s * S))
        finally:
            self.inside -= 1
            self.gate.leave()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.passed]

    def instants_s(self) -> list[float]:
        return [instant_ns / S for _, instant_ns in self.passed]


def test_concurrency_is_never_exceeded_and_the_first_to_come_is_the_first_to_go():
    async def main() -> Door:
        door = Door(Limits(concurrency=3))
        async with asyncio.TaskGroup() as tasks:
            for i in range(20):
                tasks.create_task(door.pass_through(str(i), arrives_s=i / 100, holds_s=1 + (i * 7919 % 13) / 10))
        return door

    door = run_virtual(main())
    assert door.most_inside == 3
    assert door.names == [str(i) for i in range(20)]


def test_nobody_overtakes_a_waiter_who_was_just_called():
    async def main() -> bool:
        gate = Gate(Limits(concurrency=2), Cap(None), VirtualClock())
        assert gate.try_enter()
        assert gate.try_enter()
        waiter = asyncio.create_task(gate.enter(0))
        await asyncio.sleep(1)
        gate.leave()
        gate.leave()  # both places are free, one of them is the waiter's, who has not run yet
        overtook = gate.try_enter()
        await waiter
        return overtook

    assert not run_virtual(main())


def test_the_global_cap_holds_over_all_lanes():
    async def main() -> tuple[int, list[str]]:
        cap = Cap(2)
        doors = [Door(Limits(concurrency=2), cap), Door(Limits(), cap)]
        most = 0

        async def watch() -> None:
            nonlocal most
            for _ in range(100):
                most = max(most, doors[0].inside + doors[1].inside)
                await asyncio.sleep(0.1)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch())
            for i in range(6):
                tasks.create_task(doors[i % 2].pass_through(str(i), arrives_s=i / 100, holds_s=1))
        return most, doors[0].names + doors[1].names

    most, names = run_virtual(main())
    assert most == 2
    assert sorted(names) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("rate_per_s", [0.5, 10.0, 250.0, 3000.0])
def test_requests_per_second_hold_in_every_window(rate_per_s):
    async def main() -> Door:
        door = Door(Limits(requests_per_s=rate_per_s))
        async with asyncio.TaskGroup() as tasks:
            for i in range(100):
                tasks.create_task(door.pass_through(str(i), arrives_s=(i // 30) * 7 / rate_per_s + i * 1e-8))
        return door

    door = run_virtual(main())
    assert door.names == [str(i) for i in range(100)]
    _holds_in_every_window(door.passed, dict.fromkeys(door.names, 1), rate_per_s, burst=1.0)
    # It is a limit and not a brake: while there was somebody to let in, nobody waited for nothing.
    assert door.instants_s()[-1] <= (100 + 30) / rate_per_s


@given(
    tokens=st.lists(st.integers(1, 400), min_size=1, max_size=40),
    arrivals_s=st.lists(st.floats(0, 30), min_size=40, max_size=40),
    concurrency=st.sampled_from([None, 1, 3]),
)
@settings(max_examples=60, deadline=None)
def test_tokens_per_minute_hold_in_every_window(tokens, arrivals_s, concurrency):
    async def main() -> Door:
        door = Door(Limits(concurrency=concurrency, tokens_per_min=1200.0))
        async with asyncio.TaskGroup() as tasks:
            for i, count in enumerate(tokens):
                tasks.create_task(door.pass_through(str(i), arrives_s=arrivals_s[i], tokens=count, holds_s=0.5))
        return door

    door = run_virtual(main())
    assert len(door.passed) == len(tokens)
    weights = {str(i): count for i, count in enumerate(tokens)}
    _holds_in_every_window(door.passed, weights, 20.0, burst=20.0, largest=max(tokens))


def _holds_in_every_window(
    passed: list[tuple[str, int]], weights: dict[str, int], per_s: float, *, burst: float, largest: int = 0
) -> None:
    """What `Rate` promises: per_s * T + burst, and at most one request more, in any span of T seconds."""
    totals = [0, *accumulate(weights[name] for name, _ in passed)]
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            span_s = (passed[last][1] - passed[first][1] + GRAIN_NS) / S
            assert totals[last + 1] - totals[first] <= per_s * span_s + burst + largest + 1e-3  # instants are whole ns


def test_replies_that_used_more_tokens_than_expected_slow_down_those_who_wait_already():
    async def main() -> list[float]:
        door = Door(Limits(tokens_per_min=60.0))
        async with asyncio.TaskGroup() as tasks:
            for i in range(2):
                tasks.create_task(door.pass_through(str(i), tokens=10))
            await asyncio.sleep(5)
            door.gate.settle(expected_tokens=10, used_tokens=40)
        return door.instants_s()

    assert run_virtual(main()) == [0.0, pytest.approx(40, abs=1.1)]


def test_a_reply_without_usage_corrects_nothing():
    async def main() -> list[float]:
        door = Door(Limits(tokens_per_min=60.0))
        async with asyncio.TaskGroup() as tasks:
            for i in range(2):
                tasks.create_task(door.pass_through(str(i), tokens=10))
            await asyncio.sleep(5)
            door.gate.settle(expected_tokens=10, used_tokens=None)
        return door.instants_s()

    assert run_virtual(main()) == [0.0, pytest.approx(10, abs=1.1)]


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(concurrency=1), id="a place"),
        pytest.param(Limits(requests_per_s=1.0), id="a rate"),
        pytest.param(Limits(tokens_per_min=60.0), id="tokens"),
        pytest.param(Limits(concurrency=1, requests_per_s=1.0), id="a place and a rate"),
    ],
)
def test_a_cancelled_waiter_takes_no_place_and_no_rate(limits):
    async def main(cancelled: int) -> list[float]:
        door = Door(limits)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(door.pass_through("first", holds_s=1.0, tokens=2))
            given_up = [
                tasks.create_task(door.pass_through("gave up", arrives_s=0.1, holds_s=50.0, tokens=50))
                for _ in range(cancelled)
            ]
            tasks.create_task(door.pass_through("last", arrives_s=0.2, tokens=2))
            await asyncio.sleep(0.5)
            for task in given_up:
                task.cancel()
        assert door.gate.waiting == 0
        assert door.names == ["first", "last"]
        return door.instants_s()

    assert run_virtual(main(cancelled=5)) == run_virtual(main(cancelled=0))


@pytest.mark.parametrize("who_is_first", ["leaver", "canceller"])
def test_a_waiter_cancelled_in_the_turn_in_which_a_place_becomes_free_passes_it_on(who_is_first):
    async def main() -> tuple[int, list[str]]:
        cap, got = Cap(1), []
        assert cap.try_enter()

        async def waiter(name: str) -> None:
            await cap.enter()
            got.append(name)
            cap.leave()

        cancelled, other = asyncio.create_task(waiter("cancelled")), asyncio.create_task(waiter("other"))
        await asyncio.sleep(1)
        for act in (cap.leave, cancelled.cancel)[:: 1 if who_is_first == "leaver" else -1]:
            act()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await other
        assert cap.waiting == 0
        return cap.held, got

    assert run_virtual(main()) == (0, ["other"])


def test_a_lane_held_up_by_the_global_cap_does_not_leave_in_a_burst_afterwards():
    async def main() -> list[float]:
        cap = Cap(1)
        assert cap.try_enter()  # another lane has the only place for ten seconds
        door = Door(Limits(requests_per_s=1.0), cap)
        async with asyncio.TaskGroup() as tasks:
            for i in range(5):
                tasks.create_task(door.pass_through(str(i)))
            await asyncio.sleep(10)
            cap.leave()
        return door.instants_s()

    assert run_virtual(main()) == pytest.approx([10, 11, 12, 13, 14], abs=0.01)


@given(
    waits=st.lists(st.tuples(HALVES_S, HALVES_S, st.none() | HALVES_S), min_size=1, max_size=25),
    concurrency=st.none() | st.integers(1, 3),
    most=st.none() | st.integers(1, 3),
    requests_per_s=st.none() | st.sampled_from([0.7, 2.0]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_cancelled_when_every_place_comes_back(waits, concurrency, most, requests_per_s):
    async def main() -> tuple[Door, Cap]:
        cap = Cap(most)
        door = Door(Limits(concurrency=concurrency, requests_per_s=requests_per_s), cap)

        async def cancel_after(seconds: float, task: asyncio.Task[None]) -> None:
            await asyncio.sleep(seconds)
            task.cancel()

        async with asyncio.TaskGroup() as tasks:
            for i, (arrives_s, holds_s, cancelled_s) in enumerate(waits):
                task = tasks.create_task(door.pass_through(str(i), arrives_s=arrives_s, holds_s=holds_s))
                if cancelled_s is not None:
                    tasks.create_task(cancel_after(cancelled_s, task))
        return door, cap

    door, cap = run_virtual(main())
    limit = min((n for n in (concurrency, most) if n is not None), default=len(waits))
    assert door.most_inside <= limit
    assert (cap.held, cap.waiting, door.gate.waiting) == (0, 0, 0)
    kept = [str(i) for i, (_, _, cancelled_s) in enumerate(waits) if cancelled_s is None]
    assert set(kept) <= set(door.names)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(value):
    with pytest.raises(ScenarioError, match="rate limit"):
        Rate(value)


@pytest.mark.parametrize("value", [0, -3])
def test_a_cap_that_lets_nobody_in_is_refused(value):
    with pytest.raises(ScenarioError, match=f"got {value}"):
        Cap(value)
