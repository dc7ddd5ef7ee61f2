"""Simulate: requests through replicas behind a balancer, event by event.

Each replica serves `slots` requests at a time and lets the others wait in the order in which they came; every further
request at work slows all of them down by `slowdown` (work progresses at 1 / (1 + slowdown * (n - 1)) of its pace).
That is processor sharing with a queue in front, played in virtual time: one heap a replica, keyed by the work after
which a request is over, so that a change of pace moves no entry. About 5 us a request, below 1 us for a single
replica without slowdown. Arithmetic on arrays of seconds; nothing here knows of runs or files.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Pacer
from perfbench.metrics.columns import FloatArray, IntArray

Balancer = Literal["round_robin", "least_in_flight", "random"]
BALANCERS: tuple[Balancer, ...] = ("round_robin", "least_in_flight", "random")
UNLIMITED = 1 << 30


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the requests go through."""

    slots: int = UNLIMITED
    """Requests that one replica serves at a time."""
    slowdown: float = 0.0
    """By how much each further request at work slows a replica down: 0.02 is 2 %."""
    replicas: int = 1
    balancer: Balancer = "round_robin"
    seed: int = 0
    """Of the random balancer."""

    def __post_init__(self) -> None:
        if self.slots < 1 or self.replicas < 1:
            raise ScenarioError(f"slots and replicas must be at least 1, got {self.slots} and {self.replicas}")
        if not 0 <= self.slowdown < float("inf"):
            raise ScenarioError(f"slowdown must be 0 or more, got {self.slowdown}")
        if self.balancer not in BALANCERS:
            raise ScenarioError(f"there is no balancer {self.balancer!r}; there are {', '.join(BALANCERS)}")


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What became of n requests: arrays of shape (n,), in order of arrival."""

    wait_s: FloatArray
    """From arrival to the beginning of service."""
    first_s: FloatArray
    """From arrival to the first token, the pace being that at which service began."""
    total_s: FloatArray
    """From arrival to the end."""
    replica: IntArray


def play(arrivals_s: FloatArray, first_s: FloatArray, rest_s: FloatArray, cluster: Cluster) -> Played:
    """Send requests through a cluster. All arrays have shape (n,); arrivals ascend.

    `first_s` is the work until the first token, `rest_s` what follows it, both as a request alone on a replica takes.
    """
    if cluster.slowdown == 0 and cluster.replicas == 1:
        return _play_alone(arrivals_s, first_s, rest_s, cluster.slots)
    count = len(arrivals_s)
    begins, ends, paces = ([0.0] * count for _ in range(3))
    chosen = np.zeros(count, np.int64)
    replicas = [_Replica(cluster.slots, cluster.slowdown, begins, ends, paces) for _ in range(cluster.replicas)]
    choose, taken = _chooser(cluster, replicas)
    work = (first_s + rest_s).tolist()
    for index, at_s in enumerate(arrivals_s.tolist()):
        number = choose(index, at_s)
        chosen[index] = number
        replicas[number].take(index, at_s, work[index])
        if taken is not None:
            taken(number)
    for replica in replicas:
        replica.advance(float("inf"))
    begun = np.array(begins)
    wait_s = begun - arrivals_s
    return Played(wait_s, wait_s + first_s * np.array(paces), np.array(ends) - arrivals_s, chosen)


def _play_alone(arrivals_s: FloatArray, first_s: FloatArray, rest_s: FloatArray, slots: int) -> Played:
    """One replica without slowdown: whoever is free next takes whoever is next (J. Kiefer, J. Wolfowitz, 1955)."""
    work = (first_s + rest_s).tolist()
    begins: list[float] = []
    free: list[float] = []
    for at_s, needs_s in zip(arrivals_s.tolist(), work, strict=True):
        if len(free) < slots:
            while free and free[0] <= at_s:
                heapq.heappop(free)
            begins.append(at_s)
            heapq.heappush(free, at_s + needs_s)
            continue
        begin_s = free[0] if free[0] > at_s else at_s
        begins.append(begin_s)
        heapq.heapreplace(free, begin_s + needs_s)
    wait_s = np.array(begins) - arrivals_s
    return Played(wait_s, wait_s + first_s, wait_s + first_s + rest_s, np.zeros(len(begins), np.int64))


class _Replica:
    """One replica at work. `done` is the work that a request present all along would have had done by now."""

    __slots__ = (
        "active",
        "at_s",
        "begins",
        "done",
        "ends",
        "in_flight",
        "paces",
        "queue",
        "slots",
        "slowdown",
        "version",
    )

    def __init__(self, slots: int, slowdown: float, begins: list[float], ends: list[float], paces: list[float]) -> None:
        self.slots, self.slowdown = slots, slowdown
        self.begins, self.ends, self.paces = begins, ends, paces
        self.active: list[tuple[float, int]] = []
        self.queue: deque[tuple[int, float]] = deque()
        self.at_s = self.done = 0.0
        self.in_flight = self.version = 0

    def next_s(self) -> float:
        """When the next of its requests is over, if nothing comes before."""
        return self.at_s + (self.active[0][0] - self.done) * (1.0 + self.slowdown * (len(self.active) - 1))

    def advance(self, to_s: float) -> None:
        """Let everything happen that happens until then."""
        active = self.active
        while active:
            pace = 1.0 + self.slowdown * (len(active) - 1)
            over_s = self.at_s + (active[0][0] - self.done) * pace
            if over_s > to_s:
                self.done += (to_s - self.at_s) / pace
                break
            self.at_s = over_s
            self.done, index = heapq.heappop(active)
            self.ends[index] = over_s
            self.in_flight -= 1
            if self.queue:
                self._begin(*self.queue.popleft())
        self.at_s = max(self.at_s, to_s)

    def take(self, index: int, at_s: float, work_s: float) -> None:
        self.advance(at_s)
        self.in_flight += 1
        if len(self.active) < self.slots:
            self._begin(index, work_s)
        else:
            self.queue.append((index, work_s))

    def _begin(self, index: int, work_s: float) -> None:
        heapq.heappush(self.active, (self.done + work_s, index))
        self.begins[index] = self.at_s
        self.paces[index] = 1.0 + self.slowdown * (len(self.active) - 1)


def _chooser(
    cluster: Cluster, replicas: list[_Replica]
) -> tuple[Callable[[int, float], int], Callable[[int], None] | None]:
    """(which replica takes a request, by its position and the instant it comes; what to do once it has)."""
    if cluster.balancer == "round_robin":
        return lambda index, _at_s: index % cluster.replicas, None
    if cluster.balancer == "random":
        rng = random.Random(f"balancer {cluster.seed}")
        return lambda _index, _at_s: rng.randrange(cluster.replicas), None

    # Between its own arrivals and departures the pace of a replica is constant, so that its next departure is known:
    # only replicas with one that is due are brought up to date.
    due: list[tuple[float, int, int]] = []

    def least(index: int, at_s: float) -> int:
        while due and due[0][0] <= at_s:
            _, number, version = heapq.heappop(due)
            if replicas[number].version == version:
                replicas[number].advance(at_s)
                _expect(due, replicas, number)
        counts = [replica.in_flight for replica in replicas]
        fewest, first = min(counts), index % len(counts)  # equals take turns, or the first would get all lone requests
        return first + counts[first:].index(fewest) if fewest in counts[first:] else counts.index(fewest)

    def taken(number: int) -> None:
        _expect(due, replicas, number)

    return least, taken


def _expect(due: list[tuple[float, int, int]], replicas: list[_Replica], number: int) -> None:
    replica = replicas[number]
    replica.version += 1
    if replica.active:
        heapq.heappush(due, (replica.next_s(), number, replica.version))


def arrivals_of(pacer: Pacer, count: int) -> FloatArray:
    """The first so many arrivals of a pacer, in seconds: shape (n,), fewer where it ends before."""
    found: list[int] = []
    for offset_ns in pacer:
        if len(found) == count:
            break
        found.append(offset_ns)
    return np.array(found, float) / 1e9


def poisson_s(rate_per_s: float, count: int, seed: int) -> FloatArray:
    """Poisson arrivals, in seconds. With one seed the gaps of two rates are the same but for their scale."""
    return np.cumsum(np.random.default_rng(seed).exponential(1.0, count)) / rate_per_s
