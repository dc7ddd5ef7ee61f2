"""Found: the findings of a summary as texts, for the console and for the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.report.facts import flat
from perfbench.report.text import harmless

OUTCOMES = {"serious": "missed", "warning": "inconclusive", "info": ""}
"""How a severity is coloured, in the words of the other tables."""
SAID_ELSEWHERE = frozenset(
    {"client_limited", "did_not_keep_up", "arrivals_late", "arrivals_not_as_asked", "rate_not_reached",
     "servers_count_differs"}
)  # fmt: skip
"""Findings whose text the console gives under headings of their own."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    name: str
    severity: str
    outcome: str
    text: str
    remedy: str
    evidence: tuple[tuple[str, str], ...]
    """Dotted name and value."""


def found_rows(summary: Mapping[str, Any]) -> list[FoundRow]:
    """The gravest first; none for a run in which nothing was found, and for summaries from before there were checks."""
    return [
        FoundRow(
            harmless(one["name"], 60).replace("_", " "), harmless(one["severity"], 20),
            OUTCOMES.get(one["severity"], ""), harmless(one["text"], 800), harmless(one["remedy"], 400),
            tuple(flat(one.get("evidence") or {})),
        )
        for one in summary.get("findings") or ()
    ]  # fmt: skip


def console_rows(summary: Mapping[str, Any]) -> list[FoundRow]:
    """Those that the console does not say already."""
    shown = [one for one in summary.get("findings") or () if one["name"] not in SAID_ELSEWHERE]
    return found_rows({"findings": shown})
