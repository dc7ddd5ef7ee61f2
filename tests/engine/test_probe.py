"""The client's samples of itself: stalls weigh what they lasted, and nothing between start and end is left out."""

from __future__ import annotations

import asyncio
import gc
import time
from itertools import pairwise
from typing import Any

import pytest
import uvloop

from perfbench.engine import clock, probe
from perfbench.engine.probe import ClientProbe, ClientSample

LOOPS: list[Any] = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]
GAP_NS = round(probe.LAG_EVERY_S * 1e9)
MS = 1_000_000


@pytest.fixture(params=["kernel timers", "loop timers"], autouse=True)
def timers(request, monkeypatch):
    if request.param == "loop timers":

        def none() -> int:
            raise OSError("no timerfd on this system")

        monkeypatch.setattr(clock, "_open_timer", none)


async def watch(act: Any, in_flight: Any = lambda: 0) -> tuple[list[ClientSample], ClientProbe]:
    """Run the probe while `act()` does."""
    samples: list[ClientSample] = []
    watched = ClientProbe(3, samples.append, in_flight)
    task = asyncio.create_task(watched.run())
    await asyncio.sleep(0)
    await act()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    return samples, watched


@pytest.mark.parametrize("run", LOOPS)
def test_samples_follow_each_other_without_a_gap_and_end_with_the_run(run, monkeypatch):
    monkeypatch.setattr(probe, "SAMPLE_EVERY_S", 0.05)
    began_ns = time.perf_counter_ns()
    samples, _ = run(watch(lambda: asyncio.sleep(0.4), in_flight=lambda: 7))
    assert len(samples) >= 2
    assert all(sooner.to_ns == later.from_ns for sooner, later in pairwise(samples))
    assert began_ns <= samples[0].from_ns
    assert samples[-1].to_ns - samples[0].from_ns >= 0.39e9, "uvloop may wake a millisecond early"
    assert {sample.worker for sample in samples} == {3}
    assert {sample.in_flight for sample in samples} == {7}


@pytest.mark.parametrize("run", LOOPS)
def test_an_idle_loop_is_sampled_about_every_20_ms(run):
    samples, _ = run(watch(lambda: asyncio.sleep(0.3)))
    lags = [lag for sample in samples for lag in sample.lag_ns]
    assert len(lags) >= 0.2e9 / (1.5 * GAP_NS)
    assert all(lag >= 0 for lag in lags)


@pytest.mark.parametrize("run", LOOPS)
def test_a_stall_weighs_as_much_as_it_lasted(run):
    """Bytes that came while the loop stood still would have waited anything up to its length, evenly."""

    async def stall() -> None:
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251 (a stall is the point)
        await asyncio.sleep(0.05)

    samples, watched = run(watch(stall))
    lags = [lag for sample in samples for lag in sample.lag_ns]
    for least_ns, most_ns in ((60 * MS, 180 * MS), (180 * MS, 300 * MS)):
        within = sum(least_ns <= lag < most_ns for lag in lags)
        assert within >= (most_ns - least_ns) / (1.5 * GAP_NS) - 1, "no instant of the stall is left out"
    assert max(lags) > 350 * MS
    assert watched.take_longest_lag_ns() == max(lags)
    assert watched.take_longest_lag_ns() == 0


@pytest.mark.parametrize("run", LOOPS)
def test_cpu_time_is_that_of_the_process(run):
    async def work() -> None:
        until_ns = time.process_time_ns() + 200 * MS
        while time.process_time_ns() < until_ns:
            pass

    samples, _ = run(watch(work))
    assert sum(sample.cpu_ns for sample in samples) >= 200 * MS
    assert all(sample.run_delay_ns is None or sample.run_delay_ns >= 0 for sample in samples)


@pytest.mark.parametrize("run", LOOPS)
def test_collections_of_garbage_are_counted_and_no_callback_stays_behind(run):
    async def collect() -> None:
        gc.collect()

    before = list(gc.callbacks)
    samples, _ = run(watch(collect))
    assert sum(sample.gc_ns for sample in samples) > 0
    assert gc.callbacks == before
