"""Nobody is woken too early, an alarm rings at its instant, and its file is gone when it is closed."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from perfbench.engine import clock as module
from perfbench.engine.clock import Alarm, KernelTimer, SystemClock
from tests.virtual_time import VirtualClock, run_virtual

LOOPS: list[Any] = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]
on_each_loop = pytest.mark.parametrize("run", LOOPS)
Run = Callable[[Coroutine[Any, Any, Any]], Any]
MS = 1_000_000


def open_files() -> list[str]:
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(str(fd.readlink()))
    return found


def timer_files() -> int:
    return sum("timerfd" in file for file in open_files())


@on_each_loop
def test_sleeping_never_ends_too_early(run):
    async def main() -> list[int]:
        clock, rng, early_ns = SystemClock(), random.Random(1), []

        async def sleeper(delay_ns: int) -> None:
            instant_ns = clock.now_ns() + delay_ns
            await clock.sleep_until(instant_ns)
            early_ns.append(clock.now_ns() - instant_ns)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(200):
                tasks.create_task(sleeper(rng.randrange(-5 * MS, 60 * MS)))
        return early_ns

    late_ns = run(main())
    assert len(late_ns) == 200
    assert min(late_ns) >= 0


@on_each_loop
def test_an_alarm_never_rings_too_early_and_rings_for_instants_that_have_passed(run):
    async def main() -> list[int]:
        clock, rng, late_ns = SystemClock(), random.Random(2), []
        alarm = Alarm(clock)
        for _ in range(150):
            instant_ns = clock.now_ns() + rng.choice([-MS, 0, 1, 1000, 50_000, 700_000, 3 * MS])
            await alarm.sleep_until(instant_ns)
            late_ns.append(clock.now_ns() - instant_ns)
        alarm.close()
        return late_ns

    assert min(run(main())) >= 0


@on_each_loop
def test_an_alarm_is_finer_than_the_timers_of_the_loop(run):
    async def main() -> tuple[list[int], list[int]]:
        clock, alarm_ns, clock_ns = SystemClock(), [], []
        alarm = Alarm(clock)
        for _ in range(60):
            for sleep_until, late_ns in ((alarm.sleep_until, alarm_ns), (clock.sleep_until, clock_ns)):
                instant_ns = clock.now_ns() + 200_000
                await sleep_until(instant_ns)
                late_ns.append(clock.now_ns() - instant_ns)
        alarm.close()
        return sorted(alarm_ns), sorted(clock_ns)

    alarm_ns, clock_ns = run(main())
    assert alarm_ns[30] < clock_ns[30]


@on_each_loop
def test_an_alarm_that_was_cancelled_can_be_set_again(run):
    """What it was set for before must not end the next wait."""

    async def main() -> int:
        clock = SystemClock()
        alarm = Alarm(clock)
        for delay_ns in (10_000 * MS, MS, 10_000 * MS, MS):
            task = asyncio.create_task(alarm.sleep_until(clock.now_ns() + delay_ns))
            await asyncio.sleep(0)
            task.cancel()
            time.sleep(0.002)  # noqa: ASYNC251 (the short one rings now, and nobody is there to hear it)
            await asyncio.gather(task, return_exceptions=True)
        instant_ns = clock.now_ns() + 30 * MS
        await alarm.sleep_until(instant_ns)
        late_ns = clock.now_ns() - instant_ns
        alarm.close()
        return late_ns

    assert run(main()) >= 0


@on_each_loop
def test_a_closed_alarm_leaves_no_file_and_does_not_ring_for_whoever_gets_its_number(run):
    async def main() -> None:
        clock = SystemClock()
        for _ in range(20):
            alarm = Alarm(clock)
            assert timer_files() == before + 1
            task = asyncio.create_task(alarm.sleep_until(clock.now_ns() + MS))
            await asyncio.sleep(0)
            alarm.close()
            alarm.close()
            assert timer_files() == before
            ours, theirs = socket.socketpair()  # takes over the number that has just become free
            with ours, theirs:
                ours.setblocking(False)
                theirs.send(b"data")
                received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().add_reader(ours, _receive, ours, received)
                assert await received == b"data"
                asyncio.get_running_loop().remove_reader(ours)
            task.cancel()

    before = timer_files()
    run(main())
    assert timer_files() == before


def _receive(sock: socket.socket, received: asyncio.Future[bytes]) -> None:
    if not received.done():
        received.set_result(sock.recv(100))


@on_each_loop
def test_a_kernel_timer_waits_its_turn_among_the_sockets(run):
    """It rings while the loop is kept busy by ready callbacks, too."""

    async def main() -> int:
        rung: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        timer = KernelTimer(lambda: rung.set_result(time.perf_counter_ns()))
        timer.set(time.perf_counter_ns() + 5 * MS)
        turns = 0
        while not rung.done():
            turns += 1
            await asyncio.sleep(0)
        timer.close()
        return turns

    assert run(main()) > 1


@on_each_loop
def test_without_kernel_timers_an_alarm_sleeps_on_the_clock(run, monkeypatch):
    def none() -> int:
        raise OSError("no timerfd on this system")

    monkeypatch.setattr(module, "_open_timer", none)

    async def main() -> int:
        clock = SystemClock()
        alarm = Alarm(clock)
        instant_ns = clock.now_ns() + 3 * MS
        await alarm.sleep_until(instant_ns)
        alarm.close()
        return clock.now_ns() - instant_ns

    assert run(main()) >= 0


def test_an_alarm_on_a_virtual_clock_takes_no_time():
    async def main() -> int:
        clock = VirtualClock()
        alarm = Alarm(clock)
        began_ns = clock.now_ns()
        await alarm.sleep_until(began_ns + 3600 * 1000 * MS)
        alarm.close()
        return clock.now_ns() - began_ns

    assert run_virtual(main()) == 3600 * 1000 * MS
