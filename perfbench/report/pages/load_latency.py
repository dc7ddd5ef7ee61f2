"""Load latency: charts of a sweep that show latency, against throughput and against load, and what an SLO allows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.metrics.slo import Condition, resolve
from perfbench.report.charts import Chart, Figure
from perfbench.report.facts import LATENCIES
from perfbench.report.pages import words
from perfbench.report.pages.drawing import area, curve, figure, limit_label, load_axis, rule, whiskers

Json = Mapping[str, Any]
COLOURS = {"p50": "@blue", "p90": "@sky", "p95": "@purple", "p99": "@orange", "p99_9": "@red", "mean": "@grey"}
DRAWN = ("p50", "p90", "p99")
WIDE_SPREAD = 40
"""Slowest over fastest beyond which latencies are drawn on a logarithmic axis."""


def name_of(plain: str, over: str) -> str:
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
        if each.statistic is not None and each.comparison in ("<", "<=") and name_of(each.metric, over) == name
    ]  # fmt: skip


def _statistics(limits: Sequence[Condition]) -> list[str]:
    asked = {str(each.statistic).replace(".", "_") for each in limits}
    return [name for name in COLOURS if name in DRAWN or name in asked]


def trade_offs(done: Sequence[Json], over: str, conditions: Sequence[Condition]) -> list[Chart]:
    found = []
    rates = [p["requests_per_s"] for p in done]
    for plain in ("ttft", "e2e"):
        name = name_of(plain, over)
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


def by_load(done: Sequence[Json], over: str, conditions: Sequence[Condition]) -> list[Chart]:
    loads = [p["load"] for p in done]
    if not loads:
        return []
    axis = load_axis(loads)
    found = []
    for plain in ("ttft", "tpot", "e2e"):
        name = name_of(plain, over)
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
