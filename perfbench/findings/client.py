"""Client: figures that say how this client fared, and loads that were not the ones asked for."""

from __future__ import annotations

from perfbench.findings.base import Evidence, Finding

HELD_SHARE = 0.01
"""Of the arrivals that a limit may hold back before the load is another one than was asked for."""
LATE_MS = 5.0
"""What the client verdict allows an instant to be off."""
REACHED_SHARE = 0.95


def client_limited(evidence: Evidence) -> Finding | None:
    """The client verdict, where it is not ok. Its thresholds are those of `perfbench.metrics.trust`."""
    client = evidence.part("client") or {}
    if client.get("verdict") not in ("suspect", "saturated"):
        return None
    reasons = list(client.get("reasons") or ())
    saturated = client["verdict"] == "saturated"
    what = "this client was the limit" if saturated else "some of the latency may be this client's own"
    return Finding(
        "client_limited", "serious" if saturated else "warning", f"{what}: {'; '.join(reasons)}",
        {name: client.get(name) for name in ("verdict", "loop_lag_ms", "send_lag_ms", "cpu_share", "busy_share")},
        "more --workers, a machine with nothing else to do, or less load; perfbench calibrate says what it can do",
    )  # fmt: skip


def rate_not_reached(evidence: Evidence) -> Finding | None:
    """The arrival audit speaks against the rate: by more than 1 %, and by more than chance in 999 of 1 000 runs."""
    audit = evidence.part("arrivals") or {}
    asked, found = audit.get("rate_asked_per_s"), audit.get("rate_per_s")
    if audit.get("as_asked") is not False or not asked or found is None or abs(found / asked - 1) <= 0.01:
        return None
    if "the rate was" not in str(audit.get("verdict")):
        return None
    unsent = evidence.part("requests", "unsent") or 0
    return Finding(
        "rate_not_reached", "serious",
        f"{asked:.4g} requests a second were asked for and {found:.4g} left"
        + (f"; {unsent} that were due never did" if unsent else ""),
        {"asked_per_s": asked, "sent_per_s": found, "arrivals": audit.get("count"), "unsent": unsent,
         "held_back": audit.get("held_back"), "tolerance": 0.01},
        "a larger --parallel, or none, where it caps an open loop; more --workers where the client is late",
    )  # fmt: skip


def arrivals_late(evidence: Evidence) -> Finding | None:
    """Requests left later than they were due: 1 in 100 by over 5 ms, or over 1 % were held back by a limit.

    A threshold, not a test: in open loop alone, because a closed loop has no schedule to be late for.
    """
    audit = evidence.part("arrivals")
    if not evidence.open_loop or not audit:
        return None
    held, count = audit.get("held_back") or 0, audit.get("count") or 0
    late_ms = evidence.part("client", "send_lag_ms", "p99") or 0.0
    if held <= HELD_SHARE * count and late_ms <= LATE_MS:
        return None
    by_limit = held > HELD_SHARE * count
    text = (
        f"{held} of {count} arrivals were held back by a limit before they left"
        if by_limit
        else f"1 in 100 arrivals left over {late_ms:.1f} ms late, by this client's own doing"
    )
    return Finding(
        "arrivals_late", "warning", f"{text}; the server did not see the arrivals that were asked for",
        {"held_back": held, "arrivals": count, "dispatched_late_p99_ms": late_ms, "allowed_ms": LATE_MS,
         "allowed_share": HELD_SHARE},
        "judge by the response latencies, which hold the wait; raise the limit to see the server under this load"
        if by_limit else "more --workers, or a machine with nothing else to do",
    )  # fmt: skip


def arrivals_not_as_asked(evidence: Evidence) -> Finding | None:
    """The audit speaks against the law of the arrivals and not against their rate: one false alarm in about 300 runs,
    as four figures are tested at one in a thousand each."""
    audit = evidence.part("arrivals") or {}
    if audit.get("as_asked") is not False or "the rate was" in str(audit.get("verdict")):
        return None
    names = ("law", "count", "rate_per_s", "cv", "cv_asked", "dispersion", "lag1", "ks_distance", "ks_p")
    return Finding(
        "arrivals_not_as_asked", "warning", str(audit["verdict"]), {name: audit.get(name) for name in names},
        "queues answer to how arrivals vary: raise a limit that holds them back, or give the client more room",
    )  # fmt: skip


def concurrency_not_reached(evidence: Evidence) -> Finding | None:
    """A closed loop that never had 95 % of its slots in use at once. Shaped loads and thinking users are left out."""
    scenario = evidence.scenario
    asked, most = scenario.get("parallel"), evidence.part("concurrency", "max")
    if evidence.open_loop or scenario.get("shape") is not None or evidence.workload.get("sessions"):
        return None
    if not isinstance(asked, int) or most is None or most >= REACHED_SHARE * asked:
        return None
    return Finding(
        "concurrency_not_reached", "warning",
        f"{asked} requests were to be in flight and there were never more than {most:.0f}",
        {"asked": asked, "most": most, "sent": evidence.part("requests", "sent"), "threshold": REACHED_SHARE},
        f"send more requests: several times --parallel, at least {10 * asked}",
    )  # fmt: skip


def did_not_keep_up(evidence: Evidence) -> Finding | None:
    """The backlog grew throughout (rules and chance: `perfbench.metrics.backlog`, four standard deviations)."""
    backlog = evidence.part("backlog") or {}
    if not backlog.get("growing"):
        return None
    came, over = backlog["arrived_per_s"], backlog["over_per_s"]
    return Finding(
        "did_not_keep_up", "serious",
        f"{came:.4g} requests a second came and {over:.4g} were over, so latencies say how long the run was",
        {name: backlog[name] for name in ("arrived_per_s", "over_per_s", "at_start", "at_end", "from_s", "to_s")},
        f"a rate below {over:.3g}; perfbench slo finds the largest one that holds",
    )  # fmt: skip
