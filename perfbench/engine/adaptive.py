"""Adaptive: finds the concurrency that an endpoint bears, while it is at work. Decisions only: no clock, no waiting.

`Search` is told when attempts enter and leave, and says how many may be in flight. It measures one level after the
other: throughput (tokens a second, or requests where nobody counts tokens) by Little's law, L = X * W (Little, 1961):
mean number in flight times units per second of an answer's own time. That is the same figure as units a second, without
the noise of a window that begins and ends in the middle of answers. Only attempts count that began after the level was
full, so that every one of them met the same queue.

The level is doubled while throughput grows by a tenth; then the knee is looked for, the smallest level with nearly all
of the throughput; then it is held, and now and then a quarter more is tried, ever more rarely. A level at which the
endpoint turns requests away (429, 503) is a ceiling: the search goes on below it, and nobody enters before the time
that the endpoint asked for. Refusals that stay as frequent when the level is halved have another cause, and are left to
the retries. A level that the caller does not fill, or a rate limit keeps empty, says nothing and changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from perfbench.engine.errors import ScenarioError

GROWS = 1.1  # throughput that a doubling must bring to be worth another
NEARLY = 0.85  # of the best throughput: as good as all of it, given the noise
PROBE, PROBE_GAIN = 1.25, 1.08
PATIENCE, QUICKLY, LONGEST_PATIENCE = 6, 2, 96  # windows at the found level before more is tried
CLOSE = 1.15  # levels nearer to each other than this are not told apart
CUT = 0.8  # what is left of a level that was good once and is turned away now
FEWEST, SHORTEST_NS = 16, 250_000_000  # of a window: answers, and time
TURNS: Mapping[str, int] = {"grow": 1, "refine": 2, "hold": 2, "probe": 4}  # answers of a window, per one in flight
FILLED = 0.8  # mean number in flight, as a share of the level, below which the caller was the limit
ACCIDENTS = 0.1  # share of refusals that needs no explanation by load
NOT_OURS, STAYS = 0.35, 0.6  # refusals up to that share, of which that much stays when the level is halved
LONGEST_PAUSE_S = 60.0
REFUSALS = frozenset({429, 503, 529})
"""Statuses with which an endpoint says that it has too much to do."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Bounds of a search."""

    start: int = 8
    most: int = 1024

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.most:
            raise ScenarioError(f"adaptive concurrency from {self.start} to {self.most}: from 1 up to the most it may")


class Search:
    """One search. `limit` is how many may be in flight now, `found` the level it holds once it has settled."""

    def __init__(self, bounds: Adaptive) -> None:
        self._most = bounds.most
        self.limit = bounds.start
        self.found: int | None = None
        self.paused_until_ns = 0
        self.refused = 0
        self._phase: Literal["grow", "refine", "hold", "probe"] = "grow"
        self._speeds: dict[int, float] = {}  # units a second, by level, as last measured
        self._ceiling: int | None = None  # the lowest level that was turned away
        self._accidents = ACCIDENTS
        self._suspicion: tuple[int, float] | None = None  # level that was turned away, and the share of refusals then
        self._patience, self._quiet = PATIENCE, 0
        self._active = 0
        self._level_ns = 0  # since when the limit is what it is
        self._window = _Window()

    @property
    def speeds(self) -> Mapping[int, float]:
        """Units a second that were measured, by level."""
        return self._speeds

    def entered(self, now_ns: int) -> None:
        self._window.pass_time(now_ns, self._active)
        self._window.entered += 1
        self._active += 1

    def left(self, now_ns: int, began_ns: int, units: float, *, refused: bool, retry_after_s: float | None) -> None:
        """An attempt is over. `units`: what it brought, 0 for a failure."""
        window = self._window
        window.pass_time(now_ns, self._active)
        self._active -= 1
        if refused:
            self.refused += 1
            if began_ns > self._level_ns:  # else it speaks of a level that was left already
                window.refused += 1
                if window.is_overloaded(self._accidents):
                    self._turned_away(now_ns, retry_after_s or 0.0)
        elif window.since_ns is None:
            if now_ns > self._level_ns and FILLED * self.limit <= self._active + 1 <= self.limit:
                window.open(now_ns)
        elif began_ns >= window.since_ns:
            window.add(units, now_ns - began_ns)
            fewest = max(self.limit, FEWEST) * TURNS[self._phase]
            if window.answers >= fewest and now_ns - window.since_ns >= SHORTEST_NS:
                self._measured(now_ns)

    # -- what a window says ------------------------------------------------------------------------------------------

    def _measured(self, now_ns: int) -> None:
        window, level = self._window, self.limit
        self._window = _Window()
        self._window.open(now_ns)
        busy = window.mean_in_flight(now_ns)
        if busy < FILLED * level or window.units == 0:
            return None
        if self._suspicion is not None and self._is_accident(window.share_refused):
            return self._go(self._suspicion_over(), "grow", now_ns)
        self._suspicion = None
        speed = busy * window.units / (window.time_ns / 1e9)
        if self._phase == "hold":
            known = self._speeds.get(level, speed)
            self._speeds[level] = known + (speed - known) / 4
            self._quiet += 1
            if self._quiet >= self._patience and level < self._most:
                self._go(min(math.ceil(level * PROBE), self._most), "probe", now_ns)
            return None
        self._speeds[level] = speed
        if self._phase == "probe":
            return self._probed(level, speed, now_ns)
        below = [known for known in self._speeds if known < level]
        if self._phase == "grow":
            gained = not below or speed >= GROWS * self._speeds[max(below)]
            most = self._most if self._ceiling is None else min(self._most, self._ceiling - 1)
            if gained and level < most:
                return self._go(min(2 * level, most), "grow", now_ns)
        return self._refine(now_ns)

    def _probed(self, level: int, speed: float, now_ns: int) -> None:
        held = self.found or 1
        if speed < PROBE_GAIN * self._speeds[held]:
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
            return self._hold(held, now_ns)
        self._ceiling, self._patience = None, QUICKLY
        return self._hold(level, now_ns)

    def _refine(self, now_ns: int) -> None:
        """The next level to try for the knee, or hold it when it is found."""
        if not self._speeds:  # turned away from the start
            return self._go(max(1, self.limit // 2), "refine", now_ns)
        most = max(self._speeds.values())
        good = [speed for speed in self._speeds.values() if speed >= NEARLY * most]
        best = sum(good) / len(good)
        enough = min(level for level, speed in self._speeds.items() if speed >= NEARLY * best)
        less = max((level for level in self._speeds if level < enough), default=None)
        if less is None and enough > 1:
            return self._go(enough // 2, "refine", now_ns)
        # Up to the knee throughput goes with the level, so this is where all of it would be there.
        guess = enough if less is None else min(round(less * best / self._speeds[less]), enough)
        if guess * CLOSE < enough and less is not None and less < guess:
            return self._go(guess, "refine", now_ns)
        if self._ceiling is not None and enough == max(self._speeds) and self._ceiling > enough * CLOSE + 1:
            return self._go(max(enough + 1, math.floor(math.sqrt(enough * self._ceiling))), "refine", now_ns)
        return self._hold(max(guess, 1), now_ns)

    # -- what refusals say -------------------------------------------------------------------------------------------

    def _turned_away(self, now_ns: int, asked_s: float) -> None:
        level, share = self.limit, self._window.share_refused
        if self._suspicion is not None and self._is_accident(share):
            return self._go(self._suspicion_over(), "grow", now_ns)
        self._suspicion = (level, share)
        self.paused_until_ns = now_ns + round(min(asked_s, LONGEST_PAUSE_S) * 1e9)
        if self._phase == "probe":
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
            return self._hold(self.found or 1, now_ns)
        self._ceiling = level
        self._speeds = {known: speed for known, speed in self._speeds.items() if known < level}
        if self._phase == "hold":
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)
            return self._hold(max(1, math.floor(level * CUT)), now_ns)
        if level == 1:
            return self._hold(1, now_ns)
        return self._refine(now_ns)

    def _is_accident(self, share: float) -> bool:
        assert self._suspicion is not None
        _, before = self._suspicion
        return self.limit < self._suspicion[0] and before <= NOT_OURS and share >= STAYS * before

    def _suspicion_over(self) -> int:
        """Going down changed nothing: the level to go back to. From now on that many refusals are nobody's fault."""
        assert self._suspicion is not None
        level, share = self._suspicion
        self._accidents, self._ceiling, self._suspicion, self.found = max(self._accidents, share), None, None, None
        return level

    # -- where to next -----------------------------------------------------------------------------------------------

    def _hold(self, level: int, now_ns: int) -> None:
        self.found, self._quiet = level, 0
        self._go(level, "hold", now_ns)

    def _go(self, level: int, phase: Literal["grow", "refine", "hold", "probe"], now_ns: int) -> None:
        self._phase, self.limit, self._level_ns = phase, level, now_ns
        self._window = _Window()


class _Window:
    """What happened at one level, since it was full."""

    __slots__ = ("_in_flight_ns", "_last_ns", "answers", "entered", "refused", "since_ns", "time_ns", "units")

    def __init__(self) -> None:
        self.since_ns: int | None = None
        self.entered = self.answers = self.refused = 0
        self.units = 0.0
        self.time_ns = 0  # of the answers, one after the other
        self._in_flight_ns = self._last_ns = 0

    def open(self, now_ns: int) -> None:
        self.since_ns = self._last_ns = now_ns

    def pass_time(self, now_ns: int, in_flight: int) -> None:
        if self.since_ns is not None:
            self._in_flight_ns += in_flight * (now_ns - self._last_ns)
            self._last_ns = now_ns

    def add(self, units: float, time_ns: int) -> None:
        self.answers += 1
        self.units += units
        self.time_ns += max(time_ns, 1)

    def mean_in_flight(self, now_ns: int) -> float:
        assert self.since_ns is not None
        return self._in_flight_ns / (now_ns - self.since_ns)

    @property
    def share_refused(self) -> float:
        return self.refused / max(self.entered, 1)

    def is_overloaded(self, accidents: float) -> bool:
        """Whether more was refused than accidents explain: by three standard deviations of their number, and two."""
        expected = accidents * self.entered
        return self.refused > expected + 3 * math.sqrt(expected * (1 - accidents)) + 2
