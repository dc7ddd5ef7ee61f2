"""An oracle for a server that slows down with its batch: token by token, as truthd's source says it works.

A request that finds a free slot gets its first token after `ttft` and the others every `itl`, each gap as long as it is
by the number of requests at work when it begins: gap * (1 + load * (active - 1)). The others wait in turn. Written
apart from perfbench.capacity.simulate, which shares work out continuously.
"""

from __future__ import annotations

import heapq
from collections import deque

import numpy as np

from tests.capacity.oracle import poisson_s


def responses_s(
    arrivals_s: np.ndarray, *, slots: int, load: float, ttft_s: float, itl_s: float, tokens: int
) -> np.ndarray:
    """From arrival to last token: shape (n,)."""
    arrivals = arrivals_s.tolist()
    ends = np.zeros(len(arrivals))
    ticks: list[tuple[float, int, int]] = []  # instant, request, tokens left after it
    queue: deque[int] = deque()
    active = upcoming = 0
    while upcoming < len(arrivals) or ticks:
        if upcoming < len(arrivals) and (not ticks or arrivals[upcoming] <= ticks[0][0]):
            now, request = arrivals[upcoming], upcoming
            upcoming += 1
            if active >= slots:
                queue.append(request)
                continue
            active += 1
            heapq.heappush(ticks, (now + ttft_s * (1 + load * (active - 1)), request, tokens - 1))
            continue
        now, request, left = heapq.heappop(ticks)
        if left:
            heapq.heappush(ticks, (now + itl_s * (1 + load * (active - 1)), request, left - 1))
            continue
        ends[request] = now
        active -= 1
        while queue and active < slots:
            active += 1
            heapq.heappush(ticks, (now + ttft_s * (1 + load * (active - 1)), queue.popleft(), tokens - 1))
    return ends - arrivals_s


def largest_rate(allowed: float, limit_s: float, low: float, high: float, count: int = 40_000, **law: float) -> float:
    """The largest Poisson rate at which no more than that share takes longer, by bisection between two rates."""
    for _ in range(9):
        rate = (low + high) / 2
        late = responses_s(poisson_s(rate, count, 1), **law)[count // 10 :] > limit_s  # type: ignore[arg-type]
        if late.mean() <= allowed:
            low = rate
        else:
            high = rate
    return (low + high) / 2
