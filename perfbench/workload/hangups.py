"""Hang-ups: which requests the client gives up on, and after how long. By seed and key alone."""

from __future__ import annotations

import random

from perfbench.scenario import Scenario
from perfbench.settings.delays import Delay, delay


class HangUps:
    def __init__(self, share: float, law: Delay, seed: int) -> None:
        self._share, self._law, self._seed = share, law, seed

    def after_s(self, key: str) -> float | None:
        """Seconds after the request was let go; None for one that is heard out."""
        rng = random.Random(f"hang up {self._seed} {key}")
        return self._law.draw(rng) if rng.random() < self._share else None


def hang_ups_of(scenario: Scenario) -> HangUps | None:
    if not scenario.cancel_share or scenario.cancel_after is None:
        return None
    return HangUps(scenario.cancel_share, delay(scenario.cancel_after), scenario.seed or 0)
