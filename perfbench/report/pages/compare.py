"""Comparison page: per figure the difference between two runs, its interval, and whether it is real.

Made from the JSON of a comparison (`perfbench.comparison.compare.Comparison.as_json`), with `said`, the whole of it in
a sentence, and where the raw values are known, with those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perfbench.metrics.columns import FloatArray
from perfbench.report import series
from perfbench.report.charts import Chart, Figure
from perfbench.report.facts import LATENCIES, NO_VALUE, Answer, Fact
from perfbench.report.page import Cell, Page, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.drawing import area, curve, figure, rounded, rule, whiskers
from perfbench.report.text import grouped, harmless, number, share

Json = Mapping[str, Any]
Values = Mapping[str, tuple[FloatArray, FloatArray]]
"""By name of a latency: its values in ms in the first and in the second run, shapes (n,) and (m,), no NaN."""
OUTCOMES = {"better": "met", "worse": "missed", "same": "", "undecided": "inconclusive"}
MARKS = {
    "better": ("@green", "circle"), "worse": ("@red", "x"), "same": ("@blue", "square"),
    "undecided": ("@yellow", "diamond-open"),
}  # fmt: skip
LABELS = {"requests_per_s": "requests/s", "output_tokens_per_s": "output tokens/s", "error_rate": "error rate"}
NINES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
FEWEST_BEYOND = 5
"""Values that must lie beyond a percentile before it is drawn."""


def compare_page(found: Json, said: str, values: Values | None = None) -> Page:
    """`values` are those behind the latencies of both sides; without them there are no distributions."""
    differences = list(found["differences"])
    sides = tuple(_about(found[name]) for name in ("first", "second"))
    counts = {verdict: sum(each["verdict"] == verdict for each in differences) for verdict in OUTCOMES}
    return Page(
        kicker="perfbench compare",
        title=f"{counts['worse']} figure{'s' * (counts['worse'] != 1)} worse, {counts['better']} better",
        lead=f"{harmless(found['first']['name'], 120)} → {harmless(found['second']['name'], 120)}",
        about=(f"first: {sides[0]}", f"second: {sides[1]}", f"result: {harmless(said, 600)}"),
        answers=tuple(_answers(differences)),
        warnings=(
            *(f"not comparable: {harmless(reason, 400)}" for reason in found["refused"]),
            *(harmless(note, 400) for note in found["notes"]),
        ),
        tiles=tuple(
            Fact(verdict, grouped(count), f"of {len(differences)} figures") for verdict, count in counts.items()
        ),
        sections=(
            Section("What changed", _changed_said(found), tuple(_forests(found, differences))),
            Section("Every figure", (), (), (_figures_table(differences),)),
            *_distribution_section(values or {}),
        ),
        words=_meanings(found),
    )


def _about(side: Json) -> str:
    tool = "" if side["tool"] == "perfbench" else f" ({harmless(side['tool'], 40)})"
    runs = "" if side["runs"] == 1 else f" in {side['runs']} runs"
    return f"{harmless(side['name'], 200)}{tool}, {grouped(side['requests'])} requests{runs}"


def _answers(differences: Sequence[Json]) -> list[Answer]:
    found = []
    for verdict in ("worse", "better"):
        named = [f"{_label(each)} {_change(each)}" for each in differences if each["verdict"] == verdict]
        if named:
            found.append(words.answer(verdict, OUTCOMES[verdict], ", ".join(named)))
    if not found:
        found.append(words.answer("no change", None, "nothing that chance could not have made"))
    return found


def _label(each: Json) -> str:
    name = harmless(each["metric"], 60)
    return LABELS.get(name, name) + (" (response)" if each["base"] == "response" else "")


def _signed(value: float, digits: int = 3) -> str:
    shown = number(abs(value), digits)
    return shown if shown == "0" else f"{'+' if value > 0 else '−'}{shown}"


def _change(each: Json) -> str:
    if each["difference"] is None:
        return NO_VALUE
    if each["unit"] == "share":
        return f"{_signed(each['difference'] * 100)} points"
    return NO_VALUE if each["relative"] is None else f"{_signed(each['relative'] * 100)} %"


def _changed_said(found: Json) -> tuple[str, ...]:
    return (
        f"Second against first, with 95 % intervals. Within the shaded part, {share(found['margin'])} to either side, a"
        " difference would not matter. To the right is more: worse for a latency, better for a rate.",
    )


def _forests(found: Json, differences: Sequence[Json]) -> list[Chart]:
    shares = [each for each in differences if each["unit"] == "share" and each["difference"] is not None]
    others = [each for each in differences if each["unit"] != "share" and each["relative"] is not None]
    drawn = []
    if others:
        rows = [(each, each["relative"], each["relative_low"], each["relative_high"]) for each in others]
        drawn.append(_forest("forest", "Relative differences", "difference, %", rows, found["margin"] * 100))
    if shares:
        rows = [(each, each["difference"], each["low"], each["high"]) for each in shares]
        drawn.append(_forest("forest-shares", "Differences of shares", "difference, points", rows, None))
    return drawn


def _forest(key: str, title: str, x_title: str, rows: Sequence[Any], margin: float | None) -> Chart:
    """A row a figure, the first on top: where the second run lies against the first."""
    order = [_label(each) for each, *_ in rows]
    traces = []
    for verdict, (colour, symbol) in MARKS.items():
        mine = [row for row in rows if row[0]["verdict"] == verdict]
        if not mine:
            continue
        middle, low, high = (
            [None if v is None else 100 * v for v in column] for column in list(zip(*mine, strict=True))[1:]
        )
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": verdict, "x": rounded(middle),
                "y": [_label(each) for each, *_ in mine], "marker": {"color": colour, "symbol": symbol, "size": 10},
                "error_x": whiskers(middle, low, high, colour), "hovertemplate": "%{y}: %{x}<extra></extra>",
            }
        )  # fmt: skip
    shapes = [rule(x=0, dash="solid", colour="@muted")]
    if margin is not None:
        shapes.append(area("@shade", x=(-margin, margin)))
    shown = figure(
        traces, x_title, "", shapes=shapes, showlegend=True,
        y={"type": "category", "categoryorder": "array", "categoryarray": order[::-1], "title": {"text": ""}},
        x={"zeroline": False},
    )  # fmt: skip
    note = "Green circle: better; red cross: worse; blue square: the same; yellow diamond: undecided."
    return Chart(key, "", title, shown, note, wide=True, tall=len(rows) > 8)


def _figures_table(differences: Sequence[Json]) -> Table:
    heads = [
        "figure",
        "first",
        "second",
        "difference",
        "95 % sure",
        "p, corrected",
        "verdict",
        "why, and what would tell",
    ]
    rows = [
        [
            Cell(_label(each)), words.plain(_value(each["first"], each["unit"])),
            words.plain(_value(each["second"], each["unit"])), words.plain(_change(each), strong=True),
            words.plain(_reach(each)), words.plain(NO_VALUE if each["p_holm"] is None else f"{each['p_holm']:.4f}"),
            Cell(harmless(each["verdict"]), outcome=OUTCOMES.get(each["verdict"], "")), Cell(_remark(each), dim=True),
        ] for each in differences
    ]  # fmt: skip
    return words.table("Every figure", heads, rows, texts=("figure", "verdict", "why, and what would tell"))


def _value(side: Json, unit: str) -> str:
    value = side["value"]
    if value is None:
        return NO_VALUE
    return share(value) if unit == "share" else number(value, 4) + (" ms" if unit == "ms" else "")


def _reach(each: Json) -> str:
    ends = (each["low"], each["high"]) if each["unit"] == "share" else (each["relative_low"], each["relative_high"])
    if None in ends:
        return NO_VALUE
    return f"{_signed(ends[0] * 100)} to {_signed(ends[1] * 100)}{'' if each['unit'] == 'share' else ' %'}"


def _remark(each: Json) -> str:
    told = [harmless(each["why"], 300)] if each["why"] else []
    if each["verdict"] == "undecided":
        if each["more"]:
            told.append(f"{grouped(each['more'])} more requests in each run would tell")
        elif each["for_margin"] is not None:
            told.append(f"{grouped(each['for_margin'])} in each run would show one that matters")
    return "; ".join(told)


# Distributions


def _distribution_section(values: Values) -> list[Section]:
    charts = [chart for name, pair in values.items() for chart in _overlays(name, *pair)]
    if not charts:
        return []
    return [Section("Distributions", ("All successful requests of both sides, as they were recorded.",), tuple(charts))]


def _overlays(name: str, first: FloatArray, second: FloatArray) -> list[Chart]:
    if not first.size or not second.size:
        return []
    title = LATENCIES[name][0]
    shown = []
    for values, label, colour in ((first, "first", "@blue"), (second, "second", "@orange")):
        x, y = series.distribution(values)
        trace = curve(x.tolist(), y.tolist(), label, colour, mode="lines")
        trace["line"] = {"color": colour, "width": 2, "shape": "hv", "dash": "solid" if label == "first" else "dash"}
        shown.append(trace)
    both = np.concatenate((first, second))
    known = both[np.isfinite(both)]
    if not known.size:
        return []
    wide = known.min() > 0 and known.max() > 12 * np.median(known)
    axis = {"type": "log" if wide else "linear"}
    cumulative = figure(
        shown, "ms", "share at or below", x=axis, y={"tickformat": ".0%", "range": [0, 1.02]}
    )  # fmt: skip
    return [
        Chart(f"ecdf-{name}", "", f"{title}: distribution", cumulative),
        Chart(f"percentiles-{name}", "", f"{title}: percentiles", _percentiles(first, second, logarithmic=bool(wide))),
    ]


def _percentiles(first: FloatArray, second: FloatArray, *, logarithmic: bool) -> Figure:
    """Percentile by percentile, those that enough values of both sides lie beyond."""
    fewest = min(first.size, second.size)
    at = [p for p in NINES if min(p, 1 - p) * fewest >= FEWEST_BEYOND or p == 0.5]
    names = [f"p{100 * p:g}" for p in at]
    traces = []
    for values, label, colour in ((first, "first", "@blue"), (second, "second", "@orange")):
        ranked = np.quantile(values, at, method="inverted_cdf").tolist()
        trace = curve([None] * len(at), ranked, label, colour)
        traces.append(
            trace | {"x": names, "line": {"color": colour, "width": 2, "dash": "solid" if label == "first" else "dash"}}
        )
    y = {"type": "log" if logarithmic else "linear"}
    return figure(traces, "percentile", "ms", x={"type": "category", "tickangle": 0}, y=y)


def _meanings(found: Json) -> tuple[tuple[str, str], ...]:
    return (
        ("Better, worse", "A difference that its interval and a test both say is more than chance."),
        ("Same", f"Its whole interval lies within {share(found['margin'])}: a difference, but none that matters."),
        ("Undecided", "There may be a difference that matters, or none: these requests do not tell."),
        ("p, corrected", "How often chance alone makes such a difference, corrected for the number of figures (Holm),"
         " so that between two equal runs even one false alarm is as rare as the level says."),
    )  # fmt: skip
