"""Virtual time passes exactly as asked and costs nothing."""

import asyncio
import time

import pytest

from tests.virtual_time import Stuck, VirtualClock, run_virtual


def test_an_hour_takes_no_time():
    async def main() -> int:
        clock = VirtualClock()
        began_ns = clock.now_ns()
        await asyncio.sleep(3600)
        return clock.now_ns() - began_ns

    began_s = time.perf_counter()
    assert run_virtual(main()) == 3600 * 10**9
    assert time.perf_counter() - began_s < 60


def test_sleep_until_ends_exactly_then_whatever_else_runs():
    async def main() -> list[int]:
        clock = VirtualClock()
        began_ns = clock.now_ns()
        late_ns: list[int] = []

        async def sleeper(offset_ns: int) -> None:
            await clock.sleep_until(began_ns + offset_ns)
            late_ns.append(clock.now_ns() - began_ns - offset_ns)

        async with asyncio.TaskGroup() as tasks:
            for i in range(2000):
                tasks.create_task(sleeper(i * i * 7919 % 1_000_003))
        return late_ns

    assert run_virtual(main()) == [0] * 2000


def test_order_of_wakeups_is_order_of_instants():
    async def main() -> list[float]:
        order: list[float] = []

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            order.append(seconds)

        async with asyncio.TaskGroup() as tasks:
            for seconds in (3.0, 0.001, 86400.0, 2.0):
                tasks.create_task(sleeper(seconds))
        return order

    assert run_virtual(main()) == [0.001, 2.0, 3.0, 86400.0]


def test_timeouts_run_on_virtual_time():
    async def main() -> None:
        async with asyncio.timeout(100):
            await asyncio.sleep(1000)

    with pytest.raises(TimeoutError):
        run_virtual(main())


def test_waiting_for_nothing_is_an_error(monkeypatch):
    monkeypatch.setattr("tests.virtual_time.PATIENCE_S", 0.01)

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck):
        run_virtual(main())


def test_a_virtual_clock_needs_a_virtual_loop():
    async def main() -> None:
        VirtualClock()

    with pytest.raises(TypeError, match="run_virtual"):
        asyncio.run(main())
