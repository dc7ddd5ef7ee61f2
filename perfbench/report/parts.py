"""Parts: what a summary says of the parts of a run: each tag of a mix, each turn of its sessions; and of the sessions.

Like `facts`, short texts for the console and for the page alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.report.facts import NO_VALUE, Fact, cell
from perfbench.report.text import grouped, harmless, number, span

TABLES = {"by_tag": "part of the mix", "by_turn": "turn"}
"""Mappings of the summary, and what their names are names of."""
LATENCY_HEADS = {
    "TTFT p50": ("ttft", "p50"), "TTFT p95": ("ttft", "p95"), "TPOT p50": ("tpot", "p50"), "E2E p50": ("e2e", "p50"),
    "E2E p95": ("e2e", "p95"),
}  # fmt: skip
"""In ms, on the service base."""
PART_HEADS = ("ok", "failed", "requests/s", "input tokens", *LATENCY_HEADS)


@dataclass(frozen=True, slots=True)
class PartRow:
    label: str
    cells: tuple[str, ...]
    """One for each of PART_HEADS."""


@dataclass(frozen=True, slots=True)
class PartTable:
    title: str
    rows: tuple[PartRow, ...]


def part_tables(summary: Mapping[str, Any]) -> list[PartTable]:
    """Those that the run has; none for one without parts."""
    return [
        PartTable(title, tuple(_row(label, part) for label, part in parts.items()))
        for name, title in TABLES.items()
        if (parts := summary.get(name))
    ]


def _row(label: str, part: Mapping[str, Any]) -> PartRow:
    requests, tokens, latency_ms = part["requests"], part["tokens"], part["latency_ms"]
    per_s, ok = part["throughput"]["requests_per_s"], requests["succeeded"]
    told = tokens["input"]
    return PartRow(
        harmless(label, 40) or "(no tag)",
        (
            grouped(ok),
            grouped(requests["failed"]),
            NO_VALUE if per_s is None else number(per_s),
            NO_VALUE if told is None or not ok else f"{number(told / ok)} each",
            *(cell(latency_ms.get(name) or {}, column) for name, column in LATENCY_HEADS.values()),
        ),
    )


def session_facts(sessions: Mapping[str, Any] | None) -> list[Fact]:
    """How many, how they ended, how long they took, and the turns a second that users saw; none without sessions."""
    if not sessions:
        return []
    facts = [Fact("begun", grouped(sessions["count"])), Fact("completed", grouped(sessions["completed"]))]
    facts += [
        Fact(label, grouped(sessions[name]))
        for name, label in (("failed", "failed"), ("cut_short", "cut short"))
        if sessions[name]
    ]
    if sessions["turns_per_s"] is not None:
        facts.append(Fact("turns/s", number(sessions["turns_per_s"])))
    if (duration_s := sessions["duration_s"]) is not None and duration_s["p50"] is not None:
        facts.append(Fact("lasted p50", span(duration_s["p50"])))
        facts += [Fact("p95", span(duration_s["p95"]))] if duration_s["p95"] is not None else []
    return facts


def workload_sentence(summary: Mapping[str, Any]) -> str:
    """What was sent, and which reuse of prompts was intended; empty when the run does not say."""
    workload = summary.get("workload") or {}
    if not workload.get("name"):
        return ""
    reuse = harmless(workload.get("reuse") or "unknown", 600)
    return f"{harmless(workload['name'], 40)}; reuse of prompts: {reuse}"
