"""Search: the largest load that meets an SLO, from probes each of which is noisy.

First a bracket: the load doubles until a probe shows trouble, or halves until one does not. Then every probe goes to
where all of them together are least sure (see `curve`), until the interval of the answer is as narrow as asked for or
the time is over. A hopeless probe ends itself early; an undecided load is probed again, with arrivals of its own.
Nothing is forgotten: the answer stands on all probes, and more of them can be added later (`resume`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import fisher_exact

from perfbench.capacity.curve import NEAR, Crossing, crossing
from perfbench.capacity.modelled import Told, told
from perfbench.capacity.objective import Blocks, Criterion
from perfbench.capacity.probe import Overload, Probe, Prober
from perfbench.capacity.queueing import Model, fit
from perfbench.capacity.sequential import Outcome, decide, dispersion

CONFIDENCE = 0.95
STEP, FIRST_STEP, WARM_STEP = 2.0, 4.0, 1.5
"""Factors between loads of the bracket: downwards; upwards; and upwards from where an earlier search ended."""
BRACKET_SHARE = 0.2
"""How much shorter the probes of the bracket are than those near the answer."""
CLOSE = 1.15
"""Factor between the ends of the bracket at which it is close enough to weigh all probes together."""
UNMODELLED = 4.0
"""So many times as long, where a queue is there but no model explains its bursts."""
CHECK = 1.2
"""Times the answer: so far above, the endpoint is looked at once more in the end, and must miss."""
REFUTING_FACTOR, REFUTING_RISK, REFUTING_DISPERSION = 1.15, 0.001, 4.0
"""Of loads; of chance; and requests that miss together, all to hold a probe for disturbed."""
NEARBY = 0.06
"""Share of the answer within which the endpoint must have been probed for as long as a probe takes."""
QUIET = 0.3
"""Of a load that misses: at that share of it few wait."""
OVERLOAD = 1.2
"""Of a model's capacity: so much shows it within seconds."""
BEYOND = 1.5
"""Factor by which the answer may lie beyond what looks like a bracket: either end of it may have been chance."""
LEAST_SERVICES = 4.0
"""A probe lasts at least so many times what a request takes."""
AIMS = (0.5, 0.35, 0.65)
"""Where in the crossing's distribution probes go, in turn: some apart, or nothing would be learnt of the slope."""
LEAST_BRACKET = 10
"""Requests of a bracket's probe, at least."""
PATIENCE = 3
"""Probes of the smallest load that the client may spoil, as other work on its machine comes and goes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is searched for, and for how long."""

    criteria: tuple[Criterion, ...]
    open_loop: bool
    first: float
    """Load to begin with."""
    most: float
    """Largest load to try."""
    least: float
    """Smallest."""
    longest_s: float
    probe_s: float
    precision: float
    """Half of the interval over the answer, at which the search is over."""
    seed: int
    step: float = FIRST_STEP
    """Factor between loads as long as nothing misses; small where `first` is known to be near the answer."""

    @property
    def allowed(self) -> tuple[float, ...]:
        """Share of misses that each criterion allows."""
        return tuple(criterion.allowed for criterion in self.criteria)

    @property
    def whole(self) -> bool:
        """Requests in flight are counted, requests a second are not."""
        return not self.open_loop


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found."""

    outcome: Outcome
    """met: a largest load is known to the precision asked for. missed: not even the smallest load meets the SLO.
    inconclusive: the time was over before."""
    load: float | None
    """The largest load that meets the SLO, as far as is known; None when none does."""
    interval: tuple[float, float] | None
    why: str
    at_most: bool = False
    """The largest load that was allowed meets the SLO: the answer is at least that."""


@dataclass(slots=True)
class Search:
    """One search at work. `probes` may hold those of an earlier one: they count, and are not taken again."""

    terms: Terms
    prober: Prober
    clock_s: Callable[[], float]
    probes: list[Probe] = field(default_factory=list)
    on_probe: Callable[[Probe, Answer], None] = lambda _probe, _answer: None
    on_begin: Callable[[float, float, str], None] = lambda _load, _seconds, _why: None
    model: Model | None = None
    """The queue model that the last answer used, if there was one."""
    _aim: int = 0
    _told_at: int = -1
    _told: dict[int, Told] = field(default_factory=dict)

    def run(self) -> Answer:
        """Probe until the answer is known or the time is over."""
        end_s = self.clock_s() + self.terms.longest_s
        while True:
            answer = self.answer()
            left_s = end_s - self.clock_s()
            if answer.outcome != "inconclusive":
                return answer
            if self._hindered():
                return answer
            load, seconds, why = self._next()
            if left_s < min(seconds, self.terms.probe_s) / 2 or left_s < 1.0:
                return Answer("inconclusive", answer.load, answer.interval, f"the time was over: {answer.why}")
            seconds = min(seconds, left_s)
            self.on_begin(load, seconds, why)
            halting = Overload(seconds, open_loop=self.terms.open_loop)
            probe = self.prober.probe(load, seconds, self.terms.seed + len(self.probes), halting)
            self.probes.append(probe)
            self.on_probe(probe, self.answer())

    def crossing(self) -> Crossing:
        """Where the SLO begins to be missed. Only once there is a bracket; beyond it there is little to look for."""
        easy, troubled = self._bracket()
        assert easy is not None and troubled is not None
        lowest = self._below(troubled.load) / BEYOND
        highest = max(easy.load, troubled.load) * BEYOND
        counted = crossing(self.sound, self.terms.allowed, lowest, highest, open_loop=self.terms.open_loop)
        if not self.terms.open_loop:
            return counted
        if self._told_at != len(self.probes):
            self._told_at, self._told = len(self.probes), self._model_says(counted.quantile(0.5))
        if not self._told:
            return counted
        terms = self.terms
        return crossing(self.sound, terms.allowed, lowest, highest, open_loop=terms.open_loop, told=self._told)

    def _model_says(self, about: float) -> dict[int, Told]:
        """What a queue model adds, by position of the criterion."""
        traces = [(probe, self.prober.trace(probe)) for probe in self.sound]
        known = [(probe, trace) for probe, trace in traces if trace is not None]
        self.model = fit([trace for _, trace in known])
        if self.model is None:
            return {}
        near = [(p, trace) for p, trace in known if about / NEAR <= p.load <= about * NEAR and not p.unstable]
        found = {}
        for index, criterion in enumerate(self.terms.criteria):
            said = told(self.model, near, criterion, index, criterion.allowed, self.terms.seed)
            if said is not None:
                found[index] = said
        return found

    @property
    def sound(self) -> list[Probe]:
        """The probes that are evidence: not the client's doing, and not refuted by a later one."""
        return [
            probe
            for number, probe in enumerate(self.probes)
            if not probe.suspect and not refuted(probe, self.probes[number + 1 :], self.terms.allowed)
        ]

    @property
    def traced(self) -> bool:
        """Whether there is a model of a queue, believed or not."""
        return self.model is not None and math.isfinite(self.model.capacity_per_s)

    @property
    def modelled(self) -> bool:
        """Whether the last crossing stood on a model."""
        return bool(self._told)

    def outcome_of(self, probe: Probe) -> Outcome:
        return outcome_of(probe, self.terms.allowed, self.probes, open_loop=self.terms.open_loop)

    def answer(self) -> Answer:
        """What the probes so far say."""
        terms = self.terms
        lowest, highest = self._bracket()
        if lowest is None and highest is None:
            if not self.probes:
                return Answer("inconclusive", None, None, "no probe has been taken")
            least = min(probe.load for probe in self.probes)
            said = _said(terms, least)
            why = f"this client was too late to judge any load, even {said}; search from a quieter machine"
            return Answer("inconclusive", None, None, why)
        if lowest is None and highest is not None:
            if highest.load <= terms.least and self._pooled_outcome(highest.load) == "missed":
                return Answer("missed", None, None, f"{_said(terms, highest.load)} already misses it")
            return Answer("inconclusive", None, None, f"no load was found that meets it, down to {highest.load:g}")
        assert lowest is not None
        if highest is None:
            if lowest.load >= terms.most and self._pooled_outcome(lowest.load) == "met":
                return Answer("met", lowest.load, None, "the largest load that was allowed meets it", at_most=True)
            why = f"no load was found that misses it, up to {lowest.load:g}"
            if any(probe.suspect and probe.load > lowest.load for probe in self.probes):
                why += "; beyond that this client was the limit"
            return Answer("inconclusive", lowest.load, None, why)
        if not self._close(highest.load):
            below = self._below(highest.load)  # not `lowest`, which by luck may lie beyond a load that showed trouble
            return Answer("inconclusive", below, (below, highest.load), "the bracket is wide")
        found = self.crossing()
        low, high = found.interval(CONFIDENCE)
        load = found.quantile(0.5)
        if terms.whole:
            low, high, load = math.floor(low), math.floor(high), math.floor(load)
            if load < terms.least:
                return Answer("inconclusive", None, (low, high), f"{terms.least:g} may already be too much")
        if self._narrow(found, load) and self._seen_near(load) and self._checked_above(load):
            return Answer("met", load, (low, high), "known to the precision asked for")
        return Answer("inconclusive", load, (low, high), f"it lies between {low:.4g} and {high:.4g}")

    def _pooled_outcome(self, load: float) -> Outcome:
        """What all probes of one load say together."""
        same = [probe for probe in self.sound if probe.load == load]
        counts = tuple(
            tuple(block for probe in same for block in probe.counts[i]) for i in range(len(self.terms.criteria))
        )
        unstable = any(probe.unstable for probe in same)
        return self.outcome_of(Probe(load=load, seconds=0.0, counts=counts, unstable=unstable))

    def _below(self, load: float) -> float:
        """The largest load below it that was probed."""
        known = [probe.load for probe in self.sound if probe.load < load]
        return max(known, default=max(self.terms.least, load / STEP))

    def _close(self, troubled: float) -> bool:
        """Whether the bracket is close enough to weigh all probes together."""
        below = self._below(troubled)
        return troubled <= CLOSE * below or (self.terms.whole and troubled - below <= 1)

    def _seen_near(self, load: float) -> bool:
        """Whether the endpoint was looked at long enough about there: a bracket and a model alone are no answer."""
        near = [probe for probe in self.sound if self._is_near(probe, load)]
        if self.terms.whole:
            return bool(near)
        wanted = self.terms.probe_s * (1.0 if self.modelled or not self.traced else UNMODELLED)
        return sum(probe.seconds for probe in near if probe.halted is None) >= wanted

    def _hindered(self) -> bool:
        """Whether the client spoilt every probe, also several of the smallest load."""
        spoilt = [probe for probe in self.probes if probe.suspect]
        return len(spoilt) == len(self.probes) and sum(probe.load <= self._smallest for probe in spoilt) >= PATIENCE

    def _spoilt(self) -> float | None:
        """The smallest load that the client spoilt again and again: it is not tried any more, nor is a larger one."""
        loads = [probe.load for probe in self.probes if probe.suspect]
        return min((load for load in loads if loads.count(load) >= PATIENCE), default=None)

    @property
    def _smallest(self) -> float:
        """Less than that is not worth a probe: too few requests would be in it."""
        terms = self.terms
        few = LEAST_BRACKET / terms.probe_s if terms.open_loop else 1.0
        return max(terms.least, min(few, terms.first))

    def _narrow(self, found: Crossing, load: float) -> bool:
        low, high = found.interval(CONFIDENCE)
        if self.terms.whole:
            low, high = math.floor(low), math.floor(high)
        return high - low <= 2 * self.terms.precision * load or (self.terms.whole and high - low < 1)

    def _above(self, load: float) -> float:
        """Where the endpoint must still miss, for the load to be the largest that meets."""
        above = CHECK * load
        return min(float(math.ceil(max(above, load + 1))) if self.terms.whole else above, self.terms.most)

    def _checked_above(self, load: float) -> bool:
        """Whether it was looked at from above, at last: trouble of the beginning may have been a disturbance."""
        above = self._above(load)
        if above <= load:
            return True
        first = next(number for number, probe in enumerate(self.probes) if self._is_near(probe, load))
        later = [p for p in self.probes[first:] if above / 1.1 <= p.load <= above * 1.1 and not p.suspect]
        return any(troubles(probe, self.terms.allowed) for probe in later) or len(later) > 1

    def _is_near(self, probe: Probe, load: float) -> bool:
        reach = max(NEARBY * load, 1.0 if self.terms.whole else 0.0)
        return abs(probe.load - load) <= reach and not probe.suspect

    def _bracket(self) -> tuple[Probe | None, Probe | None]:
        """(the largest load without trouble, the smallest with, above it); a probe that looks the more likely way."""
        troubled = [probe for probe in self.sound if troubles(probe, self.terms.allowed)]
        easy = [probe for probe in self.sound if not troubles(probe, self.terms.allowed)]
        return max(easy, key=lambda p: p.load, default=None), min(troubled, key=lambda p: p.load, default=None)

    def _next(self) -> tuple[float, float, str]:
        """Load, seconds, and why it."""
        terms = self.terms
        lowest, highest = self._bracket()
        # The quietest probe's: under overload what a request takes is mostly its wait.
        service_s = min((probe.service_s for probe in self.probes if probe.service_s is not None), default=0.0)
        least_s = LEAST_SERVICES * service_s
        if lowest is None and highest is None:
            load = terms.first
            if self.probes:  # all of them disturbed by the client: a smaller load may not be
                load = max(self._smallest, min(probe.load for probe in self.probes) / STEP)
                load = math.floor(load) if terms.whole else load
            return load, self._bracket_s(load, least_s), "to begin with"
        if terms.open_loop and (quiet := self._quiet()) is not None:
            return quiet, self._bracket_s(quiet, least_s), "to see what a request takes alone"
        if highest is None:
            assert lowest is not None
            if lowest.load >= terms.most:
                return terms.most, max(terms.probe_s, least_s), "the largest load allowed"
            load = min(lowest.load * terms.step, terms.most)
            if (spoilt := self._spoilt()) is not None and load >= spoilt:
                load = math.sqrt(lowest.load * spoilt)
            if terms.whole:
                load = math.ceil(load)
            return load, self._bracket_s(load, least_s), "no trouble yet"
        if lowest is None:
            if highest.load <= terms.least:
                return terms.least, max(terms.probe_s, least_s), "the smallest load allowed"
            load = max(highest.load / min(STEP, terms.step), terms.least)
            if terms.whole:
                load = math.floor(load)
            return load, self._bracket_s(load, least_s), "trouble already"
        seconds = max(terms.probe_s, least_s)
        if not self._close(highest.load):
            load = math.sqrt(self._below(highest.load) * highest.load)
            return float(round(load)) if terms.whole else load, max(seconds / 2, least_s), "half way"
        found = self.crossing()
        load = math.floor(found.quantile(0.5)) if terms.whole else found.quantile(0.5)
        if self._narrow(found, load) and self._seen_near(load) and not self._checked_above(load):
            return self._above(load), seconds / 2, "it must still miss a little above"
        if terms.whole:
            low, high = (math.floor(end) for end in found.interval(CONFIDENCE))
            loads = range(max(int(terms.least), low), min(int(terms.most), high + 1) + 1)
            load = float(min(loads, key=lambda n: abs(found.beyond(n) - 0.5)))
            return load, seconds, "least is known of it"
        if (limit := self._unseen_limit()) is not None:
            return limit, seconds / 2, "to see the queue's limit"
        aim = AIMS[self._aim % len(AIMS)]
        self._aim += 1
        load = min(max(found.quantile(aim), terms.least), terms.most)
        return load, seconds, "least is known of it"

    def _quiet(self) -> float | None:
        """A load at which hardly any request waits, while none was probed: a model needs to know service without it."""
        sound = [probe.load for probe in self.sound]
        troubled = [probe.load for probe in self.sound if troubles(probe, self.terms.allowed)]
        near = min(troubled, default=max(sound, default=0.0))
        if not sound or not troubled or min(sound) <= QUIET * near:
            return None
        return max(QUIET * near, self.terms.least)

    def _unseen_limit(self) -> float | None:
        """A load beyond the capacity that a model claims, while none was seen: only there its slots show plainly."""
        if self.model is None or not math.isfinite(self.model.capacity_per_s):
            return None
        load = OVERLOAD * self.model.capacity_per_s
        seen = any(probe.load > self.model.capacity_per_s for probe in self.sound)
        return None if seen or load > self.terms.most else load

    def _bracket_s(self, load: float, least_s: float) -> float:
        enough_s = LEAST_BRACKET / load if self.terms.open_loop else 0.0
        return max(self.terms.probe_s * BRACKET_SHARE, min(enough_s, self.terms.probe_s), least_s)


def troubles(probe: Probe, allowed: Sequence[float]) -> bool:
    """Whether a probe looks more like missing than like meeting, however unsure that is."""
    if probe.unstable or probe.halted is not None:
        return True
    for blocks, share in zip(probe.counts, allowed, strict=True):
        count, misses = (sum(column) for column in zip(*blocks, strict=True))
        if misses > max(share * count, 1.0):
            return True
    return False


def refuted(probe: Probe, later: Sequence[Probe], allowed: Sequence[float]) -> bool:
    """Whether a later probe of a clearly larger load met what this one missed, beyond chance.

    More load does not make a server better, so something else made the first one miss: another job on its machine, a
    cold cache. Only the later one says what the endpoint can do.
    """
    if not troubles(probe, allowed):
        return False
    return any(
        other.load >= REFUTING_FACTOR * probe.load
        and not other.suspect
        and other.halted is None
        and not troubles(other, allowed)
        and (probe.unstable or any(map(_differ, probe.counts, other.counts)))
        for other in later
    )


def _differ(missing: Blocks, meeting: Blocks) -> bool:
    """Whether the first share of misses is larger by more than chance, misses coming in small bursts."""
    (of, bad), (other_of, other_bad) = (
        [sum(column) / REFUTING_DISPERSION for column in zip(*blocks, strict=True)] for blocks in (missing, meeting)
    )
    if of == 0 or other_of == 0:
        return False
    table = np.array([[round(bad), round(of - bad)], [round(other_bad), round(other_of - other_bad)]])
    return bool(fisher_exact(table, "greater").pvalue < REFUTING_RISK)


def outcome_of(probe: Probe, allowed: Sequence[float], probes: Sequence[Probe], *, open_loop: bool) -> Outcome:
    """met, missed or inconclusive, of one probe by itself; only the dispersion is taken from all of them."""
    from perfbench.capacity.curve import ASSUMED_DISPERSION

    if probe.suspect:
        return "inconclusive"
    if probe.unstable:
        return "missed"
    found = []
    for index, share in enumerate(allowed):
        thin = dispersion((p.counts[index] for p in probes if not p.unstable), ASSUMED_DISPERSION[open_loop])
        count, misses = (sum(column) / thin for column in zip(*probe.counts[index], strict=True))
        found.append(decide(count, misses, share))
    return "missed" if "missed" in found else "inconclusive" if "inconclusive" in found else "met"


def _said(terms: Terms, load: float) -> str:
    return f"{load:g} requests a second" if terms.open_loop else f"{load:g} in flight"
