"""Search page: the largest load that meets an SLO, and every probe that says so.

Made from slo.json (`perfbench.capacity.slo.SearchRecord`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.report.charts import Chart, Figure
from perfbench.report.facts import LATENCIES, Fact
from perfbench.report.page import Cell, Page, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.drawing import (
    OUTCOME_MARKS,
    area,
    curve,
    figure,
    limit_label,
    load_axis,
    rounded,
    rule,
    whiskers,
)
from perfbench.report.text import grouped, harmless, number, share, span
from perfbench.runfolder import REPORT
from perfbench.statistics.means import wilson

Json = Mapping[str, Any]
SEARCHED = {"rate": "rate", "parallel": "number in flight"}
NEAR = 2.0
"""Factor around the answer that is drawn: far from it there is nothing to see."""
ROOM = 6.0
"""Times what is allowed: shares of misses beyond it are drawn at the upper edge, because near the limit is where the
answer is."""


def search_page(record: Json) -> Page:
    wishes, scenario = record["wishes"], record.get("scenario") or {}
    over = str(wishes["search"])
    title, where = words.heading(scenario, "SLO search")
    probes = list(record["probes"])
    return Page(
        kicker="perfbench slo",
        title=title,
        lead=f"The largest {SEARCHED.get(over, over)} that meets {harmless(wishes['slo'], 400)}, against {where}",
        about=(f"began {harmless(record['started_at'])}; {len(probes)} probes in {span(record['elapsed_s'])}",),
        answers=(_answer(record, over),),
        warnings=_warnings(record, probes),
        tiles=_tiles(record, over),
        sections=(
            Section("What was seen", _seen_said(record), tuple(_shares(record, over))),
            Section("Probes, in order", ("Each is an ordinary run; the first column leads to its report.",),
                    tuple(_path(record, over)), (_probe_table(record, over),)),
            *_latency_section(record, over),
            Section("Scenario", code=words.scenario_yaml(scenario)),
        ),
        words=_meanings(over),
    )  # fmt: skip


def _answer(record: Json, over: str) -> Any:
    found = record.get("answer")
    if found is None:
        return words.answer("no answer", "inconclusive", "not one probe has ended")
    why = harmless(found["why"], 400)
    if found["load"] is None:
        return words.answer(harmless(found["outcome"]), found["outcome"], why)
    more = "at least " if found["at_most"] else ""
    surely = "" if found["interval"] is None else f", {words.sure(found['interval'], 4)}"
    return words.answer(
        harmless(found["outcome"]), found["outcome"], f"{more}{words.of_load(found['load'], over)}{surely}; {why}"
    )


def _warnings(record: Json, probes: Sequence[Json]) -> tuple[str, ...]:
    found = []
    if record.get("ended") == "interrupted":
        found.append("interrupted: the answer stands on the probes until then")
    if record.get("ended") is None:
        found.append("the search has not come to its end: the answer stands on the probes until then")
    suspect = [f"{judged['probe']['load']:.4g}" for judged in probes if judged["probe"]["suspect"]]
    if suspect:
        found.append(f"at {', '.join(suspect)} this client was the limit: those probes say nothing of the endpoint")
    return tuple(found)


def _tiles(record: Json, over: str) -> tuple[Fact, ...]:
    found, model = record.get("answer") or {}, record.get("model")
    load = found.get("load")
    tiles = [
        Fact(
            "largest load that meets it",
            "none" if load is None else words.of_load(load, over),
            words.sure(found.get("interval"), 4),
        ),
        Fact("probes", grouped(len(record["probes"])), f"in {span(record['elapsed_s'])}"),
    ]
    if model is not None:
        slots = "no limit seen" if model["slots"] is None else grouped(model["slots"])
        tiles += [Fact("served at a time", slots, "by the queue that it behaves like"),
                  Fact("a request alone", f"{number(model['mean_service_s'] * 1e3)} ms",
                       f"{share(model['slowdown'])} more with each other" if model["slowdown"] else "")]  # fmt: skip
        if model["capacity_per_s"] is not None:
            tiles.append(
                Fact("capacity", f"{number(model['capacity_per_s'])} req/s", "beyond it the queue grows for ever")
            )
    return tuple(tiles)


# What was seen


def misses(blocks: Sequence[Sequence[int]]) -> tuple[int, int, tuple[float, float] | None]:
    """(counted, missed, interval of the share that missed) of a probe's blocks of time.

    Requests that queue behind each other miss together, so the score interval (`statistics.means.wilson`) is that of as
    many independent ones as the spread between blocks says they are worth. None where nothing was counted.
    """
    counted, missed = (sum(column) for column in zip(*blocks, strict=True))
    if counted == 0:
        return 0, 0, None
    rate = missed / counted
    used = [(of, bad) for of, bad in blocks if of]
    worth = float(counted)
    if len(used) > 1 and 0 < rate < 1:
        spread = sum((bad - rate * of) ** 2 for of, bad in used) * len(used) / (len(used) - 1)
        worth = counted / max(1.0, spread / (counted * rate * (1 - rate)))
    return counted, missed, wilson(rate, max(1.0, worth))


def _seen_said(record: Json) -> tuple[str, ...]:
    if not record["probes"]:
        return ("Nothing yet.",)
    return (
        "The share of requests that missed each condition, by load, with 95 % intervals. The line is what the condition"
        " allows, the shaded part where the answer lies.",
    )


def _shares(record: Json, over: str) -> list[Chart]:
    judged = sorted(record["probes"], key=lambda one: one["probe"]["load"])
    interval = (record.get("answer") or {}).get("interval")
    if interval is not None:
        near = [one for one in judged if interval[0] / NEAR <= one["probe"]["load"] <= interval[1] * NEAR]
        judged, apart = near or judged, len(judged) - len(near or judged)
    else:
        apart = 0
    found = []
    for index, criterion in enumerate(record["criteria"]):
        told = [(one, *misses(one["probe"]["counts"][index])) for one in judged]
        told = [row for row in told if row[1]]
        if not told:
            continue
        allowed = float(criterion["allowed"])
        top = min(1.0, ROOM * allowed)
        traces = [
            _outcome_points(rows, outcome, top)
            for outcome in OUTCOME_MARKS
            if (rows := [row for row in told if row[0]["outcome"] == outcome])
        ]
        loads = [row[0]["probe"]["load"] for row in told]
        shapes = [rule(y=allowed, colour="@green")]
        if interval is not None:
            shapes.append(area("@blue-fill", x=(interval[0], interval[1])))
        shown = figure(
            traces, f"load, {words.UNITS[over]}", "missed", x=_axis(loads), shapes=shapes,
            y={"range": [-0.03 * top, 1.08 * top], "tickformat": ".1%" if top < 0.2 else ".0%"},
            annotations=[limit_label(f"{share(allowed)} may miss", allowed)], showlegend=True,
        )  # fmt: skip
        note = f"{apart} probes far from the answer are in the table alone. " if apart else ""
        note += "A triangle at the upper edge: beyond what is drawn." if any(_beyond(row, top) for row in told) else ""
        found.append(Chart(f"missed-{index}", "", harmless(criterion["text"]), shown, note, wide=index == 0))
    return found


def _axis(loads: Sequence[float]) -> dict[str, Any]:
    axis = load_axis(loads)
    return {"type": axis["type"]}  # probes stand too close together for a tick each


def _beyond(row: Any, top: float) -> bool:
    return bool(row[2] / row[1] > top)


def _outcome_points(rows: Sequence[Any], outcome: str, top: float) -> Figure:
    colour, symbol = OUTCOME_MARKS[outcome]
    rates = [missed / counted for _, counted, missed, _ in rows]
    drawn = [min(rate, top) for rate in rates]
    ends = [(min(low, top), min(high, top)) for _, _, _, (low, high) in rows]
    trace = curve(
        [one["probe"]["load"] for one, *_ in rows], drawn, outcome, colour, mode="markers",
        error_y=whiskers(drawn, [low for low, _ in ends], [high for _, high in ends], colour),
    )  # fmt: skip
    trace["marker"] = {
        "color": colour, "size": 9, "symbol": ["triangle-up" if rate > top else symbol for rate in rates]
    }  # fmt: skip
    trace["customdata"] = [
        [counted, missed, f"{rate:.2%}"] for (_, counted, missed, _), rate in zip(rows, rates, strict=True)
    ]
    trace["hovertemplate"] = "%{x}: %{customdata[1]} of %{customdata[0]} missed (%{customdata[2]})"
    return trace


# Probes


def _path(record: Json, over: str) -> list[Chart]:
    """Which load was tried when."""
    judged = list(record["probes"])
    if not judged:
        return []
    traces: list[Figure] = [
        {
            "type": "scatter", "mode": "lines", "x": list(range(1, len(judged) + 1)), "showlegend": False,
            "y": rounded([one["probe"]["load"] for one in judged]), "line": {"color": "@grey", "width": 1},
            "hoverinfo": "skip", "name": "order",
        }
    ]  # fmt: skip
    for outcome, (colour, symbol) in OUTCOME_MARKS.items():
        rows = [(at, one) for at, one in enumerate(judged, 1) if one["outcome"] == outcome]
        if rows:
            trace = curve([at for at, _ in rows], [one["probe"]["load"] for _, one in rows], outcome, colour)
            trace |= {"mode": "markers", "marker": {"color": colour, "symbol": symbol, "size": 10}}
            traces.append(trace)
    loads = [one["probe"]["load"] for one in judged]
    logarithmic = max(loads) > 12 * min(loads)
    interval = (record.get("answer") or {}).get("interval")
    shapes = [] if interval is None else [area("@blue-fill", y=(interval[0], interval[1]))]
    low, high = min(loads), max(loads)
    ends = [math.log10(low / 1.5), math.log10(high * 1.5)] if logarithmic else [0.9 * low, 1.05 * high]
    shown = figure(
        traces, "probe", f"load, {words.UNITS[over]}", y={"type": "log" if logarithmic else "linear", "range": ends},
        x={"dtick": max(1, len(judged) // 12)}, shapes=shapes, showlegend=True,
    )  # fmt: skip
    return [Chart("path", "", "The way to the answer", shown, "Shaded: where the answer lies.", wide=True)]


def _probe_table(record: Json, over: str) -> Table:
    texts = [harmless(criterion["text"]) for criterion in record["criteria"]]
    heads = ["probe", words.UNITS[over], "took", "requests/s", *texts, "by itself", ""]
    rows = []
    for at, judged in enumerate(record["probes"], 1):
        probe = judged["probe"]
        counts = [misses(blocks) for blocks in probe["counts"]]
        rows.append([
            words.link(str(at), probe["folder"], REPORT), Cell(f"{probe['load']:.4g}", strong=True),
            Cell(span(probe["seconds"])), words.figure(probe["throughput_per_s"]),
            *(Cell(f"{grouped(missed)} of {grouped(counted)}",
                   under="" if ends is None else f"{share(ends[0])} to {share(ends[1])}")
              for counted, missed, ends in counts),
            words.word(judged["outcome"]), Cell(_note(probe), dim=True),
        ])  # fmt: skip
    note = "Requests that missed each condition, of those that were counted, and the 95 % interval of that share."
    return words.table("Probes", heads, rows, texts=("by itself", ""), note=note)


def _note(probe: Json) -> str:
    if probe["suspect"]:
        return "this client was the limit"
    if probe["unstable"]:
        return harmless(probe["halted"] or "more came than was done", 200)
    return "" if probe["halted"] is None else f"broken off: {harmless(probe['halted'], 200)}"


def _latency_section(record: Json, over: str) -> list[Section]:
    judged = sorted((one["probe"] for one in record["probes"]), key=lambda probe: probe["load"])
    names = list(dict.fromkeys(name for probe in judged for name in probe["latency_ms"]))
    metrics = list(dict.fromkeys(name.split(" ", 1)[-1] for name in names))
    found: list[Chart] = []
    for metric in metrics:
        traces: list[Figure] = []
        mine = [name for name in names if name.split(" ", 1)[-1] == metric]
        for name, colour in zip(mine, ("@blue", "@sky", "@orange", "@red"), strict=False):
            points = [(p["load"], p["latency_ms"].get(name)) for p in judged if p["latency_ms"].get(name) is not None]
            if points:
                traces.append(curve([x for x, _ in points], [y for _, y in points], name.split(" ", 1)[0], colour))
        values = [value for trace in traces for value in trace["y"]]
        if not values:
            continue
        limits = [c for c in record["criteria"] if c["metric"] == metric and c["limit_ms"] is not None]
        logarithmic = max(values) > 40 * min(values) > 0
        annotations = [
            limit_label(c["text"], math.log10(c["limit_ms"]) if logarithmic else c["limit_ms"]) for c in limits
        ]
        shown = figure(
            traces, f"load, {words.UNITS[over]}", "ms", x=_axis([p["load"] for p in judged]),
            y={"type": "log"} if logarithmic else {}, shapes=[rule(y=c["limit_ms"], colour="@green") for c in limits],
            annotations=annotations,
        )  # fmt: skip
        found.append(Chart(f"latency-{len(found)}", "", f"{_called(metric)} by load", shown))
    return [Section("Latency by load", (), tuple(found))] if found else []


def _called(metric: str) -> str:
    return LATENCIES[metric][0] if metric in LATENCIES else harmless(metric, 40)


def _meanings(over: str) -> tuple[tuple[str, str], ...]:
    due = " Latencies count from the instant a request was due." if over == "rate" else ""
    return (
        ("Met, missed, inconclusive", "What a probe says by itself. A probe near the answer rarely decides alone: the"
         f" answer stands on all of them together.{due}"),
        ("May miss", "p99 allows one request in a hundred to miss its limit, error_rate < 1 % one to fail."),
        ("The queue it behaves like", "Requests served at a time and how long one takes, as the probes show them. Where"
         " that law holds, it makes the answer surer than counting alone."),
    )  # fmt: skip
