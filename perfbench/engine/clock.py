"""The clock: monotonic ns, sleeping until an instant, and a probe of how late the event loop is.

Everything that needs the time takes a `Clock`; tests pass a virtual one. The real one is CLOCK_MONOTONIC on Linux, the
same that `time.perf_counter_ns` reads, so instants of different processes of one machine compare.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    def now_ns(self) -> int: ...

    async def sleep_until(self, instant_ns: int) -> None: ...


class SystemClock:
    """The real clock."""

    now_ns = staticmethod(time.perf_counter_ns)

    async def sleep_until(self, instant_ns: int) -> None:
        """Return at or after the instant, never before.

        uvloop rounds timers to whole milliseconds and may wake up to 0.5 ms early, hence the loop; the last stretch
        is spent in `sleep(0)`, which lets everything else run.
        """
        while (left_ns := instant_ns - time.perf_counter_ns()) > 0:
            await asyncio.sleep(left_ns / 1e9 if left_ns > 1_000_000 else 0)
