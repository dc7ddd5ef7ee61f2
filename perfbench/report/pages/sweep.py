"""Sweep page: what an endpoint carries at each of several loads, and where it begins to give way.

Made from sweep.json (`perfbench.capacity.sweep.Sweep`) and, where they are there, the summaries of its points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.errors import ScenarioError
from perfbench.metrics.slo import Condition, parse_slo
from perfbench.report import facts
from perfbench.report.facts import NO_VALUE, Answer, Fact
from perfbench.report.page import Cell, Page, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.answers import answers_said, answers_sections
from perfbench.report.pages.load_latency import by_load, name_of, trade_offs
from perfbench.report.pages.misses import conditions_sections, error_charts, error_tables, kinds_of
from perfbench.report.pages.scaling import fit_tables, scaling_charts, scaling_said
from perfbench.report.text import grouped, harmless, number, share
from perfbench.runfolder import REPORT, SUMMARY

Json = Mapping[str, Any]


def sweep_page(sweep: Json, folder: Path | None = None) -> Page:
    """`folder` is that of sweep.json: the summaries of points are read from it, and links lead into it."""
    over, scenario, fit = str(sweep["over"]), sweep.get("scenario") or {}, sweep.get("scaling")
    done = [point for point in sweep["points"] if point["state"] == "done"]
    summaries = [_summary(folder, point) for point in done]
    conditions = _conditions(sweep.get("slo"))
    title, where = words.heading(scenario, "sweep")
    loads = [point["load"] for point in done]
    lead = "no load was run" if not loads else (
        f"{len(loads)} loads, {loads[0]:.4g} to {words.of_load(loads[-1], over)}, against {where}"
    )  # fmt: skip
    sections = [
        Section("Throughput against latency", _region_said(conditions), tuple(trade_offs(done, over, conditions))),
        Section("Throughput by load", scaling_said(fit, over), tuple(scaling_charts(done, fit, over)),
                tuple(fit_tables(fit))),
        Section("Latency by load", (), tuple(by_load(done, over, conditions))),
        Section("Every load", ("The first column leads to the report of each run.",), (),
                (_points_table(sweep["points"], over, bool(sweep.get("slo"))),)),
        *answers_sections(sweep, done, over),
        *conditions_sections(done, summaries, over),
        Section("Errors", () if any(kinds_of(summaries)) else ("No request failed.",),
                tuple(error_charts(done, summaries)), tuple(error_tables(done, summaries, over))),
        Section("Scenario", ("What all loads have in common.",), code=words.scenario_yaml(scenario)),
    ]  # fmt: skip
    return Page(
        kicker="perfbench sweep", title=title, lead=lead, about=_about(sweep), answers=_answers(sweep, done, over),
        warnings=_warnings(sweep, done, fit), tiles=_tiles(sweep, done, over), words=_meanings(over),
        sections=tuple(section for section in sections if section.said or section.charts or section.tables
                       or section.code),
    )  # fmt: skip


def _summary(folder: Path | None, point: Json) -> Json | None:
    """summary.json of a point; None when the run folder is no longer there."""
    if folder is None or point["folder"] is None:
        return None
    file = folder / str(point["folder"]) / SUMMARY
    if not file.is_file():
        return None
    found: Json = orjson.loads(file.read_bytes())
    return found


def _conditions(slo: str | None) -> tuple[Condition, ...]:
    if slo is None:
        return ()
    try:
        return parse_slo(slo).conditions
    except ScenarioError:  # of another version: the page is worth having without its limits
        return ()


def _about(sweep: Json) -> tuple[str, ...]:
    amount = sweep["amount"]
    each = (
        f"{amount['per_load']:g} requests per unit of load"
        if amount["per_load"] is not None
        else f"{amount['duration_s']:g} s"
        if amount["duration_s"] is not None
        else f"{', '.join(map(str, (amount.get('numbers') or {'': amount['number']}).values()))} requests"
    )
    said = f"{each} at each load, {harmless(sweep['order'])}; began {harmless(sweep['started_at'])}"
    return (said + (f"; SLO: {harmless(sweep['slo'], 400)}" if sweep.get("slo") else ""),)


def _answers(sweep: Json, done: Sequence[Json], over: str) -> tuple[Answer, ...]:
    best = max((p for p in done if p["requests_per_s"] is not None), key=lambda p: p["requests_per_s"], default=None)
    if best is None:
        return (words.answer("nothing carried", "missed", "not one request succeeded"),)
    rate = f"{number(best['requests_per_s'])} requests a second at {words.of_load(best['load'], over)}"
    found = [words.answer("carried most", None, rate)]
    if sweep.get("slo"):
        found.append(_slo_answer(done, over))
    found += answers_said(sweep)
    fit = sweep.get("scaling")
    if fit is not None and fit["peak"] is not None:
        told = f"throughput is largest at {number(fit['peak'])} in flight ({words.sure(fit['peak_ci'])})"
        knee = "" if fit["knee"] is None else f"; from {number(fit['knee'])} on, more of them mostly wait"
        found.append(words.answer("peak", None, told + knee))
    return tuple(found)


def _slo_answer(done: Sequence[Json], over: str) -> Answer:
    of = {name: [p["load"] for p in done if p["slo"] == name] for name in ("met", "missed", "inconclusive")}
    said = [
        f"{name} at {', '.join(f'{load:.4g}' for load in loads)}" for name, loads in of.items() if loads
    ]  # fmt: skip
    outcome = "met" if of["met"] else "missed" if of["missed"] and not of["inconclusive"] else "inconclusive"
    return words.answer("SLO", outcome, f"{'; '.join(said)} {words.UNITS[over]}")


def _warnings(sweep: Json, done: Sequence[Json], fit: Json | None) -> tuple[str, ...]:
    found = [harmless(warning, 400) for warning in (fit or {}).get("warnings") or ()]
    limited = [f"{p['load']:.4g}" for p in done if p["verdict"] == "saturated"]
    if limited:
        found.insert(0, f"at {', '.join(limited)} this client was the limit: those figures are its own")
    if sweep.get("stopped"):
        found.append(f"ended early: {harmless(sweep['stopped'], 400)}")
    if sweep.get("ended") == "interrupted":
        found.append("interrupted: what follows is what was finished by then")
    return tuple(found)


def _tiles(sweep: Json, done: Sequence[Json], over: str) -> tuple[Fact, ...]:
    rated = [p for p in done if p["requests_per_s"] is not None]
    if not rated:
        return ()
    best = max(rated, key=lambda p: p["requests_per_s"])
    found = [Fact("most requests/s", number(best["requests_per_s"]), words.sure(best["requests_per_s_ci"])),
             Fact("reached at", words.of_load(best["load"], over), f"of {len(done)} loads that were run")]  # fmt: skip
    if best["output_tokens_per_s"] is not None:
        found.append(Fact("output tokens/s there", number(best["output_tokens_per_s"])))
    if sweep.get("slo"):
        met = [p for p in done if p["slo"] == "met"]
        value = words.of_load(met[-1]["load"], over) if met else "none"
        found.append(Fact("largest that met the SLO", value, "of the loads that were run"))
    fit = sweep.get("scaling")
    if fit is not None:
        found += [
            Fact(name, number(fit[name]), words.sure(fit[f"{name}_ci"]))
            for name in ("knee", "peak")
            if fit[name] is not None
        ]
    return tuple(found)


def _region_said(conditions: Sequence[Condition]) -> tuple[str, ...]:
    if not conditions:
        return ("Each point is a load; right is more throughput, down is less waiting.",)
    return (
        "Each point is a load; right is more throughput, down is less waiting. The green part is what the SLO allows.",
    )


def _points_table(points: Sequence[Json], over: str, with_slo: bool) -> Table:
    first, whole = name_of("ttft", over), name_of("e2e", over)
    heads = [words.UNITS[over], "requests", "requests/s", "95 % sure", "tokens/s", "in flight", "TTFT p50", "TTFT p99",
             "TPOT p50", "E2E p50", "E2E p99", "failed", "client", *(["SLO"] if with_slo else [])]  # fmt: skip
    rows = []
    for p in points:
        at = f"{p['load']:.4g}"
        if p["state"] != "done":
            rows.append([Cell(at), Cell(f"({harmless(p['state'])})", dim=True), *[Cell("")] * (len(heads) - 2)])
            continue
        row = [
            words.link(at, p["folder"], REPORT), Cell(grouped(p["requests"])),
            words.figure(p["requests_per_s"], strong=True), words.plain(words.between(p["requests_per_s_ci"])),
            words.figure(p["output_tokens_per_s"]), words.figure(p["in_flight"]),
            *(words.plain(facts.cell(p["latency_ms"].get(name) or {}, column))
              for name, column in ((first, "p50"), (first, "p99"), ("tpot", "p50"), (whole, "p50"), (whole, "p99"))),
            words.plain(NO_VALUE if p["error_rate"] is None else share(p["error_rate"])),
            Cell(harmless(p["verdict"] or "unknown", 20)),
        ]  # fmt: skip
        rows.append([*row, words.word(p["slo"])] if with_slo else row)
    note = "Latencies in ms"
    note += ", from the instant a request was due." if over == "rate" else ", from the instant a request was written."
    return words.table("Every load", heads, rows, texts=("client", "SLO"), note=note)


def _meanings(over: str) -> tuple[tuple[str, str], ...]:
    base = (
        "Latencies count from the instant a request was due, so that a queue and a late client are in them."
        if over == "rate"
        else "Latencies count from the instant a request was written to the network."
    )
    return (
        ("TTFT, TPOT, E2E", f"Time to the first token, per output token after it, and to the end of the reply. {base}"),
        ("Knee and peak", "The knee is where the throughput of one request at a time, multiplied, meets the ceiling:"
         " the number in flight that is worth it. At the peak throughput is largest; beyond it more carries less."),
        ("Percentiles", "Nearest rank, with intervals that assume no distribution; without figures where too few"
         " requests stand behind them."),
        ("Client", "Whether this machine could keep up. Where it says saturated, the figures are its own."),
    )  # fmt: skip
