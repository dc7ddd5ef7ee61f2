"""Runs of a server with a queue, made up in milliseconds: so that hundreds of pairs can be compared.

Poisson arrivals wait for one of `slots`; a request then takes a prefill and a stream of tokens, both lognormal, and a
slow server takes `slowdown` times as long over each. Queueing makes neighbours alike, as in life.
"""

from __future__ import annotations

import heapq

import numpy as np

from perfbench.comparison.source import Source
from perfbench.engine.request import Record
from perfbench.metrics.columns import columns

RATE_PER_S, SLOTS = 20.0, 12
PREFILL_S, TOKEN_S, TOKENS = 0.05, 0.01, 24


def records_of(seed: int, *, slowdown: float = 1.0, count: int = 1000, rate: float = RATE_PER_S) -> list[Record]:
    """In the order in which they end, as a run writes them."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, count))
    prefill = PREFILL_S * slowdown * rng.lognormal(0, 0.25, count)
    tokens = rng.integers(TOKENS // 2, 3 * TOKENS // 2, count)
    pace = TOKEN_S * slowdown * rng.lognormal(0, 0.1, count)
    free, found = [0.0] * SLOTS, []
    for row in range(count):
        gaps = pace[row] * rng.lognormal(0, 0.2, tokens[row] - 1)
        begin = max(arrivals[row], free[0])
        first = begin + prefill[row]
        last = first + gaps.sum()
        heapq.heapreplace(free, last)
        due_ns, first_ns, last_ns = (round(at * 1e9) for at in (arrivals[row], first, last))
        record = Record(
            key=str(row), index=row, intended_ns=due_ns, dispatched_ns=due_ns, started_ns=due_ns, written_ns=due_ns,
            first_output_ns=first_ns, first_answer_ns=first_ns, last_output_ns=last_ns, finished_ns=last_ns,
            outcome="ok", input_tokens=100, output_tokens=int(tokens[row]), token_source="usage",
            itl_ns=(gaps * 1e9).astype(np.int64).tolist(),
        )  # fmt: skip
        found.append(record)
    return sorted(found, key=lambda record: record.finished_ns)


def simulated(seed: int, *, slowdown: float = 1.0, count: int = 1000, rate: float = RATE_PER_S) -> Source:
    facts = {"rate": rate, "arrival": "poisson", "parallel": None, "model": "m"}
    records = columns([records_of(seed, slowdown=slowdown, count=count, rate=rate)])
    return Source(f"run {seed}", "perfbench", records, facts)
