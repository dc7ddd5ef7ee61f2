"""Answers on the sweep page: accuracy at every load, whether it falls, and the rate of correct answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.report.charts import Chart
from perfbench.report.facts import NO_VALUE, Answer
from perfbench.report.page import Cell, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.drawing import curve, figure, load_axis, rule, whiskers
from perfbench.report.quality import between, quality_sentence
from perfbench.report.text import grouped, harmless, share

Json = Mapping[str, Any]
OUTCOMES = {True: "missed", False: "met", None: "inconclusive"}
"""Of a sweep's `quality.falls`."""


def answers_said(sweep: Json) -> tuple[Answer, ...]:
    """The verdict, for the head of the page; empty where no benchmarks were sent."""
    found = sweep.get("quality")
    if not found:
        return ()
    return (words.answer("accuracy", OUTCOMES[found["falls"]], harmless(quality_sentence(found, sweep["over"]), 400)),)


def answers_sections(sweep: Json, done: Sequence[Json], over: str) -> tuple[Section, ...]:
    found = sweep.get("quality")
    scored = [point for point in done if point.get("quality")]
    if not found or not scored:
        return ()
    said = (
        "Every load asks the same items, so that answers are compared item by item. Items without an answer are in no"
        f" accuracy. {harmless(found.get('method') or '', 200)}",
    )
    return (Section("Answers", said, tuple(_charts(scored, found, over)), (_table(scored, found, over),)),)


def _charts(scored: Sequence[Json], found: Json, over: str) -> list[Chart]:
    loads = [p["load"] for p in scored]
    axis, unit = load_axis(loads), f"load, {words.UNITS[over]}"
    values = [_percent(p["quality"]["accuracy"]) for p in scored]
    ends = [p["quality"]["accuracy_ci"] or (None, None) for p in scored]
    low, high = ([_percent(pair[end]) for pair in ends] for end in (0, 1))
    begins = found.get("begins")
    shapes = [] if begins is None else [rule(x=begins["after"], colour="@red"), rule(x=begins["at"], colour="@red")]
    accuracy = figure(
        [curve(loads, values, "accuracy", "@blue", error_y=whiskers(values, low, high, "@blue"))], unit, "%", x=axis,
        y={"range": [0, 102]}, shapes=shapes,
    )  # fmt: skip
    traces = [curve(loads, [p["quality"]["correct_per_s"] for p in scored], "correct", "@green")]
    within = [p["quality"]["correct_in_slo_per_s"] for p in scored]
    if any(value is not None for value in within):
        traces.append(curve(loads, within, "correct and within the SLO", "@purple"))
    note = "" if begins is None else "It begins to fall between the lines."
    return [
        Chart("accuracy", "", "Accuracy by load", accuracy, f"Whiskers are 95 % intervals. {note}".strip()),
        Chart("correct", "", "Correct answers a second by load", figure(traces, unit, "answers/s", x=axis)),
    ]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _table(scored: Sequence[Json], found: Json, over: str) -> Table:
    against = {one["load"]: one for one in found["loads"]}
    heads = (words.UNITS[over], "accuracy", "95 % sure", "correct/s", "unscored", "lost", "gained", "change",
             "change, 95 % sure", "p, corrected")  # fmt: skip
    rows = []
    for p in scored:
        one, other = p["quality"], against.get(p["load"])
        row = [
            Cell(f"{p['load']:.4g}"),
            words.plain(NO_VALUE if one["accuracy"] is None else share(one["accuracy"]), strong=True),
            words.plain(between(one["accuracy_ci"])), words.figure(one["correct_per_s"]),
            Cell(grouped(one["unscored"])),
        ]  # fmt: skip
        if other is None:
            row += [Cell("")] * 5
        else:
            sure = NO_VALUE if other["low"] is None else between((other["low"], other["high"]))
            row += [Cell(grouped(other["lost"])), Cell(grouped(other["gained"])), Cell(share(other["difference"])),
                    words.plain(sure), Cell(f"{other['p_adjusted']:.2g}")]  # fmt: skip
        rows.append(row)
    note = "Lost, gained, change: against the lowest load, on the items that both scored; p by Holm over the loads."
    return words.table("Accuracy by load", heads, rows, note=note)
