"""Plan page: how many replicas a target needs, what they cost, and what happens when one of them fails.

Made from plan.json (`perfbench.capacity.plan.Plan`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.report.charts import Chart
from perfbench.report.facts import NO_VALUE, Answer, Fact
from perfbench.report.page import Cell, Page, Section, Table
from perfbench.report.pages import words
from perfbench.report.pages.drawing import OUTCOME_MARKS, area, curve, figure, limit_label, rule
from perfbench.report.text import grouped, harmless, number, share

Json = Mapping[str, Any]
SURE = 0.95
"""Share of the models under which the SLO must hold."""


def plan_page(plan: Json) -> Page:
    options = list(plan["options"])
    slo = harmless(plan["slo"], 400)
    return Page(
        kicker="perfbench plan",
        title=_title(plan),
        lead=f"for {harmless(plan['target'])} within {slo}",
        about=(
            f"with {share(plan['headroom'])} headroom, shared by {harmless(plan['balancer']).replace('_', ' ')};"
            f" planned from {harmless(plan['source'], 200)}",
        ),
        answers=_answers(plan, options),
        warnings=tuple(harmless(warning, 400) for warning in plan["warnings"]),
        tiles=_tiles(plan, options),
        sections=(
            *(_answered(plan, options) if options else ()),
            Section("The replica that is planned with", (), (), (_model_table(plan["model"]),)),
        ),
        words=_meanings(),
    )


def _answered(plan: Json, options: Sequence[Json]) -> tuple[Section, ...]:
    return (
        Section("Replicas", (), (), (_table(plan, options),)),
        Section("As simulated", _simulated_said(), tuple(_charts(plan, options))),
    )


def _title(plan: Json) -> str:
    if plan["replicas"] is None:
        return "No number of replicas"
    return f"{grouped(plan['replicas'])} replica{'s' if plan['replicas'] != 1 else ''}"


def _chosen(plan: Json, options: Sequence[Json]) -> Json | None:
    return next((option for option in options if option["replicas"] == plan["replicas"]), None)


def _answers(plan: Json, options: Sequence[Json]) -> tuple[Answer, ...]:
    told = harmless(plan["why"], 400)
    if plan["replicas"] is not None:
        most = plan["interval"][1]
        ends = f"{plan['interval'][0]} to {'more than were tried' if most is None else most}"
        told = f"{_title(plan)}, 95 % sure: {ends}; {told}"
    found = [words.answer(harmless(plan["outcome"]), plan["outcome"], told)]
    chosen = _chosen(plan, options)
    if chosen is not None:
        holds = {"met": "the others carry the target within the SLO, without headroom",
                 "missed": "the others do not carry the target within the SLO"}  # fmt: skip
        outcome = chosen["outcome_less_one"]
        found.append(
            words.answer("one fails", outcome, holds.get(outcome, "it is not known whether the others suffice"))
        )
    return tuple(found)


def _tiles(plan: Json, options: Sequence[Json]) -> tuple[Fact, ...]:
    chosen = _chosen(plan, options)
    if chosen is None:
        return ()
    low, high = plan["interval"]
    found = [
        Fact("replicas", grouped(plan["replicas"]), f"95 % sure: {low} to {'more' if high is None else high}"),
        Fact("load of each", f"{number(chosen['rate_each_per_s'])} req/s", f"{share(chosen['busy'])} of its capacity"),
        Fact("chance that it holds", share(chosen["chance"]), "of the models that the runs allow"),
    ]
    if chosen["cost_per_hour"] is not None:
        found.append(
            Fact("cost an hour", number(chosen["cost_per_hour"]), f"{number(plan['price_per_hour'])} a replica")
        )
    if chosen["cost_per_million_good_tokens"] is not None:
        found.append(Fact("per million tokens", number(chosen["cost_per_million_good_tokens"]), "that met the SLO"))
    safe = [option for option in options if option["outcome_less_one"] == "met" and option["outcome"] == "met"]
    if safe:
        found.append(Fact("with one to spare", grouped(safe[0]["replicas"]), "hold it even when one fails"))
    return tuple(found)


def _table(plan: Json, options: Sequence[Json]) -> Table:
    priced = plan.get("price_per_hour") is not None
    latencies = list(dict.fromkeys(name for option in options for name in option["latency_ms"]))
    heads = ["replicas", "req/s each", "at work", "SLO", "chance", *map(_short, latencies),
             *(["an hour", "per M tokens"] if priced else []), "one fails"]  # fmt: skip
    rows = []
    for option in options:
        taken = option["replicas"] == plan["replicas"]
        row = [Cell(grouped(option["replicas"]) + (" ◂" if taken else "")), words.figure(option["rate_each_per_s"]),
               Cell(share(option["busy"])), words.word(option["outcome"]), Cell(share(option["chance"])),
               *(words.figure(option["latency_ms"].get(name)) for name in latencies)]  # fmt: skip
        if priced:
            row += [words.figure(option["cost_per_hour"]), words.figure(option["cost_per_million_good_tokens"])]
        rows.append([*row, words.word(option["outcome_less_one"])])
    note = "◂ is the answer. Latencies in ms, from the instant a request was due, with the headroom."
    return words.table("Replicas", heads, rows, texts=("SLO", "one fails"), note=note)


def _short(name: str) -> str:
    """p99 TTFT for `p99 response_ttft`."""
    statistic, _, latency = harmless(name, 40).partition(" ")
    return f"{statistic} {latency.removeprefix('response_').upper()}"


def _simulated_said() -> tuple[str, ...]:
    return (
        "The target's traffic, played through so many replicas behind that balancer, each of them a queue as the runs"
        " showed it. What of it holds is what the plan stands on.",
    )


def _charts(plan: Json, options: Sequence[Json]) -> list[Chart]:
    counts = [option["replicas"] for option in options]
    axis = {"dtick": 1, "range": [min(counts) - 0.4, max(counts) + 0.4]}
    return [
        _missed_chart(plan, options, counts, axis), _chance_chart(plan, options, counts, axis),
        *_latency_charts(plan, options, counts, axis), *_cost_charts(plan, options, counts, axis),
    ]  # fmt: skip


def _missed_chart(plan: Json, options: Sequence[Json], counts: Sequence[int], axis: Json) -> Chart:
    traces = []
    colours = ("@blue", "@purple", "@green", "@sky")
    for text, colour in zip(options[0]["missed"], colours, strict=False):
        with_headroom = [option["missed"].get(text) for option in options]
        less_one = [option["missed_less_one"].get(text) for option in options]
        traces.append(curve(counts, with_headroom, f"{text}, with headroom", colour))
        traces.append(curve(counts, less_one, f"{text}, one failed", colour, line={"color": colour, "dash": "dot"}))
    shown = figure(
        traces, "replicas", "requests that miss", x=axis, y={"tickformat": ".0%", "range": [-0.03, 1.05]},
        shapes=_answer_band(plan), showlegend=True,
    )  # fmt: skip
    return Chart("missed", "", "Requests that miss their limit", shown,
                 "Of the best model. Dotted: the target itself, when one replica has failed. Shaded: where the answer"
                 " lies.", wide=True)  # fmt: skip


def _answer_band(plan: Json) -> list[dict[str, Any]]:
    low, high = plan["interval"]
    if plan["replicas"] is None:
        return []
    return [area("@blue-fill", x=(low - 0.3, (plan["replicas"] if high is None else high) + 0.3))]


def _chance_chart(plan: Json, options: Sequence[Json], counts: Sequence[int], axis: Json) -> Chart:
    trace = curve(counts, [option["chance"] for option in options], "chance", "@blue")
    trace["marker"] = {
        "size": 11, "color": [OUTCOME_MARKS[option["outcome"]][0] for option in options],
        "symbol": [OUTCOME_MARKS[option["outcome"]][1] for option in options],
    }  # fmt: skip
    shown = figure(
        [trace], "replicas", "models under which it holds", x=axis, y={"tickformat": ".0%", "range": [-0.03, 1.08]},
        shapes=[rule(y=SURE, colour="@green"), *_answer_band(plan)], annotations=[limit_label("95 %", SURE)],
    )  # fmt: skip
    return Chart("chance", "", "How sure that is", shown,
                 "Share of models, all of which the runs would as well have given. Green circle: met; red cross:"
                 " missed; yellow diamond: inconclusive.")  # fmt: skip


def _latency_charts(plan: Json, options: Sequence[Json], counts: Sequence[int], axis: Json) -> list[Chart]:
    names = list(dict.fromkeys(name for option in options for name in option["latency_ms"]))
    colours = ("@blue", "@orange", "@sky", "@red")
    traces = [
        curve(counts, [option["latency_ms"].get(name) for option in options], name.replace("response_", ""), colour)
        for name, colour in zip(names, colours, strict=False)
    ]
    values = [value for trace in traces for value in trace["y"] if value]
    if not values:
        return []
    y = {"type": "log"} if max(values) > 40 * min(values) else {}
    return [Chart("latency", "", "Latency with the headroom", figure(traces, "replicas", "ms", x=axis, y=y))]


def _cost_charts(plan: Json, options: Sequence[Json], counts: Sequence[int], axis: Json) -> list[Chart]:
    costs = [option["cost_per_million_good_tokens"] for option in options]
    if not any(costs):
        return []
    trace = {"type": "bar", "x": list(counts), "y": costs, "name": "per million tokens", "marker": {"color": "@sky"}}
    shown = figure([trace], "replicas", "per million tokens in SLO", x=axis)
    return [Chart("cost", "", "Money per million tokens that met the SLO", shown, "At the target itself.")]


def _model_table(model: Json) -> Table:
    rows = (
        ("served at a time", NO_VALUE if model["slots"] is None else grouped(model["slots"]),
         "requests; no figure where the runs met no limit"),
        ("a request alone", f"{number(model['mean_service_s'] * 1e3)} ms", "on average"),
        ("slower with each further one", share(model["slowdown"]), "of that time"),
        ("capacity", NO_VALUE if model["capacity_per_s"] is None else f"{number(model['capacity_per_s'])} req/s",
         "beyond it the queue grows for ever"),
        ("most in flight", grouped(model["most_in_flight"]), "that the runs have seen"),
        ("runs", grouped(model["runs"]), "behind the model"),
        ("misfit", NO_VALUE if model["misfit"] is None else number(model["misfit"]),
         "of the waits that were seen, on a logarithmic scale: 0 fits"),
    )  # fmt: skip
    cells = [(Cell(name), words.plain(value), Cell(what, dim=True)) for name, value, what in rows]
    return words.table("Model of a replica", ("", "fitted", "what it is"), cells, texts=("", "what it is"))


def _meanings() -> tuple[tuple[str, str], ...]:
    return (
        ("Headroom", "How much more than the target must still hold. When one replica fails, the others must carry the"
         " target itself."),
        ("Chance", "The same plan with models drawn anew from the same runs: the share of them under which it holds."),
        ("At work", "Share of a replica's capacity that its load takes. Above 100 % its queue grows for ever."),
    )  # fmt: skip
