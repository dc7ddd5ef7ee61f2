"""Errors: how many requests failed, by kind, and the other ways not to succeed."""

from __future__ import annotations

import numpy as np

from perfbench.metrics.columns import CANCELLED, FAILED, OK, UNSENT, Columns
from perfbench.metrics.latency import arrival_order
from perfbench.statistics.means import share_interval


def counts(columns: Columns) -> dict[str, int]:
    """Records by outcome, plus `sent` (left, whatever became of it), `hung_up`, `retried` and `reconnects`.

    `hung_up` are those of the cancelled that the workload had the client hang up on: they are no accident.
    `retried` counts requests, not attempts; `reconnects` counts connections that turned out dead on arrival and cost no
    request its success.
    """
    by_outcome = np.bincount(columns.outcome, minlength=4)
    return {
        "sent": int(columns.sent.sum()),
        "succeeded": int(by_outcome[OK]),
        "failed": int(by_outcome[FAILED]),
        "cancelled": int(by_outcome[CANCELLED]),
        "hung_up": int(columns.is_error("hung_up").sum()),
        "retried": int((columns.attempts > 1).sum()),
        "unsent": int(by_outcome[UNSENT]),
        "reconnects": int(columns.reconnects.sum(dtype=np.int64)),
    }


def by_kind(columns: Columns) -> dict[str, int]:
    """Failed requests by kind, most frequent first. Cancelled and unsent ones are no failures of the server's."""
    codes = columns.error[(columns.outcome == FAILED) & (columns.error >= 0)]
    found = np.bincount(codes, minlength=len(columns.error_kinds))
    pairs = [(kind, int(count)) for kind, count in zip(columns.error_kinds, found, strict=True) if count]
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def error_rate(columns: Columns) -> float | None:
    """Failed / (succeeded + failed); None when nothing came to either end.

    Cut off by us or never sent is not a fault of the server: both are counted, neither is here.
    """
    failed, succeeded = int((columns.outcome == FAILED).sum()), int(columns.ok.sum())
    return failed / (failed + succeeded) if failed + succeeded else None


def error_rate_interval(columns: Columns) -> list[float] | None:
    """Interval of the error rate at 95 %, aware of failures that come together; None when it cannot be told."""
    order = arrival_order(columns)
    failed = np.equal(columns.outcome, FAILED)[order]
    found = share_interval(failed[failed | columns.ok[order]])
    return None if found is None else list(found[0])
