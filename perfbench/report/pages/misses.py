"""Misses: the parts of a sweep page on what went wrong at each load: conditions of the SLO, and failures by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.report import facts
from perfbench.report.charts import FAULT_COLOURS, Chart, plotly_text
from perfbench.report.page import Cell, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.drawing import figure
from perfbench.report.text import explain, grouped, harmless

Json = Mapping[str, Any]


def conditions_sections(done: Sequence[Json], summaries: Sequence[Json | None], over: str) -> list[Section]:
    """Each condition of the SLO at each load."""
    judged = [(p, facts.slo_rows((s or {}).get("slo"))) for p, s in zip(done, summaries, strict=True)]
    judged = [(p, rows) for p, rows in judged if rows]
    if not judged:
        return []
    heads = [words.UNITS[over], *(row.condition for row in judged[0][1])]
    rows = [
        [Cell(f"{p['load']:.4g}"), *(_judged(row) for row in found)]
        for p, found in judged
        if len(found) == len(heads) - 1
    ]
    return [Section("The SLO, condition by condition", (), (),
                    (words.table("Conditions by load", heads, rows, texts=heads[1:]),))]  # fmt: skip


def _judged(row: facts.SloRow) -> Cell:
    doubt = ", could be chance" if "could be chance" in row.why else ""
    return Cell(row.outcome, outcome=row.outcome, under=row.observed + doubt)


def kinds_of(summaries: Sequence[Json | None]) -> dict[str, int]:
    """Kinds of failures and how many, most frequent first."""
    found: dict[str, int] = {}
    for summary in summaries:
        for kind, count in ((summary or {}).get("requests") or {}).get("errors", {}).items():
            found[kind] = found.get(kind, 0) + count
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _count(summary: Json | None, kind: str) -> int:
    return int(((summary or {}).get("requests") or {}).get("errors", {}).get(kind, 0))


def error_charts(done: Sequence[Json], summaries: Sequence[Json | None]) -> list[Chart]:
    kinds = list(kinds_of(summaries))[: len(FAULT_COLOURS)]
    traces = [
        {"type": "bar", "name": plotly_text(kind), "x": [f"{p['load']:.4g}" for p in done],
         "y": [_count(s, kind) for s in summaries], "marker": {"color": colour, "line": {"width": 0}}}
        for kind, colour in zip(kinds, FAULT_COLOURS, strict=False)
    ]  # fmt: skip
    if not traces:
        return []
    shown = figure(traces, "load", "requests", x={"type": "category"}, barmode="stack")
    return [Chart("errors", "", "Failed requests by load", shown, wide=True)]


def error_tables(done: Sequence[Json], summaries: Sequence[Json | None], over: str) -> list[Table]:
    kinds = kinds_of(summaries)
    if not kinds:
        return []
    heads = ["kind", *(f"{p['load']:.4g}" for p in done), "what it means"]
    rows = [
        [Cell(harmless(kind, 40)),
         *(words.plain(grouped(count) if (count := _count(s, kind)) else "") for s in summaries),
         Cell(explain(kind), dim=True)]
        for kind in kinds
    ]  # fmt: skip
    return [words.table(f"Failures by load, {words.UNITS[over]}", heads, rows, texts=("kind", "what it means"))]
