"""Ahead: requests of a replay that are due together, built together while there is still nothing to do.

The scheduler builds one request before it is due. In a trace a dozen may be due at one instant, and building them then
(a long prompt takes a tenth of a millisecond) would let each leave later than the one before.
"""

from __future__ import annotations

from collections.abc import Callable

from perfbench.engine.flow import Flow
from perfbench.engine.request import Request
from perfbench.workload.trace import Replay

NEAR_NS = 1_000_000
"""Due so soon after another that there is no time to build it in between."""
BUILT_IN_NS = 500_000
"""What building one may take: no more are built at a time than fit into the pause before."""
MOST, MOST_BYTES = 64, 32 << 20
"""Of requests that are ready, in one process."""


class BuiltAhead:
    """Call it with the positions `first`, `first + step`, ... in this order, as the scheduler of one process does."""

    def __init__(self, requests: Callable[[int], Request | Flow], replay: Replay, step: int = 1) -> None:
        self._requests, self._replay, self._step = requests, replay, step
        self._ready: dict[int, Request | Flow] = {}

    def __call__(self, index: int) -> Request | Flow:
        found = self._ready.pop(index, None)
        if found is None:
            found = self._requests(index)
        if not self._ready:
            self._build(index, found)
        return found

    def _build(self, index: int, first: Request | Flow) -> None:
        due_ns = self._replay.due_ns
        at_ns, before = due_ns(index), index - self._step
        pause_ns = at_ns - due_ns(before) if before >= 0 else MOST * BUILT_IN_NS
        size = len(first.body) if isinstance(first, Request) else 0
        following = index + self._step
        for _ in range(min(MOST, pause_ns // BUILT_IN_NS)):
            if following >= len(self._replay.at_ns) or due_ns(following) - at_ns > NEAR_NS or size > MOST_BYTES:
                return
            made = self._ready[following] = self._requests(following)
            size += len(made.body) if isinstance(made, Request) else 0
            following += self._step
