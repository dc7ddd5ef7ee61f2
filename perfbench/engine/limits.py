"""Limits: who may send now. Concurrency, requests per second, tokens per minute, and a cap over all lanes.

Admission is first come, first served within a lane. The fast path takes no task switch: when nothing is in the way
`try_enter` says so at once. Rates are enforced by the generic cell rate algorithm (ITU-T I.371): a virtual clock that
each admission pushes forward, with a burst of one request (or one second of tokens). Only the first in line waits for
a rate, and uses it at the instant it leaves: who gives up has used none, and who had to wait for a place afterwards
cannot bring a backlog of old permissions along.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from perfbench.engine.adaptive import REFUSALS, Adaptive, Search
from perfbench.engine.clock import Clock
from perfbench.engine.errors import BadStatus, ScenarioError, TransportFault


class Cap:
    """At most `most` holders at a time. Shared by lanes when it is the global one."""

    __slots__ = ("_queue", "held", "most")

    def __init__(self, most: int | None) -> None:
        if most is not None and most < 1:
            raise ScenarioError(f"a concurrency limit must be at least 1, got {most}")
        self.most = most
        self.held = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    def try_enter(self) -> bool:
        if self.most is None or (self.held < self.most and not self._queue):
            self.held += 1
            return True
        return False

    async def enter(self) -> None:
        """Wait for a place, in order of arrival."""
        if self.try_enter():
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        try:
            await place  # whoever leaves hands the place over, so `held` already counts us
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            else:
                with suppress(ValueError):  # who left in this very turn has passed it over already
                    self._queue.remove(place)
            raise

    def leave(self) -> None:
        self.held -= 1
        if self._queue:
            self._call_in()

    def resize(self, most: int) -> None:
        """From now on at most so many, 0 included; those who are in already stay."""
        self.most = most
        self._call_in()

    def _call_in(self) -> None:
        """Hand free places to those who wait."""
        while self._queue and (self.most is None or self.held < self.most):
            place = self._queue.popleft()
            if not place.done():
                self.held += 1
                place.set_result(None)

    @property
    def waiting(self) -> int:
        return len(self._queue)


GRAIN_NS = 2_000_000
"""A sleep ends up to this much late (uvloop's timers tick in milliseconds); a rate lets that much be made up for."""


class Rate:
    """At most `per_s` units a second, with `burst` units at once.

    In any span of T seconds at most per_s * (T + 2 ms) + burst units are taken, and at most one request more: one is
    let go whole as soon as those before it are paid for.
    """

    __slots__ = ("_ns_per_unit", "_slack_ns", "_virtual_ns")

    def __init__(self, per_s: float, burst: float = 1.0) -> None:
        if not 0 < per_s < float("inf"):  # written this way round so that NaN is refused too
            raise ScenarioError(f"a rate limit must be above 0 and finite, got {per_s} per second")
        self._ns_per_unit = 1e9 / per_s
        self._slack_ns = max((burst - 1.0) * self._ns_per_unit, GRAIN_NS)
        self._virtual_ns = 0.0

    def ready_ns(self) -> int:
        """The instant from which the next request may leave."""
        return round(self._virtual_ns)

    def take(self, units: float, now_ns: int) -> None:
        """Use that many units, at an instant that is not before `ready_ns`."""
        self._virtual_ns = max(self._virtual_ns, now_ns - self._slack_ns) + units * self._ns_per_unit

    def correct(self, units: float) -> None:
        """Book units that were not foreseen (positive) or not used (negative)."""
        self._virtual_ns += units * self._ns_per_unit


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one lane; None is no limit."""

    concurrency: int | None = None
    requests_per_s: float | None = None
    tokens_per_min: float | None = None
    adaptive: Adaptive | None = None
    """Instead of a fixed concurrency: as much as the endpoint bears."""


class Gate:
    """A lane's limits at work."""

    __slots__ = (
        "_cap",
        "_clock",
        "_global",
        "_rates",
        "_requests",
        "_tokens",
        "_turn",
        "counts_tokens",
        "search",
        "waiting",
    )

    def __init__(self, limits: Limits, global_cap: Cap, clock: Clock) -> None:
        self.search = None if limits.adaptive is None else Search(limits.adaptive)
        self._cap = Cap(limits.concurrency if self.search is None else self.search.limit)
        self._global = global_cap
        self._clock = clock
        self._requests = Rate(limits.requests_per_s) if limits.requests_per_s is not None else None
        per_s = None if limits.tokens_per_min is None else limits.tokens_per_min / 60.0
        self._tokens = Rate(per_s, burst=per_s) if per_s is not None else None
        self.counts_tokens = self._tokens is not None  # else nobody need add them up
        self._rates = tuple(rate for rate in (self._requests, self._tokens) if rate is not None)
        self._turn = Cap(1)  # whose turn it is to wait for the rates
        self.waiting = 0

    def try_enter(self) -> bool:
        """Enter at once if neither a place nor a rate has to be waited for, and nobody is overtaken by it."""
        if self.waiting or self._rates or not self._cap.try_enter():
            return False
        if self._global.try_enter():
            if self.search is not None:
                self.search.entered(self._clock.now_ns())
            return True
        self._cap.leave()
        return False

    async def enter(self, tokens: int) -> None:
        """Wait until this request may leave. A cancelled wait takes no place, and nothing of a rate."""
        self.waiting += 1
        try:
            await self._cap.enter()
            try:
                if self._rates:
                    await self._enter_at_rate(tokens)
                else:
                    await self._global.enter()
            except asyncio.CancelledError:
                self._cap.leave()
                raise
        finally:
            self.waiting -= 1
        if self.search is not None:
            self.search.entered(self._clock.now_ns())

    async def _enter_at_rate(self, tokens: int) -> None:
        await self._turn.enter()
        try:
            # Again and again, because a reply that used more tokens than expected moves the instant meanwhile.
            while (at_ns := max(rate.ready_ns() for rate in self._rates)) > self._clock.now_ns():
                await self._clock.sleep_until(at_ns)
            await self._global.enter()
            now_ns = self._clock.now_ns()
            if self._requests is not None:
                self._requests.take(1.0, now_ns)
            if self._tokens is not None:
                self._tokens.take(tokens, now_ns)
        finally:
            self._turn.leave()

    def leave(self) -> None:
        self._global.leave()
        self._cap.leave()

    def learn(self, began_ns: int, output_tokens: int | None, fault: TransportFault | None) -> None:
        """Let the search know how an attempt ended that has left."""
        search = self.search
        if search is None:
            return
        now_ns = self._clock.now_ns()
        refused = isinstance(fault, BadStatus) and fault.status in REFUSALS
        asked_s = fault.retry_after_s if isinstance(fault, BadStatus) else None
        units = 0.0 if fault is not None else output_tokens or 1.0
        search.left(now_ns, began_ns, units, refused=refused, retry_after_s=asked_s)
        if search.paused_until_ns > now_ns:
            self._cap.resize(0)
            pause_s = (search.paused_until_ns - now_ns) / 1e9
            asyncio.get_running_loop().call_later(pause_s, self._after_pause)
        elif self._cap.most != search.limit:
            self._cap.resize(search.limit)

    def _after_pause(self) -> None:
        if self.search is not None and self.search.paused_until_ns <= self._clock.now_ns() + GRAIN_NS:
            self._cap.resize(self.search.limit)

    def settle(self, expected_tokens: int, used_tokens: int | None) -> None:
        """Correct the tokens-per-minute account once the reply says what was really used."""
        if self._tokens is not None and used_tokens is not None:
            self._tokens.correct(used_tokens - expected_tokens)
