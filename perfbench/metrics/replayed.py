"""Replayed: whether requests left when a trace said they should. A trace has no law that its arrivals could break.

Each request has an instant of its own, so what is tested is its lateness: the instant at which its first attempt
started, less the one that the trace, at the speed asked for, gives it. Figures of the gaps stand beside those of the
trace itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from perfbench.metrics.arrivals import FEWEST, Audit, audit_arrivals
from perfbench.metrics.columns import IntArray

TOLERANCE_MS = 5.0
"""What 99 in 100 requests may be late by: about a step of an engine's scheduler with few requests at work."""
SHARE = 0.99
_LAW = "the trace"


def audit_replay(intended_ns: IntArray, started_ns: IntArray) -> Audit:
    """Both of shape (n,), a request at the same place in both; any order. With too few of them there is no verdict."""
    found, asked = audit_arrivals(started_ns, _LAW, 0.0), audit_arrivals(intended_ns, _LAW, 0.0)
    wanted: dict[str, Any] = {"law": "as the trace", "rate_asked_per_s": asked.rate_per_s or 0.0, "cv_asked": asked.cv}
    if found.count < FEWEST:
        return replace(found, **wanted)
    late_ms = float(np.quantile((started_ns - intended_ns) / 1e6, SHARE, method="inverted_cdf"))
    as_asked = late_ms <= TOLERANCE_MS
    told = f"{SHARE:.0%} of the arrivals left within {late_ms:.2g} ms of their instants"
    verdict = f"{'sent' if as_asked else 'not'} as the trace says: {told}"
    return replace(found, **wanted, as_asked=as_asked, verdict=verdict)
