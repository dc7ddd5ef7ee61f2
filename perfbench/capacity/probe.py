"""Probe: one look at an endpoint under one load, and the seam through which a search takes it.

A search knows nothing of processes or clocks: it asks a `Prober` for a load and a time and gets a `Probe`, counts and
all. `runner.RunProber` sends real requests; tests play a queue. `Overload` is the rule by which a probe that has shown
enough is broken off: looked at several times a second, so it stands on tests that may be asked that often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from perfbench.capacity.objective import Blocks
from perfbench.capacity.queueing import Trace
from perfbench.capacity.sequential import evidence
from perfbench.metrics.backlog import CHANCE, LATE_SHARE, LEAST_SHARE

HALT_RISK = 0.001
"""Of breaking a probe off wrongly."""
HALT_DISPERSION = 25.0
"""Assumed of misses that stand together, before anything is known of them: one burst must not end a probe."""
HALT_FACTOR = 4.0
"""Times what is allowed: nearer to it a probe is worth its time."""
HALT_SHARE = 0.2
"""Of the time of a probe, before its misses may end it."""
FEWEST_ARRIVALS = 50
"""Before the growth of the backlog says anything."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What one load showed."""

    load: float
    """Requests a second, or requests in flight."""
    seconds: float
    """How long it took, all in all."""
    counts: tuple[Blocks, ...]
    """(requests, misses) by criterion and block of time, after the warm-up."""
    from_s: float = 0.0
    """Requests due from then on were counted, in seconds from the first instant of the probe ..."""
    to_s: float = 0.0
    """... and those due before this."""
    unstable: bool = False
    """Open loop: more came than was done, all the time, so that no latency of it is one of a steady state."""
    halted: str | None = None
    """Why it was broken off, if it was."""
    suspect: bool = False
    """The client was the limit: what was seen says nothing of the server."""
    service_s: float | None = None
    """How long a request took on the server's side, the longest tenth left out; None: none ended."""
    throughput_per_s: float | None = None
    latency_ms: dict[str, float | None] = {}
    """Percentiles worth showing, by name like `p99 response_ttft`."""
    folder: str | None = None
    """Of the run, relative to that of the search."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is known at an instant of a probe."""

    at_s: float
    arrived: int
    over: int
    counts: tuple[tuple[int, int], ...] = ()
    """(requests, misses) of those criteria that can be counted on the way, with the share each allows."""
    allowed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a probe is broken off."""

    why: str
    unstable: bool = False


class Halting(Protocol):
    """Looks at a probe several times a second, and may end it."""

    def __call__(self, look: Look) -> Halt | None: ...


class Prober(Protocol):
    """Puts a load on something and counts. Raises what a run raises when there is nothing to put it on."""

    def probe(self, load: float, seconds: float, seed: int, halting: Halting) -> Probe: ...

    def trace(self, probe: Probe) -> Trace | None:
        """When the requests of a probe came and what became of them; None when that is not known any more."""


class Overload:
    """Ends a probe whose load is plainly too large: a backlog that grows, or misses far beyond what is allowed."""

    def __init__(self, seconds: float, *, open_loop: bool) -> None:
        self._earliest_s, self._open_loop = HALT_SHARE * seconds, open_loop
        self._looks: list[Look] = []

    def __call__(self, look: Look) -> Halt | None:
        self._looks.append(look)
        if self._open_loop and (grown := growth(self._looks)) is not None:
            return Halt(f"the backlog grew from {grown[0]} to {grown[1]}, and went on growing", unstable=True)
        if look.at_s < self._earliest_s:
            return None
        for (count, misses), allowed in zip(look.counts, look.allowed, strict=True):
            thin = HALT_DISPERSION
            far = misses > HALT_FACTOR * allowed * count
            if far and evidence(count / thin, misses / thin, allowed)[1] > -math.log(HALT_RISK):
                return Halt(f"{misses} of {count} requests missed, where {allowed:.3g} of them may")
        return None


def growth(looks: Sequence[Look]) -> tuple[int, int] | None:
    """(backlog at first, at last) if it grows as that of an endpoint does that cannot keep up, else None.

    The rule of metrics.backlog, asked of the second half of the time so far: what fills up from empty to its level
    does so at the start. A growth of chance is ruled out by the number of arrivals, of which a queue in balance is at
    most a random walk.
    """
    last = looks[-1]
    if last.at_s <= 0:  # told before the run began: there is no second half yet
        return None
    first = next(look for look in looks if look.at_s >= last.at_s / 2)
    middle = next(look for look in looks if look.at_s >= last.at_s * 3 / 4)
    arrived = last.arrived - first.arrived
    if arrived < FEWEST_ARRIVALS:
        return None
    at_first, at_middle, at_last = (look.arrived - look.over for look in (first, middle, last))
    grown = at_last - at_first
    if grown <= max(LEAST_SHARE * arrived, CHANCE * math.sqrt(arrived)) or at_last - at_middle < LATE_SHARE * grown:
        return None
    return at_first, at_last
