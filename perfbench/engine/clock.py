"""The clock: monotonic ns, sleeping until an instant, and a probe of how late the event loop is.

Everything that needs the time takes a `Clock`; tests pass a virtual one. The real one is CLOCK_MONOTONIC on Linux, the
same that `time.perf_counter_ns` reads, so instants of different processes of one machine compare.
"""

import asyncio
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    def now_ns(self) -> int: ...

    async def sleep_until(self, instant_ns: int) -> None: ...


class SystemClock:
    """The real clock."""

    now_ns = staticmethod(time.perf_counter_ns)

    async def sleep_until(self, instant_ns: int) -> None:
        """Return at or after the instant, never before; up to a millisecond or so after it.

        uvloop rounds timers to whole milliseconds and may wake up to 0.5 ms early, hence the loop.
        """
        while (left_ns := instant_ns - time.perf_counter_ns()) > 0:  # noqa: ASYNC110 (there is no event, only time)
            await asyncio.sleep(max(left_ns / 1e9, 0.001))


class Alarm:
    """Wakes one task at exact instants: a kernel timer (timerfd) where there is one, else the clock's own sleep.

    Event-loop timers have a grain of a millisecond, which at 500 arrivals a second would be a fifth of the mean gap;
    the kernel's is exact to some ten microseconds and costs no spinning.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fd = _open_timer() if isinstance(clock, SystemClock) else -1
        self._rung: asyncio.Future[None] | None = None
        if self._fd >= 0:
            asyncio.get_running_loop().add_reader(self._fd, self._ring)

    async def sleep_until(self, instant_ns: int) -> None:
        """Return at or after the instant. One task at a time."""
        if self._fd < 0:
            await self._clock.sleep_until(instant_ns)
            return
        while instant_ns > self._clock.now_ns():
            self._rung = asyncio.get_running_loop().create_future()
            _set_timer(self._fd, instant_ns)
            await self._rung

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        if self._rung is not None and not self._rung.done():
            self._rung.set_result(None)

    def close(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


_CLOCK_MONOTONIC, _TFD_NONBLOCK, _TFD_CLOEXEC, _TFD_TIMER_ABSTIME = 1, 0o4000, 0o2000000, 1
_itimerspec = struct.Struct("=qqqq")  # interval s, ns; value s, ns: the layout on 64-bit Linux
_libc: Any = None


def _open_timer() -> int:
    """A timerfd on the clock that perf_counter_ns reads, or -1. (Python has them from 3.13 on: os.timerfd_create.)"""
    global _libc
    if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return -1
    try:
        _libc = _libc or ctypes.CDLL(None, use_errno=True)
        create: Callable[[int, int], int] = _libc.timerfd_create
        return create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
    except (OSError, AttributeError):
        return -1


def _set_timer(fd: int, instant_ns: int) -> None:
    value = _itimerspec.pack(0, 0, instant_ns // 1_000_000_000, instant_ns % 1_000_000_000)
    if _libc.timerfd_settime(fd, _TFD_TIMER_ABSTIME, value, None) != 0:
        raise OSError(ctypes.get_errno(), "timerfd_settime failed")
