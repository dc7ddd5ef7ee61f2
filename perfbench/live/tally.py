"""Tally: snapshots of all workers merged into the figures shown while a run lasts.

Arithmetic only: no clock (the time is passed in), no rich. Memory is bounded whatever the length of the run: a latency
is a count in a histogram, history is a ring. The figures are for watching; results are computed from the records.
To show another latency, add its name to `LATENCIES` and a field of that name plus `_ns` to `Snapshot`.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from perfbench.live.snapshot import Snapshot
from perfbench.metrics.trust import BUSY_SHARE, ERROR_MS, NEVER_SLEEPS_SHARE

LATENCIES = ("ttft", "itl", "tpot", "e2e", "response_ttft", "response_e2e")
RECENT_S = 5.0
SLOT_S = 0.5
"""One point of history."""
HISTORY = 240
SILENT_AFTER_S = 3.0
"""A worker that has not been heard of for that long counts as gone: its requests are no longer in flight."""

STUCK_MS = 50.0
"""A loop whose usual lag is that long is the limit, whatever its CPU says."""
LATE_MS = 20.0
"""Requests handed over later than that; the report judges by percentiles, which a few seconds are too short for."""


class Histogram:
    """Counts of durations in buckets whose bounds grow by 1 %, from 1 us to over an hour.

    A percentile read from it is within 0.5 % of the exact nearest-rank one (shorter than 1 us counts as 1 us).
    """

    GROWTH = 1.01
    LOWEST_NS = 1_000
    BUCKETS = 2_300  # 1 us * 1.01 ** 2300 is 2.4 hours

    def __init__(self) -> None:
        self.counts: npt.NDArray[np.int64] = np.zeros(self.BUCKETS, np.int64)

    def add(self, durations_ns: npt.NDArray[np.int64]) -> None:
        if durations_ns.size:
            ratio = np.maximum(durations_ns, self.LOWEST_NS) / self.LOWEST_NS
            bucket = (np.log(ratio) / math.log(self.GROWTH)).astype(np.int64)
            self.counts += np.bincount(np.minimum(bucket, self.BUCKETS - 1), minlength=self.BUCKETS)

    def percentiles(self) -> Percentiles:
        total = int(self.counts.sum())
        reached = np.cumsum(self.counts)

        def at(share: float) -> float | None:
            if total * (1 - share) < 1 - 1e-9:  # the largest value would be called p99 of 20: that says nothing
                return None
            bucket = int(np.searchsorted(reached, math.ceil(total * share)))
            return float(self.LOWEST_NS * self.GROWTH ** (bucket + 0.5) / 1e6)

        return Percentiles(total, at(0.50), at(0.90), at(0.99))


@dataclass(frozen=True, slots=True)
class Percentiles:
    """In ms; None while there are too few values for that percentile (fewer than 1 / (1 - share))."""

    count: int
    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    requests_per_s: float
    """Successful ones that ended."""
    output_tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Client:
    """How the measuring processes fare, of late. An estimate: the verdict of the report is from the whole run."""

    verdict: str
    """ok, suspect or saturated."""
    loop_lag_ms: float
    """Longest lag of an event loop in a typical quarter of a second."""
    send_lag_ms: float
    cpu_share: float
    """Of the busiest process; 1.0 is one core."""


@dataclass(frozen=True, slots=True)
class Point:
    """Half a second of history; None where nothing was there to be measured."""

    requests_per_s: float
    output_tokens_per_s: float
    ttft_ms: float | None
    e2e_ms: float | None
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known at `now_ns`. `recent` is the last five seconds, `run` everything since the start."""

    now_ns: int
    elapsed_s: float
    dispatched: int
    finished: int
    ok: int
    failed: int
    cancelled: int
    unsent: int
    in_flight: int
    waiting: int
    output_tokens: int
    errors: dict[str, int]
    finished_per_s: float
    """Of late, whatever the outcome: what an ETA goes by."""
    rates_recent: Rates
    rates_run: Rates
    recent: dict[str, Percentiles]
    run: dict[str, Percentiles]
    history: tuple[Point, ...]
    client: Client
    silent_workers: tuple[int, ...]

    @property
    def over(self) -> int:
        """Requests of which nothing more will be heard."""
        return self.finished + self.unsent


@dataclass(slots=True)
class _Slot:
    """The latencies and the worst lags that arrived during one half second."""

    index: int
    latencies: dict[str, Histogram] = field(default_factory=dict)
    loop_lag_ms: list[float] = field(default_factory=list)
    send_lag_ms: float = 0.0
    cpu_shares: dict[int, list[float]] = field(default_factory=dict)


class Tally:
    def __init__(self, began_ns: int) -> None:
        self._began_ns = self._heard_ns = began_ns
        self._latest: dict[int, Snapshot] = {}
        self._run = {name: Histogram() for name in LATENCIES}
        self._slots: deque[_Slot] = deque(maxlen=round(RECENT_S / SLOT_S) + 1)
        self._totals: deque[tuple[int, int, int, int]] = deque([(began_ns, 0, 0, 0)])  # instant, finished, ok, tokens
        self._history: deque[Point] = deque(maxlen=HISTORY)

    def add(self, snapshots: Iterable[Snapshot], now_ns: int) -> None:
        """Take what arrived by now. Several snapshots of one worker, in the order it made them, are fine."""
        slot = self._slot_at(now_ns)
        self._heard_ns = now_ns
        for snapshot in snapshots:
            self._latest[snapshot.worker] = snapshot
            slot.loop_lag_ms.append(snapshot.loop_lag_max_ns / 1e6)
            slot.send_lag_ms = max(slot.send_lag_ms, snapshot.send_lag_max_ns / 1e6)
            slot.cpu_shares.setdefault(snapshot.worker, []).append(snapshot.cpu_share)
            for name in LATENCIES:
                durations_ns = np.frombuffer(getattr(snapshot, f"{name}_ns"), np.int64)
                if durations_ns.size:
                    self._run[name].add(durations_ns)
                    slot.latencies.setdefault(name, Histogram()).add(durations_ns)

    def _slot_at(self, now_ns: int) -> _Slot:
        index = int((now_ns - self._began_ns) / (SLOT_S * 1e9))
        if not self._slots or self._slots[-1].index < index:
            if self._slots:
                self._close_slot(self._slots[-1], self._heard_ns)
            self._slots.append(_Slot(index))
        return self._slots[-1]

    def _close_slot(self, slot: _Slot, heard_ns: int) -> None:
        """The counters are those of the last words heard, so they are dated by them, not by the end of the slot."""
        ok, tokens = self._sum("ok"), self._sum("output_tokens")
        then_ns, _, ok_then, tokens_then = self._totals[-1]
        passed_s = max((heard_ns - then_ns) / 1e9, 1e-9)
        empty = Histogram()
        self._history.append(
            Point(
                requests_per_s=(ok - ok_then) / passed_s,
                output_tokens_per_s=(tokens - tokens_then) / passed_s,
                ttft_ms=slot.latencies.get("ttft", empty).percentiles().p50,
                e2e_ms=slot.latencies.get("e2e", empty).percentiles().p50,
                in_flight=self._sum("in_flight"),
            )
        )
        self._totals.append((heard_ns, self._sum("finished"), ok, tokens))
        while len(self._totals) > 1 and heard_ns - self._totals[1][0] >= RECENT_S * 1e9:
            self._totals.popleft()

    def _sum(self, counter: str) -> int:
        return sum(getattr(snapshot, counter) for snapshot in self._latest.values())

    def figures(self, now_ns: int) -> Figures:
        slots = [s for s in self._slots if s.index > (now_ns - self._began_ns - RECENT_S * 1e9) / (SLOT_S * 1e9) - 1]
        heard = {w: s for w, s in self._latest.items() if now_ns - s.at_ns < SILENT_AFTER_S * 1e9}
        ok, tokens = self._sum("ok"), self._sum("output_tokens")
        then_ns, finished_then, ok_then, tokens_then = self._totals[0]
        finished = self._sum("finished")
        errors: Counter[str] = Counter()
        for snapshot in self._latest.values():
            errors.update(snapshot.errors)
        return Figures(
            now_ns=now_ns,
            elapsed_s=max(now_ns - self._began_ns, 0) / 1e9,  # a run is announced a moment before it begins
            dispatched=self._sum("dispatched"),
            finished=finished,
            ok=ok,
            failed=self._sum("failed"),
            cancelled=self._sum("cancelled"),
            unsent=self._sum("unsent"),
            in_flight=sum(s.in_flight for s in heard.values()),
            waiting=sum(s.waiting for s in heard.values()),
            output_tokens=tokens,
            errors=dict(errors.most_common()),
            finished_per_s=(finished - finished_then) / max((now_ns - then_ns) / 1e9, 1e-9),
            rates_recent=_rates(ok - ok_then, tokens - tokens_then, now_ns - then_ns),
            rates_run=_rates(ok, tokens, now_ns - self._began_ns),
            recent={name: _merged(slots, name).percentiles() for name in LATENCIES},
            run={name: histogram.percentiles() for name, histogram in self._run.items()},
            history=tuple(self._history),
            client=_client(slots),
            silent_workers=tuple(sorted(self._latest.keys() - heard.keys())),
        )


def _rates(ok: int, tokens: int, passed_ns: int) -> Rates:
    passed_s = passed_ns / 1e9
    return Rates(ok / passed_s, tokens / passed_s) if passed_s > 0 else Rates(0.0, 0.0)


def _merged(slots: list[_Slot], name: str) -> Histogram:
    merged = Histogram()
    for slot in slots:
        if name in slot.latencies:
            merged.counts += slot.latencies[name].counts
    return merged


def _client(slots: list[_Slot]) -> Client:
    lags_ms = sorted(lag for slot in slots for lag in slot.loop_lag_ms)
    lag_ms = lags_ms[len(lags_ms) // 2] if lags_ms else 0.0
    send_lag_ms = max((slot.send_lag_ms for slot in slots), default=0.0)
    shares: dict[int, list[float]] = {}
    for slot in slots:
        for worker, values in slot.cpu_shares.items():
            shares.setdefault(worker, []).extend(values)
    cpu_share = max((sum(values) / len(values) for values in shares.values()), default=0.0)
    if cpu_share >= NEVER_SLEEPS_SHARE or lag_ms >= STUCK_MS:
        verdict = "saturated"
    elif cpu_share >= BUSY_SHARE or lag_ms >= ERROR_MS or send_lag_ms >= LATE_MS:
        verdict = "suspect"
    else:
        verdict = "ok"
    return Client(verdict, lag_ms, send_lag_ms, cpu_share)
