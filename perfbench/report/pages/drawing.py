"""Drawing: figures against load rather than time, as plain Plotly dicts. What charts of several pages have in common.

Colours are names, as in `charts`. On a logarithmic axis plotly places shapes by value and annotations by exponent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.report.charts import Figure, plotly_text

Value = float | None
OUTCOME_MARKS = {
    "met": ("@green", "circle"), "missed": ("@red", "x"), "inconclusive": ("@yellow", "diamond-open"),
}  # fmt: skip
"""Colour and symbol: the meaning never hangs on colour alone."""
UNKNOWN_MARK = ("@grey", "circle-open")


def rounded(values: Sequence[Value], digits: int = 6) -> list[Value]:
    """Of that many significant digits; None (a gap) for what is missing or not finite."""
    return [None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}") for value in values]


def curve(x: Sequence[Value], y: Sequence[Value], name: str, colour: str, **more: Any) -> Figure:
    """A line with a mark at each point."""
    trace = {
        "type": "scatter", "mode": "lines+markers", "x": rounded(x), "y": rounded(y), "name": plotly_text(name),
        "line": {"color": colour, "width": 2}, "marker": {"color": colour, "size": 7},
    }  # fmt: skip
    return trace | more


def whiskers(y: Sequence[Value], low: Sequence[Value], high: Sequence[Value], colour: str) -> Figure:
    """Intervals around y for `error_y` or `error_x`; nothing where one end is unknown."""
    both = [
        (None, None) if None in (at, lower, upper) else (at - lower, upper - at)  # type: ignore[operator]
        for at, lower, upper in zip(y, low, high, strict=True)
    ]
    return {
        "type": "data", "symmetric": False, "array": rounded([up for _, up in both]),
        "arrayminus": rounded([down for down, _ in both]), "color": colour, "thickness": 1.4, "width": 4,
    }  # fmt: skip


def band(x: Sequence[Value], low: Sequence[Value], high: Sequence[Value], name: str, fill: str) -> list[Figure]:
    """The area between two lines, where both are known."""
    known = [
        (at, lower, upper) for at, lower, upper in zip(x, low, high, strict=True) if None not in (at, lower, upper)
    ]
    if len(known) < 2:
        return []
    xs, lows, highs = (rounded(column) for column in zip(*known, strict=True))
    return [
        {
            "type": "scatter", "mode": "lines", "x": [*xs, *reversed(xs)], "y": [*highs, *reversed(lows)],
            "fill": "toself", "fillcolor": fill, "line": {"width": 0}, "hoverinfo": "skip", "name": plotly_text(name),
        }
    ]  # fmt: skip


def figure(
    traces: Sequence[Figure], x_title: str, y_title: str, *, x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None, **layout: Any,
) -> Figure:  # fmt: skip
    found = {
        "xaxis": {"title": {"text": x_title}} | dict(x or {}),
        "yaxis": {"title": {"text": y_title}, "rangemode": "tozero"} | dict(y or {}),
        "hovermode": "closest",
    }
    return {"data": list(traces), "layout": found | layout}


def rule(x: float | None = None, y: float | None = None, colour: str = "@text", dash: str = "dash") -> Figure:
    """A line across the whole chart, upright at x or level at y."""
    place: Figure = (
        {"xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1}
        if x is not None
        else {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": y, "y1": y}
    )
    return {"type": "line", "line": {"color": colour, "width": 1.2, "dash": dash}} | place


def area(fill: str, *, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None) -> Figure:
    """A shaded part of the chart: between two x, or two y."""
    return {
        "type": "rect", "xref": "paper" if x is None else "x", "yref": "paper" if y is None else "y",
        "x0": 0 if x is None else x[0], "x1": 1 if x is None else x[1], "y0": 0 if y is None else y[0],
        "y1": 1 if y is None else y[1], "fillcolor": fill, "line": {"width": 0}, "layer": "below",
    }  # fmt: skip


def label(text: str, x: float, y: float, *, logarithmic: bool = False, **more: Any) -> Figure:
    """A text at x, at a share y of the height."""
    return {
        "x": math.log10(x) if logarithmic else x, "xref": "x", "y": y, "yref": "paper", "text": plotly_text(text),
        "showarrow": False, "xanchor": "left", "xshift": 4, "font": {"size": 11, "color": "@text"}, "bgcolor": "@panel",
    } | more  # fmt: skip


def limit_label(text: str, y: float) -> Figure:
    """A text at the left end of a level line, where curves that rise with the load are not."""
    return {
        "x": 0, "xref": "paper", "y": y, "yref": "y", "text": plotly_text(text), "showarrow": False, "xanchor": "left",
        "yanchor": "bottom", "font": {"size": 11, "color": "@text"},
    }  # fmt: skip


def load_axis(loads: Sequence[float]) -> dict[str, Any]:
    """Logarithmic where loads spread over more than a factor of 12, with a tick at each load where there is room."""
    spread = bool(loads) and max(loads) > 12 * min(loads)
    axis: dict[str, Any] = {"type": "log" if spread else "linear"}
    if len(loads) <= 10 and spread:
        axis |= {"tickvals": list(loads), "ticktext": [f"{load:.4g}" for load in loads]}
    return axis
