"""Charts: the figures of the page, as plain Plotly dicts; colours are names that the page's script puts in.

Scores are drawn with their intervals, because a bar without one says more than is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from evalcore.report.facts import is_share
from evalcore.report.schema import Estimate, Part, Protocol, Report
from perfbench.report.charts import Chart, plotly_text

ROW_PX = 22
PARTS_DRAWN = 80
"""Of more subsets or categories, the lowest and the highest half of these."""


def charts(reports: Sequence[Report]) -> list[Chart]:
    """One of all headlines when there are several benchmarks; then subsets and categories of each."""
    found = [_headlines(reports)] if sum(bool(report.protocols) for report in reports) > 1 else []
    for number, report in enumerate(reports):
        for word, parts in (("subset", report.subsets), ("category", report.categories)):
            chart = _parts(report, number, word, parts)
            if chart is not None:
                found.append(chart)
    return found


def height_px(chart: Chart) -> int:
    """Room for a row each."""
    return max(160, 90 + ROW_PX * len(chart.figure["data"][0]["y"]))


def _headlines(reports: Sequence[Report]) -> Chart:
    scored = [report for report in reports if report.protocols]
    points = [(report.benchmark, report.protocols[report.headline]) for report in scored]
    return Chart(
        "headlines", "Scores", "Headline scores", _bars(points),
        "Whiskers are 95 % intervals.", wide=True,
    )  # fmt: skip


def _parts(report: Report, number: int, word: str, parts: Sequence[Part]) -> Chart | None:
    points: list[tuple[str, Estimate | Protocol]] = [
        (part.name, part.protocols[report.headline]) for part in parts if report.headline in part.protocols
    ]
    if len(points) < 2:
        return None
    points.sort(key=lambda point: point[1].score)
    note = "Sorted by score. Whiskers are 95 % intervals; with few items they are wide, and the order is then chance."
    if len(points) > PARTS_DRAWN:
        half = PARTS_DRAWN // 2
        note = f"The {half} lowest and the {half} highest of {len(points)}. " + note
        points = points[:half] + points[-half:]
    title = f"{report.benchmark}: {report.headline} by {word}"
    return Chart(f"{word}-{number}", report.benchmark, title, _bars(points[::-1]), note, wide=True)


def _bars(points: Sequence[tuple[str, Estimate | Protocol]]) -> dict[str, Any]:
    """Horizontal, the first on top. Per cent when all are shares."""
    shares = all(is_share(figure.score) for _, figure in points)
    scale = 100 if shares else 1
    names = _distinct([plotly_text(name) for name, _ in points])
    values = [scale * figure.score for _, figure in points]
    up = [0 if figure.high is None else scale * (figure.high - figure.score) for _, figure in points]
    down = [0 if figure.low is None else scale * (figure.score - figure.low) for _, figure in points]
    texts = [f"n = {figure.n if isinstance(figure, Estimate) else figure.micro.n}" for _, figure in points]
    bar = {
        "type": "bar", "orientation": "h", "y": names, "x": [round(value, 4) for value in values], "text": texts,
        "textposition": "none", "marker": {"color": "@sky"},
        "hovertemplate": "%{y}: %{x:.2f}" + ("\u202f%" if shares else "") + "<br>%{text}<extra></extra>",
        "error_x": {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": "@text",
                    "thickness": 2, "width": 3},
    }  # fmt: skip
    axis: dict[str, Any] = {"title": {"text": "score, %" if shares else "score"}, "rangemode": "tozero"}
    return {
        "data": [bar],
        "layout": {
            "hovermode": "closest",
            "bargap": 0.35,
            "margin": {"l": 52, "r": 12, "t": 10, "b": 52},
            "xaxis": axis | ({"range": [0, 100]} if shares else {}),
            "yaxis": {"autorange": "reversed", "type": "category", "tickmode": "array", "tickvals": names},
        },
    }


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that look the same once shortened stay different bars, by spaces of no width."""
    seen = Counter[str]()
    found = []
    for name in names:
        found.append(name + "\u200b" * seen[name])
        seen[name] += 1
    return found
