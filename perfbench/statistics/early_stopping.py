"""Early stopping: from how many requests on a limit on a percentile is kept, or broken, beyond doubt.

The exact binomial test of MLPerf's LoadGen (mlcommons/inference, loadgen/early_stopping.cc; MLPerf Inference rules,
"early stopping"): requests over the limit are trials that missed, and with t of them allowed at the true percentile
so many queries are needed that fewer misses would be chance at most once in a hundred.

    no miss:  p90 44   p95 90    p99 459   p99.9 4 603
    one miss: p90 64   p95 130   p99 662   p99.9 6 636
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from scipy.special import bdtr, bdtrc

CONFIDENCE = 0.99


@lru_cache(maxsize=1024)
def queries_needed(share: float, misses: int, confidence: float = CONFIDENCE) -> int:
    """The fewest queries of which `misses` may be over a limit that at least `share` of all queries meet, at that
    confidence."""
    low, high = misses, misses + 1
    while bdtr(misses, high, 1 - share) > 1 - confidence:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bdtr(misses, middle, 1 - share) > 1 - confidence else (low, middle)
    return high


@dataclass(frozen=True, slots=True)
class TailVerdict:
    outcome: Literal["met", "missed", "inconclusive"]
    queries: int
    misses: int
    more: int | None
    """Further queries without a miss that would show the limit to be met; None when it is decided, or when more misses
    than the percentile allows were seen, so that no such number means anything."""


def judge_tail(queries: int, misses: int, share: float, confidence: float = CONFIDENCE) -> TailVerdict:
    """Whether at least `share` of all queries meet the limit, from independent ones. Symmetric: a miss is as hard to
    prove as a success."""
    needed = queries_needed(share, misses, confidence)
    if queries >= needed:
        return TailVerdict("met", queries, misses, None)
    if misses and bdtrc(misses - 1, queries, 1 - share) <= 1 - confidence:
        return TailVerdict("missed", queries, misses, None)
    hopeful = misses <= (1 - share) * queries or misses == 0
    return TailVerdict("inconclusive", queries, misses, needed - queries if hopeful else None)
