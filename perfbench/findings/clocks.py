"""Clocks: instants that cannot be."""

from __future__ import annotations

import numpy as np

from perfbench.findings.base import Evidence, Finding
from perfbench.metrics.columns import NEVER

ORDER = ("first_started_ns", "started_ns", "written_ns", "first_byte_ns", "first_output_ns", "last_output_ns",
         "finished_ns")  # fmt: skip
STEP_S, SLEW = 0.05, 6e-4
"""How far the wall clock may move against the monotonic one: a little, and more than NTP slews at most (500 ppm)."""


def clock_went_backwards(evidence: Evidence) -> Finding | None:
    """Instants of a request that are not in their order, or gaps below zero: one of them is enough.

    All of them are read on one monotonic clock, so that a clean run has none; records from elsewhere may.
    """
    records = evidence.records
    reversed_rows = np.zeros(records.size, np.bool_)
    places: dict[str, int] = {}
    latest, name_of_latest = records.first_started_ns, ORDER[0]
    for name in ORDER[1:]:
        instants = getattr(records, name)
        known = instants != NEVER
        wrong = known & (latest != NEVER) & (instants < latest) & records.sent
        if wrong.any():
            places[f"{name} before {name_of_latest} or earlier"] = int(wrong.sum())
            reversed_rows |= wrong
        latest, name_of_latest = np.where(known, np.maximum(instants, latest), latest), name
    gaps = int((records.itl_ms < 0).sum())
    if not reversed_rows.any() and not gaps:
        return None
    return Finding(
        "clock_went_backwards", "serious",
        f"{int(reversed_rows.sum())} requests have instants out of their order, and {gaps} gaps between chunks are "
        "below zero: no latency of this run can be trusted",
        {"requests": int(reversed_rows.sum()), "of": records.size, "negative_gaps": gaps, "where": places},
        "measure on one machine, with its monotonic clock; these records were put together from several",
    )  # fmt: skip


def wall_clock_jumped(evidence: Evidence) -> Finding | None:
    """Wall clock and monotonic clock do not agree how long the run took: by over 50 ms and 600 ppm. A threshold.

    Latencies are not touched by it. Times of day are, and a machine that slept (the monotonic clock stands still then)
    has let its connections die.
    """
    clocks = evidence.clocks
    if clocks is None:
        return None
    by_s = [(ends[1] - ends[0]) / 1e9 for ends in (clocks.monotonic_ns, clocks.unix_ns)]
    off_s = by_s[1] - by_s[0]
    allowed_s = STEP_S + SLEW * abs(by_s[0])
    if abs(off_s) <= allowed_s:
        return None
    why = "it was set forward, or the machine slept" if off_s > 0 else "it was set back"
    return Finding(
        "wall_clock_jumped", "warning",
        f"the wall clock moved {off_s:+.3g} s against the monotonic clock during the run: {why}",
        {"monotonic_s": by_s[0], "wall_s": by_s[1], "off_s": off_s, "allowed_s": allowed_s},
        "latencies are safe; do not line this run up with logs by the time of day, and keep the machine awake",
    )  # fmt: skip
