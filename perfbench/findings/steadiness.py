"""Steadiness: runs whose figures depend on when they began and ended."""

from __future__ import annotations

import numpy as np
from scipy import stats

from perfbench.findings.base import RISK, Evidence, Finding, share
from perfbench.metrics.columns import FloatArray
from perfbench.metrics.latency import e2e_ms
from perfbench.metrics.steady import DRIFT_RISK, MOST_DRIFT
from perfbench.statistics.dependence import dependence

SURER = 10
"""Times as sure of a drift as `steady` has to be to call a window moving."""
FEWEST = 50
SLOWER, SLOWER_MS = 1.3, 1.0
"""What matters: medians so far apart, as a ratio and in milliseconds."""
FAR = 3.0
"""Times the slowest of all the others: one request that is so slow by itself."""
BEYOND = 2.0
"""Times the slowest other stretch, where neighbours are alike."""
STRETCHES = 10
COMPARED = 5000
"""Requests after the first ones that they are compared with."""


def drift(evidence: Evidence) -> Finding | None:
    """Latency has a trend within the steady state: Mann-Kendall over batch means (`perfbench.metrics.steady.drift`), at
    one false alarm in 10 000 where batches are independent, because in a queue that forgets slowly they are not (there
    it is about one in a few hundred); and over 10 % from beginning to end."""
    found = evidence.part("steady_state", "drift") or {}
    if not found.get("drifting") or found["p"] >= DRIFT_RISK / SURER:
        return None
    change = found["change"]
    return Finding(
        "drift", "warning",
        f"latency went {'up' if change > 0 else 'down'} by {share(abs(change))} in what should be the steady state: "
        "the figures depend on when the run ended",
        {"change": change, "p": found["p"], "risk": DRIFT_RISK / SURER, "least_change": MOST_DRIFT,
         "from_s": evidence.part("steady_state", "from_s"), "to_s": evidence.part("steady_state", "to_s")},
        "a longer run, or a longer --warmup; a cache that fills, memory that runs out, heat, or other users do this",
    )  # fmt: skip


def cold_start(evidence: Evidence) -> Finding | None:
    """The first requests were slower than those after them (TTFT; E2E without a stream).

    The first 1, 2, 4, ... (up to a tenth) are held against the rest by rank (H. B. Mann, D. R. Whitney, Annals of
    Mathematical Statistics 18, 1947) at one false alarm in a thousand in all; their median has to be 1.3 times and 1 ms
    above that of the rest, and above that of every other stretch as long: twice that where waits of neighbours are
    alike, as in a queue, in which some stretch is always the slowest. A single first one counts when it is three times
    the slowest of all the others.
    """
    values = _waits_ms(evidence)
    if values.size < FEWEST:
        return None
    sizes = [1 << power for power in range(1, 16) if 1 << power <= values.size // STRETCHES]
    slow = [size for size in sizes if _slower(values, size, RISK / len(sizes))]
    alone = values[0] > FAR * values[1:].max()
    if not slow and not alone:
        return None
    count = max(slow, default=1)
    medians = float(np.median(values[:count])), float(np.median(values[count:]))
    what = "the first request" if count == 1 else f"about the first {count} requests"
    return Finding(
        "cold_start", "warning",
        f"{what} took {medians[0]:.4g} ms where later ones took {medians[1]:.4g} ms (medians): the server was cold, or "
        "met all of its first requests at once",
        {"first": count, "of": int(values.size), "median_first_ms": medians[0], "median_rest_ms": medians[1],
         "risk": RISK, "least_ratio": SLOWER},
        f"--warmup {max(2 * count, 10)} leaves the beginning out of every figure",
    )  # fmt: skip


def _waits_ms(evidence: Evidence) -> FloatArray:
    """In the order in which requests started."""
    records = evidence.records
    values = evidence.ttft_ms if np.isfinite(evidence.ttft_ms).any() else e2e_ms(records)
    known = np.flatnonzero(np.isfinite(values))
    found: FloatArray = values[known[np.argsort(records.first_started_ns[known], kind="stable")]]
    return found


def _slower(values: FloatArray, size: int, risk: float) -> bool:
    first, rest = values[:size], values[size : size + COMPARED]
    middle, usual = float(np.median(first)), float(np.median(rest))
    if middle < SLOWER * usual or middle < usual + SLOWER_MS:
        return False
    stretches = rest[: rest.size // size * size].reshape(-1, size)
    alike = not dependence(stats.rankdata(rest)).independent
    if middle <= (BEYOND if alike else 1.0) * float(np.median(stretches, axis=1).max()):
        return False
    return float(stats.mannwhitneyu(first, rest, alternative="greater").pvalue) < risk
