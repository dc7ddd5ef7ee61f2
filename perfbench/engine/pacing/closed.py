"""Closed loop: a fixed number of slots, each of which sends its next request when its last one is over."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing.base import Window


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """`parallel` slots; each sends its next request when its last one is over.

    Slot k opens at a seeded, uniformly drawn instant of the ramp. A ramp of 0 opens all at once: a burst, whose
    connection set-up and queueing then stand in the first TTFTs.
    """

    parallel: int
    ramp_up_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.parallel < 1:
            raise ScenarioError(f"parallel must be at least 1, got {self.parallel}")
        if not 0 <= self.ramp_up_s < float("inf"):
            raise ScenarioError(f"ramp_up must be 0 or more, and finite, got {self.ramp_up_s} s")

    def slot_offsets(self) -> list[int]:
        """When each slot opens: `parallel` offsets in ns, ascending, the first at 0."""
        rng = random.Random(f"ramp {self.seed}")
        return [0, *sorted(round(rng.random() * self.ramp_up_s * 1e9) for _ in range(self.parallel - 1))]

    def slot_windows(self) -> Sequence[Iterable[Window]]:
        return [((offset_ns, None),) for offset_ns in self.slot_offsets()]
