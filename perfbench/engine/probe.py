"""The client watches itself: event-loop lag, CPU time, time spent waiting for a CPU.

Each engine process takes a sample a second and appends it to client.jsonl beside the records; the client verdict is
computed from those (perfbench.metrics.client), so it can be recomputed like everything else.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

LAG_EVERY_S = 0.02


class ClientSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one engine process saw of itself between two instants: one line of client.jsonl."""

    worker: int
    from_ns: int
    to_ns: int
    lag_ns: list[int]
    """How long one turn of the loop took, every 20 ms: a byte that arrives waits up to that long for its stamp."""
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
        self._gc_ns = self._gc_began_ns = self._longest_lag_ns = 0

    def take_longest_lag_ns(self) -> int:
        """The longest turn of the loop since the last call."""
        longest, self._longest_lag_ns = self._longest_lag_ns, 0
        return longest

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        gc.callbacks.append(self._on_gc)
        self._mark()
        ticks = round(1 / LAG_EVERY_S)
        try:
            while True:
                for _ in range(ticks):
                    await asyncio.sleep(LAG_EVERY_S)
                    # Two hops through the ready queue span one whole turn: timers, ready callbacks, socket reads.
                    loop.call_soon(self._first_hop, loop)
                self._sample()
        finally:
            gc.callbacks.remove(self._on_gc)
            self._sample()

    def _first_hop(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon(self._second_hop, time.perf_counter_ns())

    def _second_hop(self, then_ns: int) -> None:
        lag_ns = time.perf_counter_ns() - then_ns
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
