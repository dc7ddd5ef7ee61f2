"""Flow: several requests of one user, one after the other, each made when the one before it is over.

A flow is a plain generator: it yields a request or a pause, is sent what became of it, and ends when it has nothing
more to ask. It knows neither clock nor network, so that a conversation is tested without either; the scheduler keeps
its time. What must stay true: `close` may come at any yield (the run is over), and that is not an error.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Answer, Record, Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for so long: the user reads and thinks. The next request is due when it is over."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < float("inf"):
            raise ScenarioError(f"a pause must be 0 s or more, and finite, got {self.seconds} s")


Heard: TypeAlias = tuple[Record, Answer] | None
"""What came of the request that was yielded; None after a pause."""

Flow: TypeAlias = Generator[Request | Pause, Heard, None]
