"""Virtual time: an event loop in which waiting takes no time, so that an hour takes a millisecond.

The loop's selector does not wait out a timeout, it adds it to the clock; everything that runs on the loop's own time
(`asyncio.sleep`, `asyncio.timeout`, `VirtualClock`) sees time pass in exact nanoseconds. Sockets and threads live in
real time and do not belong here: a test that would wait for one for ever fails with `Stuck`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

BEGIN_NS = 1_000_000_000_000  # not 0, so that an instant never looks like "not set"
PATIENCE_S = 5.0  # for a thread to report back before the test counts as stuck


class Stuck(RuntimeError):
    """Nothing is scheduled and nothing can ever happen again."""


class _Selector(selectors.DefaultSelector):
    now_ns = BEGIN_NS

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(PATIENCE_S if timeout is None else 0)
        if not ready:
            if timeout is None:
                raise Stuck("every task waits for something that nothing will bring about")
            # Rounded, not cut: the loop computes in float seconds, instants are whole nanoseconds.
            self.now_ns += round(max(timeout, 0.0) * 1e9)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_ns / 1e9

    def now_ns(self) -> int:
        return self._virtual.now_ns

    def block(self, seconds: float) -> None:
        """Time passes while nothing else happens, as in a long computation."""
        self._virtual.now_ns += round(seconds * 1e9)


class VirtualClock:
    """The clock of the running virtual loop; satisfies `perfbench.engine.clock.Clock`."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("VirtualClock needs a VirtualLoop; start the test with run_virtual")
        self._loop = loop

    def now_ns(self) -> int:
        return self._loop.now_ns()

    def block(self, seconds: float) -> None:
        self._loop.block(seconds)

    async def sleep_until(self, instant_ns: int) -> None:
        while (left_ns := instant_ns - self._loop.now_ns()) > 0:  # noqa: ASYNC110 - timers may fire 1 ns early
            await asyncio.sleep(left_ns / 1e9)


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time; the counterpart of `asyncio.run`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
