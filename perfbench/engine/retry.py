"""Retry: which faults are tried again, and after how long. Decisions only; the waiting is the scheduler's.

Load tests do not retry (a retry hides a failure); evals do, by policy. A budget per lane, for the whole run, keeps a
dead server from being hammered: retries may not exceed a share of the requests started, plus a few.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from perfbench.engine.errors import BadReply, BadStatus, ConnectFault, Disconnected, TimedOut, TransportFault

RETRYABLE_4XX = frozenset({408, 409, 425, 429})
UNRECOVERABLE = frozenset({"dns", "tls"})  # the next attempt would meet the same name and the same certificate
UNRECOVERABLE_5XX = frozenset({501, 505})


def is_retryable(fault: TransportFault) -> bool:
    """Whether another attempt may end differently. A 4xx other than 408, 409, 425 and 429 never does."""
    match fault:
        case BadStatus(status=status):
            return status in RETRYABLE_4XX or (status >= 500 and status not in UNRECOVERABLE_5XX)
        case ConnectFault() | TimedOut() | Disconnected():
            return fault.kind not in UNRECOVERABLE
        case BadReply():
            return fault.kind in ("bad_event", "bad_body", "stream_error", "no_finish", "empty_reply")
        case _:
            return False


def retry_after_s(value: bytes | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, from either of its forms (RFC 9110, 10.2.3); None if unreadable."""
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    try:
        return max(0.0, float(text)) if text.replace(".", "", 1).isdigit() else _until(text, now)
    except (ValueError, OverflowError, IndexError, TypeError):  # a stranger's text, and a parser with many ways to fail
        return None


def _until(text: str, now: datetime | None) -> float:
    when = parsedate_to_datetime(text)
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` tries of one request, pauses exponential with full jitter (Brooker, AWS 2015)."""

    attempts: int = 1
    base_s: float = 0.5
    max_s: float = 30.0
    max_retry_after_s: float = 120.0
    """A server that asks for more than this is taken at its word: the request fails."""
    budget_share: float = 0.2
    """Retries of the whole run, as a share of requests started ..."""
    budget_floor: int = 10
    """... plus this many."""

    def pause_s(self, fault: TransportFault, tries: int, rng: random.Random) -> float | None:
        """Seconds until the next try after `tries` failed ones, or None to give up."""
        if tries >= self.attempts or not is_retryable(fault):
            return None
        asked_s = fault.retry_after_s if isinstance(fault, BadStatus) else None
        if asked_s is not None:
            if asked_s > self.max_retry_after_s:
                return None
            return asked_s + rng.uniform(0.0, self.base_s)  # not all at the same instant
        return rng.uniform(0.0, min(self.max_s, self.base_s * 2.0 ** (tries - 1)))


@dataclass(slots=True)
class RetryBudget:
    """What a lane has left to spend on retries, for the whole run."""

    policy: RetryPolicy
    started: int = 0
    spent: int = 0

    def take(self) -> bool:
        """Whether one more retry may be made; counts it."""
        if self.spent < self.policy.budget_floor + self.policy.budget_share * self.started:
            self.spent += 1
            return True
        return False
