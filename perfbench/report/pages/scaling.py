"""Scaling: the part of a sweep page on throughput by load, with the scaling law where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.report.charts import Chart, Figure
from perfbench.report.facts import NO_VALUE
from perfbench.report.page import Cell, Table
from perfbench.report.pages import words
from perfbench.report.pages.drawing import (
    OUTCOME_MARKS,
    UNKNOWN_MARK,
    band,
    curve,
    figure,
    label,
    load_axis,
    rule,
    whiskers,
)
from perfbench.report.text import number, share

Json = Mapping[str, Any]
NOTHING = 1e-9
"""A coefficient below that costs nothing at any load."""


def scaling_charts(done: Sequence[Json], fit: Json | None, over: str) -> list[Chart]:
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


def scaling_said(fit: Json | None, over: str) -> tuple[str, ...]:
    if fit is not None:
        return (f"The Universal Scalability Law, fitted to {fit['points']} loads; it leaves"
                f" {share(fit['residual'])} of the throughput unexplained.",)  # fmt: skip
    if over == "parallel":
        return ("Too few loads for a scaling law: it needs four different ones that were run whole.",)
    return ()


def fit_tables(fit: Json | None) -> list[Table]:
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
