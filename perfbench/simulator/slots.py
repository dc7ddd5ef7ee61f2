"""Slots: how many requests are served at a time, and the queue of those that wait.

First come, first served, like the admission queue of an inference engine. Each request brings its own limit (its model
name may say `slots=`), and the one at the head waits until fewer than its limit are active; those behind wait with it.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Guest(Protocol):
    def start(self) -> None:
        """Its slot is free: begin. Must not call back into the slots before it returns."""


class Slots:
    def __init__(self) -> None:
        self.active = 0
        self._queue: deque[tuple[Guest, int]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def enter(self, guest: Guest, limit: int) -> None:
        """Start the guest now or when its turn comes; `limit` 0 never waits."""
        if limit and self.active >= limit:
            self._queue.append((guest, limit))
        else:
            self._start(guest)

    def leave(self) -> None:
        """One that was started is over."""
        self.active -= 1
        self._admit()

    def withdraw(self, guest: Guest) -> None:
        """One that still waits has gone away."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not guest)
        self._admit()

    def _admit(self) -> None:
        while self._queue and self.active < self._queue[0][1]:
            self._start(self._queue.popleft()[0])

    def _start(self, guest: Guest) -> None:
        self.active += 1
        guest.start()
