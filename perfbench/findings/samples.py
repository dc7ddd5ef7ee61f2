"""Samples: verdicts that too few requests stand behind."""

from __future__ import annotations

from typing import Any

from perfbench.findings.base import Evidence, Finding
from perfbench.metrics.percentile import SHARES, minimum_count


def too_few_requests(evidence: Evidence) -> Finding | None:
    """A percentile that was asked for, by the SLO or by --until, has too few requests behind it, or so few that chance
    could turn its verdict. The fewest: where its interval at 95 % begins to exist (`statistics.ranks.minimum_count`).
    """
    short: list[dict[str, Any]] = []
    for result in evidence.part("slo", "observed") or ():
        share = SHARES.get(str(result.get("statistic") or "").replace(".", "_"))
        if share is None:
            continue
        needed, count, tail = minimum_count(share), result.get("count") or 0, result.get("tail") or {}
        if count < needed:
            short.append({"condition": result["condition"], "requests": count, "needed": needed})
        elif result.get("certain") is False and result.get("outcome") != "inconclusive":
            short.append(
                {"condition": result["condition"], "requests": count, "needed": None, "more": tail.get("more")}
            )
    until = evidence.part("until") or {}
    if until and not until.get("met"):
        short.append({"condition": f"until {until.get('asked')}", "requests": evidence.part("requests", "succeeded")})
    if not short:
        return None
    told = "; ".join(_told(one) for one in short)
    hopeless = any((one.get("needed") or 0) > one["requests"] for one in short)
    return Finding(
        "too_few_requests", "serious" if hopeless else "warning", told, {"conditions": short, "confidence": 0.95},
        "a larger --number or --duration; --until \"p99 ttft +-5%\" goes on until it is enough",
    )  # fmt: skip


def _told(one: dict[str, Any]) -> str:
    if one.get("needed"):
        return f"{one['condition']}: {one['requests']} requests, and {one['needed']} are needed to say anything"
    if one.get("more"):
        return f"{one['condition']}: could be chance; about {one['more']} more requests would decide it"
    return f"{one['condition']}: could be chance; {one['requests']} requests do not decide it"
