"""The client watches itself: event-loop lag, CPU time, time spent waiting for a CPU.

Each engine process takes a sample a second and appends it to client.jsonl beside the records; the client verdict is
computed from those (perfbench.metrics.client), so it can be recomputed like everything else.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from perfbench.engine.clock import KernelTimer

LAG_EVERY_S = 0.02
SAMPLE_EVERY_S = 1.0


class ClientSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one engine process saw of itself between two instants: one line of client.jsonl."""

    worker: int
    from_ns: int
    to_ns: int
    lag_ns: list[int]
    """How late the loop took up an event of known instant, about every 20 ms. A timer file waits among the sockets, so
    this is a fair sample of how long a byte that has arrived waits for its stamp."""
    cpu_ns: int
    """CPU time of the process, all threads."""
    run_delay_ns: int | None = None
    """Time runnable but without a CPU (/proc/self/schedstat); None where the kernel does not say."""
    gc_ns: int = 0
    in_flight: int = 0


class ClientProbe:
    """Takes the samples. `emit` gets one a second, and a last one when the probe is stopped."""

    def __init__(self, worker: int, emit: Callable[[ClientSample], None], in_flight: Callable[[], int]) -> None:
        self._worker = worker
        self._emit = emit
        self._in_flight = in_flight
        self._lags: list[int] = []
        self._gc_ns = self._gc_began_ns = self._longest_lag_ns = self._due_ns = 0
        self._handle: asyncio.TimerHandle | None = None
        self._rng = random.Random(worker)

    def take_longest_lag_ns(self) -> int:
        """The longest lag since the last call."""
        longest, self._longest_lag_ns = self._longest_lag_ns, 0
        return longest

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        gc.callbacks.append(self._on_gc)
        self._mark()
        self._due_ns = time.perf_counter_ns() + self._next_gap_ns()
        timer: KernelTimer | None = None
        with suppress(OSError):
            timer = KernelTimer(lambda: self._rung(timer))
            timer.set(self._due_ns)
        if timer is None:
            self._later(loop)
        try:
            while True:
                await asyncio.sleep(SAMPLE_EVERY_S)
                self._sample()
        finally:
            gc.callbacks.remove(self._on_gc)
            if timer is not None:
                timer.close()
            if self._handle is not None:
                self._handle.cancel()
            self._sample()

    def _rung(self, timer: KernelTimer | None) -> None:
        self._take_up()
        if timer is not None:
            timer.set(self._due_ns)

    def _later(self, loop: asyncio.AbstractEventLoop) -> None:
        """Where there are no kernel timers: the loop's own, whose grain of a millisecond then stands in the lag."""
        self._take_up()
        self._handle = loop.call_later((self._due_ns - time.perf_counter_ns()) / 1e9, self._later, loop)

    def _take_up(self) -> None:
        """Note how late every instant that has passed is, so that a long stall weighs as much as it lasted."""
        now_ns = time.perf_counter_ns()
        while self._due_ns <= now_ns:
            self._add_lag(now_ns - self._due_ns)
            self._due_ns += self._next_gap_ns()

    def _next_gap_ns(self) -> int:
        return round(LAG_EVERY_S * 1e9 * self._rng.uniform(0.5, 1.5))  # uneven, not to beat with the server's tokens

    def _add_lag(self, lag_ns: int) -> None:
        self._lags.append(lag_ns)
        self._longest_lag_ns = max(self._longest_lag_ns, lag_ns)

    def _on_gc(self, phase: str, _info: dict[str, Any]) -> None:
        now_ns = time.perf_counter_ns()
        if phase == "start":
            self._gc_began_ns = now_ns
        else:
            self._gc_ns += now_ns - self._gc_began_ns

    def _mark(self) -> None:
        self._from_ns, self._cpu_from_ns, self._delay_from_ns = (
            time.perf_counter_ns(),
            time.process_time_ns(),
            _run_delay_ns(),
        )

    def _sample(self) -> None:
        lags, self._lags = self._lags, []
        gc_ns, self._gc_ns = self._gc_ns, 0
        from_ns, cpu_from_ns, delay_from_ns = self._from_ns, self._cpu_from_ns, self._delay_from_ns
        self._mark()
        waited = None if self._delay_from_ns is None or delay_from_ns is None else self._delay_from_ns - delay_from_ns
        sample = ClientSample(
            worker=self._worker, from_ns=from_ns, to_ns=self._from_ns, lag_ns=lags, in_flight=self._in_flight(),
            cpu_ns=self._cpu_from_ns - cpu_from_ns, run_delay_ns=waited, gc_ns=gc_ns,
        )  # fmt: skip
        self._emit(sample)


def _run_delay_ns() -> int | None:
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
