"""Steadiness: the figures of the steady state beside those of the whole run, and how the one was found.

Like `facts`, short texts for the console and for the page alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.report.facts import LATENCIES, NO_VALUE, cell
from perfbench.report.text import grouped, number, share

SHOWN = (("ttft", "p50"), ("ttft", "p99"), ("tpot", "p50"), ("e2e", "p50"), ("e2e", "p99"))
RATES = {"requests_per_s": "requests/s", "output_tokens_per_s": "output tokens/s"}


@dataclass(frozen=True, slots=True)
class SteadyRow:
    label: str
    whole: str
    steady: str
    change: str
    """Of the steady state against the whole run."""


def steady_rows(summary: Mapping[str, Any]) -> list[SteadyRow]:
    """Whole run and steady state, figure by figure; none where there was no steady state."""
    steady = summary.get("steady_state")
    if not steady:
        return []
    rows = []
    for name, label in RATES.items():
        whole, trimmed = ((part.get("throughput") or {}).get(name) for part in (summary, steady))
        if whole is not None and trimmed is not None:
            rows.append(SteadyRow(label, number(whole), number(trimmed), _change(whole, trimmed)))
    for name, column in SHOWN:
        whole, trimmed = ((part.get("latency_ms") or {}).get(name) for part in (summary, steady))
        if whole and trimmed and whole.get("count") and trimmed.get("count"):
            label = f"{LATENCIES[name][0]} {column}, ms"
            change = _change(whole.get(column), trimmed.get(column))
            rows.append(SteadyRow(label, cell(whole, column), cell(trimmed, column), change))
    return rows


def _change(whole: float | None, trimmed: float | None) -> str:
    if not whole or trimmed is None:
        return NO_VALUE
    by = trimmed / whole - 1
    return "same" if abs(by) < 0.0005 else f"{'+' if by > 0 else '−'}{share(abs(by))}"


def steady_method(summary: Mapping[str, Any]) -> str:
    """How the steady state was found, and whether it is one after all; empty where there is none."""
    steady = summary.get("steady_state")
    if not steady:
        return ""
    cut, drift = steady.get("truncation") or {}, steady.get("drift")
    told = [f"from {number(steady['from_s'])} s to {number(steady['to_s'])} s"]
    if cut.get("dropped") is not None:
        told.append(f"the first {grouped(cut['dropped'])} of {grouped(cut['of'])} requests left out by MSER-5")
    else:
        told.append("too short for MSER-5 to tell its beginning")
    if drift is not None and drift["drifting"]:
        told.append(f"but latency drifts by {share(abs(drift['change']))} {'up' if drift['change'] > 0 else 'down'}")
    elif not steady.get("stationary", True):
        told.append("but the number in flight was still moving")
    return "; ".join(told)


def warmup_sentence(summary: Mapping[str, Any]) -> str:
    """What was sent before and stands in no figure; empty where nothing was."""
    found = summary.get("warmup")
    if not found:
        return ""
    failed = f", {grouped(found['failed'])} of them failed" if found["failed"] else ""
    return f"{grouped(found['requests'])} requests before what is measured{failed}; they are in no figure"
