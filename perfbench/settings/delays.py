"""Delays: how long somebody takes, as a law that is written as a text and drawn from with a seed.

    3s                   always 3 s
    uniform 1s 5s        anything from 1 s to 5 s
    exponential 3s       mean 3 s, memoryless
    lognormal 3s 0.8     median 3 s; the logarithm has standard deviation 0.8 (people's pauses are about so skewed)

To add a law: a line in `LAWS`, and rows in tests/settings/test_delays.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from perfbench.settings import units
from perfbench.settings.suggest import did_you_mean

LIKE = "3s, uniform 1s 5s, exponential 3s or lognormal 3s 0.8"


def _spread(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(f"{text!r} is no standard deviation; write 0.8 or the like")
    return value


LAWS: dict[str, tuple[tuple[Callable[[str], float], ...], Callable[..., float]]] = {
    "always": ((units.duration_s,), lambda _rng, seconds: seconds),
    "uniform": ((units.duration_s, units.duration_s), lambda rng, low_s, high_s: rng.uniform(low_s, high_s)),
    "exponential": ((units.duration_s,), lambda rng, mean_s: rng.expovariate(1 / mean_s) if mean_s else 0.0),
    "lognormal": (
        (units.duration_s, _spread),
        lambda rng, median_s, sigma: rng.lognormvariate(math.log(median_s), sigma) if median_s else 0.0,
    ),
}
"""By name: how each of its figures is read, and how a value is drawn from them (seconds)."""


@dataclass(frozen=True, slots=True)
class Delay:
    law: str
    figures: tuple[float, ...]

    def draw(self, rng: random.Random) -> float:
        """Seconds, 0 or more."""
        return LAWS[self.law][1](rng, *self.figures)


def delay(value: object) -> Delay:
    """The law that a text spells; a bare number or duration is always that. Raises ValueError."""
    words = value.split() if isinstance(value, str) else []
    if not words or words[0][:1].isdecimal() or words[0][:1] in ".+-":
        return Delay("always", (units.duration_s(value),))
    law, given = words[0], words[1:]
    if law not in LAWS:
        raise ValueError(f"{value!r} is no delay{did_you_mean(law, LAWS)}; write it like {LIKE}")
    readers, _ = LAWS[law]
    try:
        figures = tuple(read(word) for read, word in zip(readers, given, strict=True))
    except ValueError as error:
        wrong = f"takes {len(readers)}" if len(given) != len(readers) else str(error)
        raise ValueError(f"{value!r}: {law} {wrong}; write it like {LIKE}") from None
    if law == "uniform" and figures[0] > figures[1]:
        raise ValueError(f"{value!r}: the first of the two is the shorter one; write it like {LIKE}")
    return Delay(law, figures)
