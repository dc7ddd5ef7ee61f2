"""HTML: the report page of a run, one file that needs nothing else.

How foreign text is kept harmless in it: see `page`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from perfbench.engine.errors import NoData
from perfbench.metrics.columns import Columns, columns
from perfbench.metrics.throughput import window_ns
from perfbench.report import facts, series
from perfbench.report.charts import Chart, Data, charts
from perfbench.report.found import found_rows
from perfbench.report.page import filled, render_page
from perfbench.report.parts import PART_HEADS, part_tables, session_facts, workload_sentence
from perfbench.report.quality import QUALITY_HEADS, quality_answers, quality_facts, quality_rows
from perfbench.report.server import server_charts, server_facts
from perfbench.report.steadiness import steady_method, steady_rows, warmup_sentence
from perfbench.report.text import harmless, load_shape, open_loop, span, target
from perfbench.runfolder import REPORT, RunFolder, RunInfo, write_whole


def write_report(folder: RunFolder, summary: dict[str, Any]) -> Path:
    """Write report.html into the folder, from its records and what `summary` says of them."""
    path = folder.file(REPORT)
    write_whole(path, render(summary, columns(folder.records()), folder).encode())
    return path


def render(summary: dict[str, Any], found: Columns, folder: RunFolder) -> str:
    """The whole page."""
    drawn, values = contents(summary, found, folder)
    return render_page("report.html", drawn, **values)


def contents(summary: dict[str, Any], found: Columns, folder: RunFolder) -> tuple[list[Chart], dict[str, Any]]:
    """(the charts, what report.html says beside them)."""
    info = folder.info()
    scenario = summary.get("scenario") or {}
    data = _data(summary, found, folder, info)
    drawn = [*charts(data), *server_charts(data, folder.server_samples())] if data is not None else []
    client = summary.get("client") or {}
    values = {
        "title": harmless(scenario.get("name") or "run"),
        "model": harmless(scenario.get("model") or ""),
        "target": target(scenario),
        "load": load_shape(scenario),
        "when": _when(info),
        "ended": _ended(info),
        "notes": [harmless(note, 1000) for note in summary.get("notes") or ()],
        "verdict": harmless(client.get("verdict") or "unknown"),
        "verdict_meaning": facts.VERDICT_MEANINGS.get(client.get("verdict") or "unknown", ""),
        "reasons": [harmless(reason, 400) for reason in client.get("reasons") or ()],
        "client": facts.client_facts(client),
        "answers": [*facts.answers(summary), *quality_answers(summary)],
        "found": found_rows(summary),
        "slo": facts.slo_word(summary.get("slo")),
        "slo_rows": facts.slo_rows(summary.get("slo")),
        "tiles": facts.tiles(summary),
        "counts": facts.count_facts(summary.get("requests") or {}),
        "latency_columns": facts.COLUMNS,
        "succeeded": found.ok.any(),
        "latencies": facts.latency_rows(summary.get("latency_ms") or {}),
        "workload": workload_sentence(summary),
        "sessions": session_facts(summary.get("sessions")),
        "part_heads": PART_HEADS,
        "part_tables": part_tables(summary),
        "quality_heads": QUALITY_HEADS,
        "quality_rows": quality_rows(summary),
        "quality": quality_facts(summary),
        "errors": facts.error_rows(summary.get("requests") or {}),
        "audit": facts.audit_facts(summary.get("arrivals")),
        "audit_verdict": harmless((summary.get("arrivals") or {}).get("verdict") or "", 400),
        "steady": facts.steady_sentence(summary.get("steady_state")),
        "steady_rows": steady_rows(summary),
        "steady_method": steady_method(summary),
        "warmup": warmup_sentence(summary),
        "servers": server_facts(summary.get("server")),
        "groups": _grouped(drawn),
        "scenario": _yaml(scenario),
        "environment": facts.flat(summary.get("environment") or {}),
    }
    return drawn, values


def _data(summary: dict[str, Any], found: Columns, folder: RunFolder, info: RunInfo | None) -> Data | None:
    """What charts are made from; None when nothing was ever sent."""
    try:
        from_ns, to_ns = window_ns(found)
    except NoData:
        return None
    scenario = summary.get("scenario") or {}
    zero_ns = info.began_ns if info is not None else from_ns
    steady = summary.get("steady_state")
    return Data(
        columns=found,
        samples=sorted(folder.client_samples(), key=lambda sample: sample.to_ns),
        latency_ms=summary.get("latency_ms") or {},
        zero_ns=zero_ns,
        # A bin should hold some requests, or rates are a comb of zeros.
        bins=series.bins(min(from_ns, zero_ns), to_ns, most=min(max(found.size // 8, 10), series.MOST_BINS)),
        steady_ns=None
        if not steady
        else (zero_ns + round(steady["from_s"] * 1e9), zero_ns + round(steady["to_s"] * 1e9)),
        stationary=bool(steady and steady["stationary"]),
        open_loop=open_loop(scenario),
        arrival=str(scenario.get("arrival") or ""),
    )


def _grouped(drawn: list[Chart]) -> dict[str, list[Chart]]:
    """Charts by heading."""
    groups: dict[str, list[Chart]] = {}
    for chart in drawn:
        groups.setdefault(chart.group, []).append(chart)
    return {name: filled(group) for name, group in groups.items()}


def _when(info: RunInfo | None) -> str:
    if info is None:
        return ""
    try:
        began = datetime.fromisoformat(info.started_at).strftime("%d %B %Y, %H:%M:%S %Z").strip()
    except ValueError:
        began = harmless(info.started_at)
    lasted = "" if info.ended_ns is None else f", sent for {span((info.ended_ns - info.began_ns) / 1e9)}"
    return began + lasted


ENDED = {
    "number": "all requests were sent",
    "duration": "the time was up",
    "interrupted": "it was interrupted: what follows is what was finished by then",
    "aborted": "it was aborted: what follows is what was finished by then",
    "watched": "it was ended early, because what it was to find out was known",
}


def _ended(info: RunInfo | None) -> str:
    if info is None:
        return ""
    return ENDED.get(info.ended or "", "the run did not come to its end; this is what it left behind")


def _yaml(scenario: dict[str, Any]) -> str:
    """The scenario as it could be run again; escapes in its strings stay visible."""
    given = {name: value for name, value in scenario.items() if value not in (None, [], {}, ())}
    return yaml.safe_dump(given, sort_keys=False, allow_unicode=False, width=100)
