"""The contracts of pacing: what gives instants, what gives slots, and what a piece of a changing level must know.

A level is arrivals a second or open slots, whichever a shape is of. Its area is level x seconds: of an arrival rate,
the expected number of arrivals, which is called operational time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from perfbench.engine.errors import ScenarioError

Window: TypeAlias = tuple[int, int | None]
"""When a slot opens and when it closes, in ns from the start of the run; None: it stays open."""


class Pacer(Protocol):
    """Open loop: offsets at which requests leave, whatever became of the ones before. Never decreasing."""

    def __iter__(self) -> Iterator[int]: ...


class Slots(Protocol):
    """Closed loop: slots that each send their next request when their last one is over."""

    def slot_windows(self) -> Sequence[Iterable[Window]]:
        """For each slot, when it is open: in order, without overlap; iterating again gives the same windows."""


class Piece(Protocol):
    """A smooth part of a level over time. Its own time runs from 0 to `lasts_s`; levels are 0 or more."""

    @property
    def lasts_s(self) -> float: ...

    @property
    def highest(self) -> float: ...

    def level(self, at_s: float) -> float: ...

    def area(self, at_s: float) -> float:
        """Level x seconds from 0 to that instant."""

    def inverse(self, area: float) -> float:
        """The instant at which that area, above 0 and at most the whole, has been reached."""

    def spans_at_least(self, level: float) -> Iterable[tuple[float, float]]:
        """Spans of time in which the level is at least that (above 0), in order."""

    def times(self, factor: float) -> Piece:
        """The same with every level multiplied."""


class Stage(Protocol):
    """What stands between two semicolons of a shape."""

    def pieces(self) -> Iterable[Piece]: ...


def check_rate(rate_per_s: float) -> None:
    if not 0 < rate_per_s < float("inf"):  # written this way round so that NaN is refused too
        raise ScenarioError(f"rate must be above 0 and finite, got {rate_per_s} per second")


LEAST_LEVEL = 1e-6
"""Next to nothing (an arrival in eleven days); instants of levels that are less cannot be told from areas."""


def check_levels(*levels: float) -> None:
    for level in levels:
        if not 0 <= level < float("inf"):
            raise ScenarioError(f"a level must be 0 or more, and finite, got {level:g}")
        if 0 < level < LEAST_LEVEL:
            raise ScenarioError(f"a level of {level:g} is next to nothing; take 0, or {LEAST_LEVEL:g} or more")


def check_time(seconds: float) -> None:
    if not 0 < seconds < float("inf"):
        raise ScenarioError(f"a time must be longer than 0 s, and finite, got {seconds:g} s")
