"""Errors: failures that the error rate hides, or that have a pattern."""

from __future__ import annotations

from itertools import compress

import numpy as np

from perfbench.findings.base import RISK, Evidence, Finding, share
from perfbench.metrics.columns import FAILED, NEVER, AnyArray, BoolArray, FloatArray

FEWEST, SLICES = 10, 20
SIMULATED = 5000
HALF_WITHIN = 0.2
"""Of the run, by requests or by time: half of the failures in so little of it is a cluster that matters."""
FEWEST_CUT, LEAST_AGE_S, ALIKE = 5, 1.0, 0.02
"""Requests that ended at one age: how many, how old at the least, and how alike."""
OURS = ("timeout_", "hung_up", "client_limit", "connect_", "dns", "tls")
"""Errors, or their beginnings, whose time is our own limit's, or of no reply at all."""


def retries_hidden(evidence: Evidence) -> Finding | None:
    """Requests that succeeded, or failed, only after further attempts. A fact, not a test."""
    records = evidence.records
    retried = records.attempts > 1
    count, attempts = int(retried.sum()), int((records.attempts[records.sent]).sum())
    if not count:
        return None
    saved = int((retried & records.ok).sum())
    failed = attempts - int(records.ok.sum()) - int((records.sent & ~records.ok & ~records.failed).sum())
    rate = evidence.part("requests", "error_rate")
    return Finding(
        "retries_hidden", "warning",
        f"{count} requests were tried more than once and {saved} of them then succeeded: {share(failed / attempts)} of "
        f"all attempts failed, and the error rate says {share(rate or 0.0)}",
        {"retried": count, "saved": saved, "attempts": attempts, "failed_attempts": failed, "error_rate": rate},
        "--retries 0 shows what users without a retry meet; response latencies hold the time of earlier attempts",
    )  # fmt: skip


def errors_clustered(evidence: Evidence) -> Finding | None:
    """Failures came together: their counts in 20 equal parts of the requests vary more than chance makes them.

    A permutation test (hypergeometric draws, seeded) at one false alarm in a thousand; it speaks when half of them fell
    into a fifth of the run or less, by requests or by time. From 10 failures on.
    """
    records = evidence.records
    over = evidence.order[(records.failed | records.ok)[evidence.order]]
    failed: BoolArray = np.equal(records.outcome[over], FAILED)
    count = int(failed.sum())
    if count < FEWEST or over.size < 2 * SLICES or count == over.size:
        return None
    parts = np.array_split(failed, SLICES)
    p = _permutation_p(np.array([part.sum() for part in parts]), np.array([part.size for part in parts]))
    by_requests = _half_within(np.flatnonzero(failed).astype(np.float64) / over.size)
    at_ns = records.finished_ns[over]
    began_ns, length_ns = int(records.intended_ns[over].min()), max(int(np.ptp(at_ns)), 1)
    at = np.sort((at_ns[failed] - at_ns.min()) / length_ns)
    by_time = _half_within(at)
    if p >= RISK or min(by_requests[0], by_time[0]) > HALF_WITHIN:
        return None
    width, first = by_time
    from_s = (at_ns.min() - began_ns + first * length_ns) / 1e9
    to_s = from_s + width * length_ns / 1e9
    return Finding(
        "errors_clustered", "warning",
        f"half of the {count} failures came between {from_s:.3g} s and {to_s:.3g} s: the error rate is that of an "
        "incident, not of the service",
        {"failures": count, "of": int(over.size), "from_s": from_s, "to_s": to_s, "share_of_time": width,
         "share_of_requests": by_requests[0], "p": p, "risk": RISK, "threshold": HALF_WITHIN},
        "look at what the server did then; compare latencies with and without that time",
    )  # fmt: skip


def _permutation_p(counts: AnyArray, sizes: AnyArray) -> float:
    """That failures thrown at random on the slices vary so much from one to the next."""

    def variation(of: AnyArray) -> FloatArray:
        expected = counts.sum() * sizes / sizes.sum()
        found: FloatArray = (np.square(of - expected) / expected).sum(axis=-1)
        return found

    rng = np.random.default_rng(counts.sum())
    draws = rng.multivariate_hypergeometric(sizes, int(counts.sum()), size=SIMULATED, method="marginals")
    return float((1 + (variation(draws) >= variation(counts)).sum()) / (1 + SIMULATED))


def _half_within(at: FloatArray) -> tuple[float, float]:
    """The shortest stretch that holds half of the places (sorted, shape (m,)), and where it begins."""
    half = (at.size + 1) // 2
    widths = at[half - 1 :] - at[: at.size - half + 1]
    first = int(np.argmin(widths))
    return float(widths[first]), float(at[first])


def cut_at_an_age(evidence: Evidence) -> Finding | None:
    """Failed requests all ended at one age, and none lived longer: something on the way cuts at a limit of its own.

    At least 5, over a second old, within 2 % of each other; no success is older by as much. Thresholds. Our own
    timeouts, and failures to connect, are left out.
    """
    records = evidence.records
    own = [any(kind.startswith(name) for name in OURS) for kind in records.error_kinds]
    codes = list(compress(range(len(own)), own))
    suspects = records.failed & ~np.isin(records.error, codes) & (records.written_ns != NEVER)
    ages_s = (records.finished_ns - records.written_ns) / 1e9
    old = suspects & (ages_s > LEAST_AGE_S)
    count = int(old.sum())
    if count < FEWEST_CUT:
        return None
    low, middle, high = np.quantile(ages_s[old], [0.1, 0.5, 0.9])
    longest_s = float(ages_s[records.ok].max(initial=0.0))
    if high - low > ALIKE * middle or longest_s > middle * (1 + ALIKE):
        return None
    return Finding(
        "cut_at_an_age", "warning",
        f"{count} requests failed {middle:.3g} s after they were sent, give or take {share((high - low) / middle)}, "
        f"and no reply took longer ({longest_s:.3g} s at most): something cuts at {middle:.3g} s",
        {"requests": count, "failures": int(records.failed.sum()), "age_s": float(middle), "p10_s": float(low),
         "p90_s": float(high), "longest_success_s": longest_s, "tolerance": ALIKE},
        "raise the read timeout of the proxy or load balancer (nginx: proxy_read_timeout, 60 s unless told otherwise)",
    )  # fmt: skip
