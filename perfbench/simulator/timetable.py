"""The timetable: everything that is due at an instant, served from one alarm.

One heap for all streams instead of a timer or a sleeping task per token. The alarm is a kernel timer where there are
any, because those of event loops have steps of a millisecond; elsewhere it is such a timer.
Instants are absolute, so lateness never accumulates, and nothing is served before its instant.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol

from perfbench.engine.clock import KernelTimer

_AT_ONCE = 256  # then the sockets get their turn: new requests must not wait for a long row of due tokens


class Due(Protocol):
    def tick(self) -> None:
        """Called once, at or after the instant."""

    def fail(self, error: Exception) -> None:
        """`tick` raised: a bug of ours, to be shown where the request is waited for."""


class Alarm(Protocol):
    def set(self, instant_ns: int) -> None: ...

    def close(self) -> None: ...


class Timetable:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._heap: list[tuple[int, int, Due]] = []
        self._entered = 0  # breaks ties in the order of entry
        self._armed_ns = 0
        self._serving = False
        self._alarm: Alarm
        try:
            self._alarm = KernelTimer(self._ring)
        except OSError:
            self._alarm = LoopTimer(loop, self._ring)

    def at(self, instant_ns: int, due: Due) -> None:
        self._entered += 1
        heapq.heappush(self._heap, (instant_ns, self._entered, due))
        if not self._serving:
            self._arm()

    def close(self) -> None:
        self._heap.clear()
        self._alarm.close()

    def _arm(self) -> None:
        if self._heap and self._heap[0][0] != self._armed_ns:
            self._armed_ns = self._heap[0][0]
            self._alarm.set(self._armed_ns)

    def _ring(self) -> None:
        self._serving = True
        heap, left = self._heap, _AT_ONCE
        while heap and left and heap[0][0] <= time.perf_counter_ns():
            due = heapq.heappop(heap)[2]
            left -= 1
            try:
                due.tick()
            except Exception as error:  # the others must still be served
                due.fail(error)
        self._serving = False
        self._armed_ns = 0
        self._arm()


class LoopTimer:
    """What rings where there is no kernel timer: one of the event loop, rounded up."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, instant_ns: int) -> None:
        self.close()
        delay_ms = max(0, -(-(instant_ns - time.perf_counter_ns()) // 1_000_000))
        self._handle = self._loop.call_later(delay_ms / 1e3, self._ring)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
