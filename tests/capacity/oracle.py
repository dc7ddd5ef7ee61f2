"""An oracle: the true law of a queue whose service time never varies (M/D/c, first come first served).

Written apart from perfbench.capacity.simulate and in another way: with equal service times requests end in the order in
which they came, so that request i begins when it has come and request i - c is over (Crommelin's queue). No events, no
heap. Also a `Prober` that puts loads on that queue in no time at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from perfbench.capacity.objective import BLOCKS
from perfbench.capacity.probe import Halting, Look, Probe
from perfbench.capacity.queueing import Trace

WARM_SHARE = 0.15


def waits_s(arrivals_s: np.ndarray, servers: int, service_s: float) -> np.ndarray:
    """How long each request waits: shape (n,)."""
    count = len(arrivals_s)
    rows = -(-count // servers)
    due = np.full(rows * servers, np.inf)
    due[:count] = arrivals_s
    due = due.reshape(rows, servers)
    begins = np.empty_like(due)
    free = np.full(servers, -np.inf)
    for row in range(rows):  # the server that took request i - c is the one that is free next
        begins[row] = np.maximum(due[row], free)
        free = begins[row] + service_s
    return begins.reshape(-1)[:count] - arrivals_s


def poisson_s(rate_per_s: float, count: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate_per_s, count))


def share_late(rate_per_s: float, servers: int, service_s: float, most_wait_s: float, rows: int = 20_000) -> float:
    """Share of requests that wait longer, in the steady state: 64 queues side by side, their first tenth left out."""
    lanes = 64
    gaps = np.random.default_rng(1).exponential(1 / rate_per_s, (lanes, rows * servers))
    due = np.cumsum(gaps, axis=1).reshape(lanes, rows, servers)
    free = np.full((lanes, servers), -np.inf)
    late = 0
    for row in range(rows):
        begins = np.maximum(due[:, row], free)
        free = begins + service_s
        late += int((begins - due[:, row] > most_wait_s).sum()) if row >= rows // 10 else 0
    return late / (lanes * servers * (rows - rows // 10))


def largest_rate(servers: int, service_s: float, allowed: float, most_wait_s: float, rows: int = 4_000) -> float:
    """The largest Poisson rate at which no more than that share waits longer, by bisection."""
    low, high = 0.0, servers / service_s
    for _ in range(12):
        rate = (low + high) / 2
        if share_late(rate, servers, service_s, most_wait_s, rows) <= allowed:
            low = rate
        else:
            high = rate
    return (low + high) / 2


@dataclass
class QueueProber:
    """Puts Poisson arrivals on that queue. Its clock moves by as long as a probe would have taken."""

    servers: int
    service_s: float
    most_wait_s: float
    allowed: float = 0.01
    first_s: float = 0.05
    now_s: float = 0.0
    traces: dict[int, Trace] = field(default_factory=dict)

    def clock_s(self) -> float:
        return self.now_s

    def probe(self, load: float, seconds: float, seed: int, halting: Halting) -> Probe:
        arrivals = poisson_s(load, int(load * seconds * 2) + 200, seed)
        arrivals = arrivals[arrivals < seconds]
        waits = waits_s(arrivals, self.servers, self.service_s)
        ends = arrivals + waits + self.service_s
        late, warm_s = waits > self.most_wait_s, WARM_SHARE * seconds
        halted, until_s = None, seconds
        for at_s in np.arange(0.25, seconds, 0.25):
            over = ends <= at_s
            counted = over & (arrivals >= warm_s)
            look = Look(
                at_s, int((arrivals <= at_s).sum()), int(over.sum()),
                ((int(counted.sum()), int((counted & late).sum())),), (self.allowed,),
            )  # fmt: skip
            if (halted := halting(look)) is not None:
                until_s = float(at_s)
                break
        inside = (arrivals >= warm_s) & (arrivals < until_s - (self.most_wait_s + self.service_s if halted else 0))
        edges = np.linspace(warm_s, until_s, BLOCKS + 1)
        block = np.clip(np.searchsorted(edges, arrivals, "right") - 1, 0, BLOCKS - 1)
        counts = tuple(
            (int((inside & (block == b)).sum()), int((inside & late & (block == b)).sum())) for b in range(BLOCKS)
        )
        self.now_s += until_s + (1.0 if halted else 1.0 + float(waits.max(initial=0)) + self.service_s)
        self.traces[seed] = Trace(
            arrivals, arrivals + waits + self.first_s, ends, np.full(len(waits), 20.0), np.full(len(waits), 128.0)
        )
        return Probe(
            load=load, folder=str(seed), from_s=warm_s, to_s=until_s, seconds=until_s, counts=(counts,),
            halted=halted and halted.why, unstable=halted is not None and halted.unstable,
            service_s=self.service_s,
        )  # fmt: skip

    def trace(self, probe: Probe) -> Trace | None:
        return self.traces[int(probe.folder or 0)]
