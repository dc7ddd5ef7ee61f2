"""Backlog: how much may be answered and not yet reviewed.

A judge or a slow scorer must not keep the slots of the model under test waiting, and what waits for one must not fill
the memory. So answers may pile up, by size and not by count: a thousand letters weigh less than one long chain of
thought.
"""

from __future__ import annotations

import asyncio
from collections import deque

MOST_BYTES = 64 * 2**20


class Backlog:
    """Room for things of some size. Who finds none waits, in order; one thing alone always fits."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> None:
        """Returns once there is room for it."""
        if not self._waiting and self._fits(size):
            self._held += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the room was given in the same turn of the loop
                self.give_back(size)
            raise

    def give_back(self, size: int) -> None:
        self._held -= size
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.done():
                if not self._fits(wanted):
                    return
                self._held += wanted
                turn.set_result(None)
            self._waiting.popleft()

    def _fits(self, size: int) -> bool:
        return self._held == 0 or self._held + size <= self._most
