"""Sweep page: what an endpoint carries at each of several loads, and where it begins to give way.

Made from sweep.json (`perfbench.capacity.sweep.Sweep`) and, where they are there, the summaries of its points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from perfbench.engine.errors import ScenarioError
from perfbench.metrics.slo import Condition, parse_slo, resolve
from perfbench.report import facts
from perfbench.report.charts import FAULT_COLOURS, Chart, Figure, plotly_text
from perfbench.report.facts import LATENCIES, NO_VALUE, Answer, Fact
from perfbench.report.page import Cell, Page, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.answers import answers_said, answers_sections
from perfbench.report.pages.drawing import (
    OUTCOME_MARKS,
    UNKNOWN_MARK,
    area,
    band,
    curve,
    figure,
    label,
    limit_label,
    load_axis,
    rule,
    whiskers,
)
from perfbench.report.text import explain, grouped, harmless, number, share
from perfbench.runfolder import REPORT, SUMMARY

Json = Mapping[str, Any]
COLOURS = {"p50": "@blue", "p90": "@sky", "p95": "@purple", "p99": "@orange", "p99_9": "@red", "mean": "@grey"}
DRAWN = ("p50", "p90", "p99")
NOTHING = 1e-9
"""A coefficient below that costs nothing at any load."""
WIDE_SPREAD = 40
"""Slowest over fastest beyond which latencies are drawn on a logarithmic axis."""


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
        Section("Throughput against latency", _region_said(conditions), tuple(_trade_offs(done, over, conditions))),
        Section("Throughput by load", _scaling_said(fit, over), tuple(_scaling(done, fit, over)),
                tuple(_fit_tables(fit))),
        Section("Latency by load", (), tuple(_by_load(done, over, conditions))),
        Section("Every load", ("The first column leads to the report of each run.",), (),
                (_points_table(sweep["points"], over, bool(sweep.get("slo"))),)),
        *answers_sections(sweep, done, over),
        *_conditions_section(done, summaries, over),
        Section("Errors", () if any(_kinds(summaries)) else ("No request failed.",),
                tuple(_error_charts(done, summaries)), tuple(_error_tables(done, summaries, over))),
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
        else f"{amount['number']} requests"
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


# Charts


def _name_of(plain: str, over: str) -> str:
    return resolve(plain, open_loop=over == "rate")


def _of(point: Json, name: str, statistic: str) -> float | None:
    value: float | None = (point["latency_ms"].get(name) or {}).get(statistic)
    return value


def _ends(points: Sequence[Json], name: str, statistic: str) -> tuple[list[float | None], list[float | None]]:
    pairs = [(point["latency_ms"].get(name) or {}).get(f"{statistic}_ci") or (None, None) for point in points]
    return [low for low, _ in pairs], [high for _, high in pairs]


def _limits(conditions: Sequence[Condition], name: str, over: str) -> list[Condition]:
    """Conditions that set an upper limit to that latency."""
    return [
        each for each in conditions
        if each.statistic is not None and each.comparison in ("<", "<=") and _name_of(each.metric, over) == name
    ]  # fmt: skip


def _statistics(limits: Sequence[Condition]) -> list[str]:
    asked = {str(each.statistic).replace(".", "_") for each in limits}
    return [name for name in COLOURS if name in DRAWN or name in asked]


def _region_said(conditions: Sequence[Condition]) -> tuple[str, ...]:
    if not conditions:
        return ("Each point is a load; right is more throughput, down is less waiting.",)
    return (
        "Each point is a load; right is more throughput, down is less waiting. The green part is what the SLO allows.",
    )


def _trade_offs(done: Sequence[Json], over: str, conditions: Sequence[Condition]) -> list[Chart]:
    found = []
    rates = [p["requests_per_s"] for p in done]
    for plain in ("ttft", "e2e"):
        name = _name_of(plain, over)
        limits = _limits(conditions, name, over)
        traces: list[Figure] = []
        for statistic in _statistics(limits):
            values = [_of(p, name, statistic) for p in done]
            if all(value is None for value in values):
                continue
            colour = COLOURS[statistic]
            trace = curve(
                rates, values, statistic, colour, error_y=whiskers(values, *_ends(done, name, statistic), colour)
            )
            trace |= {"customdata": [f"{p['load']:.4g}" for p in done],
                      "hovertemplate": f"{words.UNITS[over]} %{{customdata}}: %{{y}} ms at %{{x}} req/s"}  # fmt: skip
            if not traces:
                trace |= {"mode": "lines+markers+text", "text": [f"{p['load']:.4g}" for p in done],
                          "textposition": "bottom center", "textfont": {"size": 11, "color": "@muted"}}  # fmt: skip
            traces.append(trace)
        if not traces:
            continue
        shown = figure(traces, "requests/s", "ms", **_under(limits))
        top = max(value for trace in traces for value in trace["y"] if value is not None)
        shown["layout"]["yaxis"] |= {"range": [-0.09 * top, 1.06 * top]}  # room for the numbers below the points
        _maybe_logarithmic(shown)
        note = f"Numbers at the points: {'requests a second asked' if over == 'rate' else 'requests in flight'}."
        if any(value is None for trace in traces for value in trace["y"]):
            note += " A percentile is missing where too few requests stand behind it."
        label_of, meaning = LATENCIES[name]
        found.append(Chart(f"trade-{plain}", "", f"{label_of}, {meaning}, against throughput", shown, note))
    return found


def _under(limits: Sequence[Condition]) -> dict[str, Any]:
    """The part of a chart that the limits allow, and a line for each of them."""
    if not limits:
        return {}
    tightest = min(each.limit for each in limits)
    return {
        "shapes": [area("@green-fill", y=(0, tightest)), *(rule(y=each.limit, colour="@green") for each in limits)],
        "annotations": [limit_label(each.text, each.limit) for each in limits],
    }


def _maybe_logarithmic(shown: Figure) -> None:
    values = [value for trace in shown["data"] for value in trace["y"] if value is not None and value > 0]
    if values and max(values) > WIDE_SPREAD * min(values):
        shown["layout"]["yaxis"] |= {
            "type": "log",
            "range": [math.log10(min(values) / 2), math.log10(1.3 * max(values))],
        }
        for shape in shown["layout"].get("shapes", ()):
            if shape["yref"] == "y" and shape["y0"] == 0:
                shape["y0"] = min(values) / 10
        for note in shown["layout"].get("annotations", ()):
            if note["yref"] == "y":
                note["y"] = math.log10(note["y"])


def _scaling(done: Sequence[Json], fit: Json | None, over: str) -> list[Chart]:
    rated = [p for p in done if p["requests_per_s"] is not None]
    if not rated:
        return []
    loads = [p["load"] for p in rated]
    axis = load_axis(loads)
    logarithmic = axis["type"] == "log"
    traces: list[Figure] = []
    shapes, notes = [], []
    if fit is not None:
        x, middle, low, high = zip(*fit["band"], strict=True)
        traces += band(x, low, high, "95 % band of the law", "@blue-fill")
        traces.append(curve(x, middle, "Universal Scalability Law", "@blue", mode="lines"))
        for at, (name, height) in enumerate((("knee", 0.04), ("peak", 0.16))):
            if fit[name] is not None and fit[name] <= max(x):
                shapes.append(rule(x=fit[name], colour="@text" if at else "@muted"))
                notes.append(label(f"{name} {number(fit[name])}", fit[name], height, logarithmic=logarithmic))
    elif over == "rate":
        traces.append(curve(loads, loads, "asked", "@grey", mode="lines", line={"color": "@grey", "dash": "dot"}))
    rates = [p["requests_per_s"] for p in rated]
    ends = [p["requests_per_s_ci"] or (None, None) for p in rated]
    marks = [OUTCOME_MARKS.get(p["slo"] or "", UNKNOWN_MARK) for p in rated]
    measured = curve(
        loads, rates, "measured", "@text", mode="markers" if fit is not None else "lines+markers",
        error_y=whiskers(rates, [low for low, _ in ends], [high for _, high in ends], "@text"),
    )  # fmt: skip
    measured["line"] = {"color": "@grey", "width": 1.5}
    measured["marker"] = {"size": 9, "color": [c for c, _ in marks] if any(p["slo"] for p in rated) else "@text",
                          "symbol": [s for _, s in marks] if any(p["slo"] for p in rated) else "circle"}  # fmt: skip
    traces.append(measured)
    shown = figure(traces, f"load, {words.UNITS[over]}", "requests/s", x=axis, shapes=shapes, annotations=notes)
    note = "Whiskers are 95 % intervals."
    if any(p["slo"] for p in rated):
        note += " Green circle: SLO met; red cross: missed; yellow diamond: inconclusive."
    found = [Chart("throughput", "", "Requests a second by load", shown, note, wide=True)]
    tokens = [p["output_tokens_per_s"] for p in rated]
    if any(tokens):
        traces = [curve(loads, tokens, "output tokens/s", "@green")]
        shown = figure(traces, f"load, {words.UNITS[over]}", "tokens/s", x=axis)
        found.append(Chart("tokens", "", "Output tokens a second by load", shown))
    if over == "rate":
        traces = [curve(loads, [p["in_flight"] for p in rated], "in flight, mean", "@purple")]
        shown = figure(traces, f"load, {words.UNITS[over]}", "requests", x=axis)
        found.append(Chart("in-flight", "", "Requests in flight by load", shown))
    return found


def _scaling_said(fit: Json | None, over: str) -> tuple[str, ...]:
    if fit is not None:
        return (f"The Universal Scalability Law, fitted to {fit['points']} loads; it leaves"
                f" {share(fit['residual'])} of the throughput unexplained.",)  # fmt: skip
    if over == "parallel":
        return ("Too few loads for a scaling law: it needs four different ones that were run whole.",)
    return ()


def _fit_tables(fit: Json | None) -> list[Table]:
    if fit is None:
        return []
    rows = (
        ("one at a time, requests/s", fit["gamma"], fit["gamma_ci"], "throughput of one request in flight"),
        ("contention α", fit["alpha"], fit["alpha_ci"], "what waiting for something shared costs"),
        ("coherency β", fit["beta"], fit["beta_ci"], "what keeping each other informed costs"),
        ("knee, in flight", fit["knee"], fit["knee_ci"], "where more in flight begins to buy waiting, not throughput"),
        ("peak, in flight", fit["peak"], fit["peak_ci"], "where throughput is largest"),
        ("ceiling, requests/s", fit["ceiling_per_s"], fit["ceiling_ci"], "the largest throughput the law allows"),
    )
    cells = [
        (Cell(name), words.plain(_small(value)), words.plain(NO_VALUE if ends is None else _small_ends(ends)),
         Cell(what, dim=True))
        for name, value, ends, what in rows
    ]  # fmt: skip
    return [words.table("The scaling law", ("", "fitted", "95 % sure", "what it is"), cells, texts=("", "what it is"))]


def _small(value: float | None) -> str:
    if value is None:
        return NO_VALUE
    return "0" if abs(value) < NOTHING else f"{value:.2e}" if abs(value) < 0.001 else number(value)


def _small_ends(ends: Sequence[float | None]) -> str:
    return f"{_small(ends[0])} to {'no limit seen' if ends[1] is None else _small(ends[1])}"


def _by_load(done: Sequence[Json], over: str, conditions: Sequence[Condition]) -> list[Chart]:
    loads = [p["load"] for p in done]
    if not loads:
        return []
    axis = load_axis(loads)
    found = []
    for plain in ("ttft", "tpot", "e2e"):
        name = _name_of(plain, over)
        limits = _limits(conditions, name, over)
        traces: list[Figure] = []
        for statistic in _statistics(limits):
            values = [_of(p, name, statistic) for p in done]
            if any(value is not None for value in values):
                colour = COLOURS[statistic]
                ends = whiskers(values, *_ends(done, name, statistic), colour)
                traces.append(curve(loads, values, statistic, colour, error_y=ends))
        if traces:
            shown = figure(traces, f"load, {words.UNITS[over]}", "ms", x=axis, **_under(limits))
            _maybe_logarithmic(shown)
            found.append(Chart(f"load-{plain}", "", f"{LATENCIES[name][0]}, {LATENCIES[name][1]}", shown,
                               "Percentiles with 95 % intervals where they can be told."))  # fmt: skip
    return found


# Tables


def _points_table(points: Sequence[Json], over: str, with_slo: bool) -> Table:
    first, whole = _name_of("ttft", over), _name_of("e2e", over)
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


def _conditions_section(done: Sequence[Json], summaries: Sequence[Json | None], over: str) -> list[Section]:
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


def _kinds(summaries: Sequence[Json | None]) -> dict[str, int]:
    """Kinds of failures and how many, most frequent first."""
    found: dict[str, int] = {}
    for summary in summaries:
        for kind, count in ((summary or {}).get("requests") or {}).get("errors", {}).items():
            found[kind] = found.get(kind, 0) + count
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def _count(summary: Json | None, kind: str) -> int:
    return int(((summary or {}).get("requests") or {}).get("errors", {}).get(kind, 0))


def _error_charts(done: Sequence[Json], summaries: Sequence[Json | None]) -> list[Chart]:
    kinds = list(_kinds(summaries))[: len(FAULT_COLOURS)]
    traces = [
        {"type": "bar", "name": plotly_text(kind), "x": [f"{p['load']:.4g}" for p in done],
         "y": [_count(s, kind) for s in summaries], "marker": {"color": colour, "line": {"width": 0}}}
        for kind, colour in zip(kinds, FAULT_COLOURS, strict=False)
    ]  # fmt: skip
    if not traces:
        return []
    shown = figure(traces, "load", "requests", x={"type": "category"}, barmode="stack")
    return [Chart("errors", "", "Failed requests by load", shown, wide=True)]


def _error_tables(done: Sequence[Json], summaries: Sequence[Json | None], over: str) -> list[Table]:
    kinds = _kinds(summaries)
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
