"""Warm-up: how much is sent before anything is measured, as people write it: `30s` (a time) or `100` (requests)."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.settings import units


@dataclass(frozen=True, slots=True)
class Warmup:
    """One of the two; the other is 0."""

    number: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return str(self.number) if self.number else units.show_duration(self.seconds)


def parse_warmup(value: object) -> Warmup:
    """A bare number counts requests, one with a unit of time is a time. Raises ValueError."""
    if isinstance(value, Warmup):
        return value
    seconds = isinstance(value, str) and any(value.strip().endswith(unit) for unit in units.SECONDS)
    try:
        found = Warmup(seconds=units.duration_s(value)) if seconds else Warmup(number=units.count(value))
    except ValueError:
        raise ValueError(f"is {value!r}; write a time like 30s, or a number of requests like 100") from None
    if not found.number and not found.seconds:
        raise ValueError(f"is {value!r}; leave it out, or make it more than nothing")
    return found
