"""Queueing: a model of the endpoint as requests see it, fitted to what runs recorded.

A replica takes `slots` requests at a time, works on each for as long as such requests take, slows down with each
further one at work, and lets the rest wait in turn: M/G/c with processor sharing, solved by simulation (`simulate`),
because no formula gives the percentiles of a wait. What a streamed reply shows of its service is exact (from its first
token to its last byte), so that only the wait before it has to be explained; the number of slots is the one that
explains it best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from perfbench.capacity.simulate import UNLIMITED, Cluster, Played, play, poisson_s
from perfbench.metrics.columns import CANCELLED, NEVER, AnyArray, BoolArray, Columns, FloatArray

FEWEST = 20
"""Requests of a run before it says anything."""
WAITED = 1.25
"""A run whose 90th percentile of the time to first token is that many times the quietest run's saw a queue."""
SATURATED = 3.0
"""A run that waited that many times as long had all its slots taken."""
NOISE = 0.02
"""A slowdown that comes to less than that at the most requests that were at work is noise."""
MOST_SCALED = 1.25
"""Beyond that a model is not scaled, but wrong."""
FEWEST_SATURATED = 150
"""Requests of such a run before its throughput says what the endpoint can do."""
EXCESS = 1.15
"""Times the throughput of such a run: a model that can do more than that is wrong."""
BETTER = 0.05
"""Share by which slots must explain the waits better than none at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What the requests of one run show: arrays of shape (n,), in order of arrival, seconds from its first instant."""

    due_s: FloatArray
    first_s: FloatArray
    """First output; NaN where there was none, or the reply was not streamed."""
    over_s: FloatArray
    """Last byte; NaN where the request failed or was cut off."""
    output_tokens: FloatArray
    """NaN where nobody counted."""
    input_tokens: FloatArray

    @property
    def whole(self) -> BoolArray:
        return ~np.isnan(self.over_s)

    @property
    def streamed(self) -> bool:
        return bool(np.mean(~np.isnan(self.first_s[self.whole])) > 0.9) if self.whole.any() else False


def trace_of(columns: Columns, began_ns: int, *, open_loop: bool) -> Trace:
    """The requests of a run. In a closed loop one is due when it is written: what is before is this client's."""
    since = columns.intended_ns if open_loop else columns.written_ns
    left = since != NEVER
    order = np.argsort(since[left], kind="stable")
    ok = columns.ok[left][order]
    has_first = columns.stream[left][order] & (columns.first_output_ns[left][order] != NEVER)
    has_first &= ok | np.equal(columns.outcome[left][order], CANCELLED)

    def seconds(instants: AnyArray, known: BoolArray) -> FloatArray:
        return np.where(known, (instants[left][order].astype(float) - began_ns) / 1e9, np.nan)

    def counts(values: AnyArray) -> FloatArray:
        return np.where(values[left][order] >= 0, values[left][order].astype(float), np.nan)

    return Trace(
        due_s=seconds(since, np.ones(int(left.sum()), np.bool_)), first_s=seconds(columns.first_output_ns, has_first),
        over_s=seconds(columns.finished_ns, ok), output_tokens=counts(columns.output_tokens),
        input_tokens=counts(columns.input_tokens),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The endpoint as requests see it."""

    first_s: FloatArray
    """Work until the first token of requests that were seen, alone on a replica: shape (m,)."""
    rest_s: FloatArray
    """Work after it, of the same requests."""
    output_tokens: FloatArray
    """Of the same; NaN where nobody counted."""
    input_tokens: FloatArray
    slots: int
    """UNLIMITED where no queue was seen."""
    slowdown: float
    most_in_flight: int
    """That was seen: what happens beyond is not known."""
    misfit: float
    """Mean size of the logarithm of predicted over observed times to first token, in runs that queued; NaN: none."""

    @property
    def mean_s(self) -> float:
        return float(np.mean(self.first_s + self.rest_s))

    @property
    def capacity_per_s(self) -> float:
        """Requests a second that one replica can do: the most that its throughput comes to at any number at work."""
        if self.slots >= UNLIMITED and self.slowdown == 0:
            return math.inf
        if self.slots >= UNLIMITED:
            return 1 / (self.mean_s * self.slowdown)
        return self.slots / (self.mean_s * (1 + self.slowdown * (self.slots - 1)))

    def cluster(self, replicas: int = 1, balancer: str = "round_robin", seed: int = 0) -> Cluster:
        return Cluster(self.slots, self.slowdown, replicas, balancer, seed)  # type: ignore[arg-type]

    def draw(self, count: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(first_s, rest_s, output_tokens) of so many requests, drawn from those that were seen: shapes (n,)."""
        picked = np.random.default_rng([seed, 1]).integers(0, len(self.first_s), count)
        return self.first_s[picked], self.rest_s[picked], self.output_tokens[picked]

    def at_rate(self, rate_per_s: float, count: int, seed: int = 0, replicas: int = 1) -> Played:
        """So many Poisson arrivals; the first twentieth, which finds an empty endpoint, is played and left out."""
        first_s, rest_s, _ = self.draw(count, seed)
        played = play(poisson_s(rate_per_s, count, seed), first_s, rest_s, self.cluster(replicas))
        skipped = count // 20
        return Played(
            played.wait_s[skipped:], played.first_s[skipped:], played.total_s[skipped:], played.replica[skipped:]
        )


def fit(traces: Sequence[Trace]) -> Model | None:
    """A model of what those runs (of one endpoint, with one kind of request) met; None when they show too little."""
    seen = [(trace, _Seen.of(trace)) for trace in traces if trace.whole.sum() >= FEWEST]
    if not seen:
        return None
    seen.sort(key=lambda pair: pair[1].at_work)
    quiet, quietest = seen[0]
    seen = [(trace, _Seen.of(trace, quietest)) for trace, _ in seen]
    quietest = seen[0][1]
    slowdown = _slowdown([found for _, found in seen]) if quiet.streamed else 0.0
    quick = [(trace, found) for trace, found in seen if found.at_work <= max(2 * quietest.at_work, 1.0)]
    first_s, rest_s, _, _ = _service(quick, slowdown, UNLIMITED, quietest)
    most = max(found.most_in_flight for _, found in seen)
    calm: list[tuple[Trace, _Seen]] = []
    queued: list[tuple[Trace, _Seen]] = []
    for trace, found in seen:
        waited = found.waited > WAITED * quietest.waited * found.pace(slowdown)
        (queued if waited else calm).append((trace, found))
    slots, misfit = UNLIMITED, math.nan
    if queued:
        first, mean = float(np.median(first_s)), float(np.mean(first_s + rest_s))
        slots, misfit = _slots([trace for trace, _ in queued], first, mean, slowdown, most)
    model = Model(*_service(calm, slowdown, slots, quietest), slots, slowdown, most, misfit)
    return _slowed(model, [trace for trace, found in queued if found.waited > SATURATED * quietest.waited])


def _slowed(model: Model, saturated: Sequence[Trace]) -> Model:
    """The model with as much slowdown as its replica's largest throughput, where that was seen, says there must be.

    Replies that arrive in one piece hide how much longer they took to make among others.
    """
    long = [trace for trace in saturated if trace.whole.sum() >= FEWEST_SATURATED]
    if not long or not 1 < model.slots < UNLIMITED:
        return model
    most_per_s = max(_finished_per_s(trace) for trace in long)
    if model.capacity_per_s <= EXCESS * most_per_s:
        return model
    slowdown = (model.slots / (model.mean_s * most_per_s) - 1) / (model.slots - 1)
    return replace(model, slowdown=slowdown)


def calibrated(model: Model, near: Sequence[Trace]) -> Model:
    """The model with its work scaled to what requests of those runs took after their first token.

    A model is fitted over all loads, and used about one: a slowdown that is a little off must not move that one.
    """
    ratios, weights = [], []
    alone = _Seen(model.first_s, model.rest_s, 1.0, 0.0, 0.0, 1)
    for trace in near:
        if trace.whole.sum() < FEWEST or not trace.streamed:
            continue
        seen = _Seen.of(trace, alone)
        expected = float(model.rest_s.mean()) * seen.pace(model.slowdown)
        if expected > 0:
            ratios.append(float(seen.rest_s.mean()) / expected)
            weights.append(len(seen.rest_s))
    if not ratios:
        return model
    scale = float(np.clip(np.average(ratios, weights=weights), 1 / MOST_SCALED, MOST_SCALED))
    first_s = model.first_s * scale if model.slowdown else model.first_s
    return replace(model, first_s=first_s, rest_s=model.rest_s * scale)


def _finished_per_s(trace: Trace) -> float:
    """In the middle of the run, without its beginning and its drain."""
    over_s = np.sort(trace.over_s[trace.whole])
    low, high = np.quantile(over_s, [0.1, 0.9])
    return float(0.8 * len(over_s) / max(high - low, 1e-9))


def _service(
    runs: Sequence[tuple[Trace, _Seen]], slowdown: float, slots: int, quietest: _Seen
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(first_s, rest_s, output_tokens, input_tokens) of requests that found a free slot, at the pace of one alone."""
    found: list[list[FloatArray]] = [[], [], [], []]
    for trace, seen in runs:
        pace = seen.pace(slowdown)
        free = np.ones(len(trace.due_s), np.bool_)
        if slots < UNLIMITED:
            played = replay(trace, slots, float(np.median(quietest.first_s)), seen.mean_s, slowdown)
            free = played.wait_s <= 0
        taken = free[trace.whole]
        for kept, values in zip(found, (seen.first_s / pace, seen.rest_s / pace), strict=False):
            kept.append(values[taken])
        for kept, values in zip(found[2:], (trace.output_tokens, trace.input_tokens), strict=True):
            kept.append(values[trace.whole][taken])
    first_s, rest_s, output, input_ = (np.concatenate(parts) for parts in found)
    return first_s, rest_s, output, input_


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One run in figures."""

    first_s: FloatArray
    rest_s: FloatArray
    at_work: float
    """Requests in service at a time, on average."""
    others: float
    """Further requests at work that one at work sees, on average: in an open loop about as many as are at work, in a
    closed one less itself."""
    waited: float
    """90th percentile of the time to first token, or of the whole where it is not streamed."""
    most_in_flight: int

    @property
    def mean_s(self) -> float:
        return float(np.mean(self.first_s + self.rest_s))

    def pace(self, slowdown: float) -> float:
        """How many times as long work took as it does alone."""
        return 1 + slowdown * self.others

    @classmethod
    def of(cls, trace: Trace, quiet: _Seen | None = None) -> _Seen:
        """With the quietest run, how long a first token takes to make, once its turn has come, is taken from there."""
        whole = trace.whole
        due_s, over_s = trace.due_s[whole], trace.over_s[whole]
        if trace.streamed:
            first_s = np.nan_to_num(trace.first_s[whole] - due_s, nan=float(np.nanmedian(trace.first_s - trace.due_s)))
        else:
            first_s = over_s - due_s
        rest_s = over_s - due_s - first_s
        before_s = min(float(np.quantile(first_s, 0.1)), float(first_s.mean()))
        if quiet is not None and trace.streamed and float(quiet.rest_s.mean()) > 0:
            slower = float(rest_s.mean()) / float(quiet.rest_s.mean())
            before_s = min(float(np.median(quiet.first_s)) * slower, float(first_s.mean()))
        begun_s = over_s - rest_s - np.minimum(before_s, first_s)
        lengths_s, at_work = _steps(begun_s, over_s)
        whole_s = float((lengths_s * at_work).sum())
        _, in_flight = _steps(due_s, over_s)
        return cls(
            first_s, rest_s, whole_s / float(over_s.max() - due_s.min()),
            float((lengths_s * at_work**2).sum()) / whole_s - 1 if whole_s > 0 else 0.0,
            float(np.quantile(first_s, 0.9)), int(in_flight.max()),
        )  # fmt: skip


def _steps(begin_s: FloatArray, end_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(how long, how many there were meanwhile) of the steps of a count of intervals: shapes (2n - 1,)."""
    edges = np.concatenate((begin_s, end_s))
    order = np.argsort(edges, kind="stable")
    counts = np.cumsum(np.concatenate((np.ones(len(begin_s)), -np.ones(len(end_s))))[order])
    return np.diff(edges[order]), counts[:-1]


def _slowdown(seen: Sequence[_Seen]) -> float:
    """How much longer the part after the first token takes with each further request at work, by least squares."""
    others = np.array([found.others for found in seen])
    rest_s = np.array([float(found.rest_s.mean()) for found in seen])
    if len(seen) < 2 or others.max() < 0.5 + others.min() or rest_s.min() <= 0:
        return 0.0
    weights = np.sqrt([len(found.rest_s) for found in seen])
    slope, level = np.polyfit(others, rest_s, 1, w=weights)
    if level <= 0 or slope <= 0:
        return 0.0
    found = float(slope / level)
    return found if found * others.max() > NOISE else 0.0


def _slots(queued: Sequence[Trace], first_s: float, mean_s: float, slowdown: float, most: int) -> tuple[int, float]:
    """(slots, misfit): how many at a time explain the waits best."""

    @cache
    def misfit(slots: int) -> float:
        found = [_misfit(trace, replay(trace, slots, first_s, mean_s, slowdown)) for trace in queued]
        return float(np.mean(found))

    candidates = sorted({max(1, round(n)) for n in np.geomspace(1, max(most, 2), 24)})
    best = min(candidates, key=misfit)
    step = max(best // 8, 1)
    while step >= 1:
        near = [n for n in (best - step, best + step) if n >= 1]
        better = min([best, *near], key=misfit)
        if better == best:
            if step == 1:
                break
            step = max(step // 2, 1)
        best = better
    if misfit(best) > (1 - BETTER) * misfit(UNLIMITED):
        return UNLIMITED, misfit(UNLIMITED)
    return best, misfit(best)


def misfits(model: Model, traces: Sequence[Trace]) -> list[tuple[int, float]]:
    """(slots, misfit) of slots about those of the model, over the runs that queued; empty where none did."""
    if model.slots >= UNLIMITED:
        return []
    first_s = float(np.median(model.first_s))
    usual = float(np.quantile(model.first_s, 0.9)) if traces[0].streamed else model.mean_s
    queued = [t for t in traces if t.whole.sum() >= FEWEST and _Seen.of(t).waited > WAITED * usual]
    tried = sorted({max(1, round(model.slots * f)) for f in (0.8, 0.9, 0.95, 0.98, 1, 1.02, 1.05, 1.1, 1.2)})
    return [
        (n, float(np.mean([_misfit(t, replay(t, n, first_s, model.mean_s, model.slowdown)) for t in queued])))
        for n in (tried if queued else [])
    ]


def _misfit(trace: Trace, played: Played) -> float:
    seen = trace.first_s - trace.due_s if trace.streamed else trace.over_s - trace.due_s
    told = played.first_s if trace.streamed else played.total_s
    known = ~np.isnan(seen) & (seen > 0)
    return float(np.mean(np.abs(np.log(told[known] / seen[known])))) if known.any() else math.nan


def replay(trace: Trace, slots: int, first_s: float, mean_s: float, slowdown: float) -> Played:
    """The same arrivals once more, with the service that each reply showed; what it did not show is taken as usual.

    The slowdown is in what the replies showed; only the part before the first token has to be slowed down.
    """
    shown_s = trace.over_s - trace.first_s if trace.streamed else np.full(len(trace.due_s), np.nan)
    usual_s = float(np.nanmean(shown_s)) if np.isfinite(shown_s).any() else max(mean_s - first_s, 0.0)
    rest_s = np.where(np.isnan(shown_s), usual_s, shown_s)
    span_s = float(trace.due_s[-1] - trace.due_s[0]) or 1.0
    at_work = (first_s + float(rest_s.mean())) * len(rest_s) / span_s
    before_s = np.full(len(rest_s), first_s * (1 + slowdown * min(at_work, slots - 1.0)))
    return play(trace.due_s, before_s, rest_s, Cluster(slots))
