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
from contextlib import suppress
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


class KernelTimer:
    """Calls `on_ring()` at an exact instant: a timerfd among the sockets of the event loop.

    Event-loop timers have a grain of a millisecond; the kernel's are exact to some ten microseconds and cost no
    spinning. Being a file like a socket, it also waits its turn like one. Raises OSError where there are none.
    """

    def __init__(self, on_ring: Callable[[], None]) -> None:
        self._fd = _open_timer()
        self._on_ring = on_ring
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._ring)

    def set(self, instant_ns: int) -> None:
        _set_timer(self._fd, max(instant_ns, 1))  # 0 would disarm it

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _ring(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # it was set anew between the wake-up and here
            return
        self._on_ring()


class Alarm:
    """Wakes one task at exact instants: by a kernel timer where there is one, else by the clock's own sleep."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timer: KernelTimer | None = None
        self._rung: asyncio.Future[None] | None = None
        if isinstance(clock, SystemClock):
            with suppress(OSError):
                self._timer = KernelTimer(self._ring)

    async def sleep_until(self, instant_ns: int) -> None:
        """Return at or after the instant. One task at a time."""
        if self._timer is None:
            await self._clock.sleep_until(instant_ns)
            return
        while instant_ns > self._clock.now_ns():
            self._rung = asyncio.get_running_loop().create_future()
            self._timer.set(instant_ns)
            await self._rung

    def _ring(self) -> None:
        if self._rung is not None and not self._rung.done():
            self._rung.set_result(None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.close()


_CLOCK_MONOTONIC, _TFD_NONBLOCK, _TFD_CLOEXEC, _TFD_TIMER_ABSTIME = 1, 0o4000, 0o2000000, 1
_itimerspec = struct.Struct("=qqqq")  # interval s, ns; value s, ns: the layout on 64-bit Linux
_libc: Any = None


def _open_timer() -> int:
    """A timerfd on the clock that perf_counter_ns reads. (Python has them from 3.13 on: os.timerfd_create.)"""
    global _libc
    if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        raise OSError("no timerfd on this system")
    _libc = _libc or ctypes.CDLL(None, use_errno=True)
    fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create failed")
    return fd


def _set_timer(fd: int, instant_ns: int) -> None:
    value = _itimerspec.pack(0, 0, instant_ns // 1_000_000_000, instant_ns % 1_000_000_000)
    if _libc.timerfd_settime(fd, _TFD_TIMER_ABSTIME, value, None) != 0:
        raise OSError(ctypes.get_errno(), "timerfd_settime failed")
