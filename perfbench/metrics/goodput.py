"""Goodput: requests that succeeded and met every limit of the SLO, each by itself.

The percentile of a condition says how many requests must meet its limit; goodput says how many did (DistServe, arXiv
2401.09670, section 2). Which limits a request has to meet is for `slo.Slo.request_limits` to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from perfbench.metrics.columns import BoolArray, Columns
from perfbench.metrics.fluidity import fluidity_index
from perfbench.metrics.latency import PER_REQUEST
from perfbench.metrics.slo import Condition

PACES = ("tpot", "ttst")
"""Which a reply of one token does not have."""


def meeting(
    columns: Columns, limits_ms: Mapping[str, float], fluid: Sequence[Condition] = (), *, open_loop: bool = False
) -> BoolArray | None:
    """Which requests succeeded with every metric at or under its limit: shape (n,). `limits_ms`: names of PER_REQUEST.

    `fluid`: conditions on fluidity, which each request has to meet by its own index (`Slo.fluid`), from when it was due
    in open loop. A pace (tpot) that does not exist, below two tokens, breaks no limit; any other value that is missing
    does: a reply that never had a first token was not in time with it. None when a limited metric exists for no
    successful request at all (TTFT of a run that did not stream): then there is nothing to judge by.
    """
    good = columns.ok.copy()
    for name, limit_ms in limits_ms.items():
        values = PER_REQUEST[name](columns)
        exists = ~np.isnan(values)
        if columns.ok.any() and not (exists & columns.ok).any():
            return None
        within = values <= limit_ms  # NaN compares false
        good &= within | ~exists if name in PACES else within
    for condition in fluid:
        assert condition.deadlines is not None
        index = fluidity_index(columns, condition.deadlines, open_loop=open_loop)
        if columns.ok.any() and np.isnan(index[columns.ok]).all():
            return None
        good &= np.array([condition.holds(value) for value in index])  # NaN compares false
    return good
