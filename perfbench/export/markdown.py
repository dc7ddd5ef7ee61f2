"""Markdown: a summary for a pull request or a job, in GitHub's flavour. Everything foreign is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from perfbench.export.cases import Suite
from perfbench.report.facts import NO_VALUE, answers, cell, latency_rows, slo_rows, tiles
from perfbench.report.found import found_rows
from perfbench.report.text import grouped, harmless, load_shape, number, share, target

Json = Mapping[str, Any]
MARKS = {
    "met": "✅",
    "missed": "❌",
    "inconclusive": "⚠️",
    "passed": "✅",
    "failed": "❌",
    "error": "⚠️",
    "skipped": "➖",
}
LATENCY_COLUMNS = ("count", "p50", "p90", "p99", "p99_ci", "max")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@:])")


def plain(text: object, most: int = 300) -> str:
    """Foreign text as one line in which nothing is markup, a link, or the name of a person to be told."""
    return _SPECIAL.sub(r"\\\1", harmless(text, most)).replace("\\@", "@\u200b").replace("\\<", "&lt;")


def code(text: object, most: int = 300) -> str:
    """Foreign text as code: with more backticks around it than are in it."""
    shown = harmless(text, most).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def rows(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """A table; the first column to the left, the others to the right."""
    line = ["|" + "|".join(f" {head} " for head in heads) + "|", "|:--|" + "--:|" * (len(heads) - 1)]
    return [*line, *("|" + "|".join(f" {cell} " for cell in row) + "|" for row in cells)]


def run_markdown(summary: Json, name: str) -> str:
    scenario = summary["scenario"]
    lines = [f"### perfbench run: {plain(scenario.get('model') or name)}", "",
             f"{plain(load_shape(scenario))} against {code(target(scenario))}", ""]  # fmt: skip
    lines += [
        f"- {MARKS.get(answer.outcome, '▪️')} **{plain(answer.word)}**: {plain(answer.text, 600)}"
        for answer in answers(summary)
    ]
    if conditions := slo_rows(summary["slo"]):
        lines += ["", *rows(("SLO", "observed", ""), [
            (f"{MARKS[row.outcome]} {code(row.condition)}", plain(row.observed), plain(row.why)) for row in conditions
        ])]  # fmt: skip
    lines += [
        "",
        *rows(
            ("figure", "value", ""), [(plain(f.label), f"**{plain(f.value)}**", plain(f.hint)) for f in tiles(summary)]
        ),
    ]
    if found := latency_rows(summary["latency_ms"]):
        heads = ("latency, ms", *("p99, 95 % sure" if column == "p99_ci" else column for column in LATENCY_COLUMNS))
        lines += ["", *rows(heads, [(plain(row.label), *(row.cells[c] for c in LATENCY_COLUMNS)) for row in found])]
    lines += [
        "",
        *(
            f"- {MARKS.get(one.outcome, '▪️')} **{plain(one.name)}**: {plain(one.text, 600)}"
            for one in found_rows(summary)
        ),
    ]
    lines += [*(f"- note: {plain(note, 600)}" for note in summary["notes"])]
    return "\n".join(lines).rstrip() + "\n"


def sweep_markdown(sweep: Json, name: str) -> str:
    over, is_open = sweep["over"], sweep["over"] == "rate"
    first, whole = ("response_ttft", "response_e2e") if is_open else ("ttft", "e2e")
    lines = [f"### perfbench sweep over {plain(over)}: {plain(sweep['scenario'].get('model') or name)}", ""]
    if sweep["slo"]:
        lines += [f"SLO: {code(sweep['slo'])}", ""]
    heads = [over, "requests/s", "95 % sure", "TTFT p50", "TTFT p99", "E2E p99", "failed", "SLO"]
    cells = []
    for point in sweep["points"]:
        if point["state"] != "done":
            cells.append([f"{point['load']:.4g}", f"({point['state']})", *[""] * 6])
            continue
        ends, latency_ms = point["requests_per_s_ci"], point["latency_ms"]
        cells.append([
            f"{point['load']:.4g}", number(point["requests_per_s"]),
            NO_VALUE if ends is None else f"{number(ends[0])} – {number(ends[1])}",
            *(cell(latency_ms.get(of) or {}, at) for of, at in ((first, "p50"), (first, "p99"), (whole, "p99"))),
            NO_VALUE if point["error_rate"] is None else share(point["error_rate"]),
            NO_VALUE if point["slo"] is None else f"{MARKS[point['slo']]} {point['slo']}",
        ])  # fmt: skip
    lines += rows(heads, cells)
    fit = sweep["scaling"]
    if fit is not None:
        lines += ["", f"Scaling law: knee {number(fit['knee'])}, peak {number(fit['peak'])} in flight, "
                  f"ceiling {number(fit['ceiling_per_s'])} requests/s"]  # fmt: skip
        lines += [f"- note: {plain(warning)}" for warning in fit["warnings"]]
    if sweep["stopped"]:
        lines += ["", f"Ended early: {plain(sweep['stopped'])}"]
    return "\n".join(lines) + "\n"


def search_markdown(record: Json, name: str) -> str:
    wishes, answer = record["wishes"], record["answer"]
    unit = "req/s" if wishes["search"] == "rate" else "in flight"
    lines = [f"### perfbench slo: {plain(record['scenario'].get('model') or name)}", "",
             f"Largest {plain(wishes['search'])} that meets {code(wishes['slo'])}:"]  # fmt: skip
    if answer is None:
        lines += ["", "⚠️ no answer: not one probe has ended"]
    else:
        load = (
            "none"
            if answer["load"] is None
            else f"{'at least ' if answer['at_most'] else ''}{answer['load']:.4g} {unit}"
        )
        ends = answer["interval"]
        sure = "" if ends is None else f", 95 % sure {ends[0]:.4g} to {ends[1]:.4g}"
        lines += ["", f"{MARKS[answer['outcome']]} **{load}**{sure} ({plain(answer['why'])})"]
    texts = [code(criterion["text"]) for criterion in record["criteria"]]
    cells = []
    for judged in sorted(record["probes"], key=lambda one: one["probe"]["load"]):
        probe = judged["probe"]
        sums = [[sum(column) for column in zip(*blocks, strict=True)] for blocks in probe["counts"]]
        cells.append([f"{probe['load']:.4g}", number(probe["throughput_per_s"]),
                      *(f"{grouped(missed)} of {grouped(counted)}" for counted, missed in sums),
                      f"{MARKS[judged['outcome']]} {judged['outcome']}"])  # fmt: skip
    lines += ["", *rows((unit, "requests/s", *(f"missed {text}" for text in texts), "by itself"), cells)]
    return "\n".join(lines) + "\n"


def plan_markdown(plan: Json, name: str) -> str:
    count = "no number of replicas" if plan["replicas"] is None else f"{plan['replicas']} replicas"
    low, high = plan["interval"]
    lines = [f"### perfbench plan: {count}", "",
             f"{MARKS[plan['outcome']]} for {plain(plan['target'])} within {code(plan['slo'])}, 95 % sure {low} to"
             f" {'more' if high is None else high}; {plain(plan['why'])}", ""]  # fmt: skip
    heads = ["replicas", "req/s each", "at work", "SLO", "chance", "an hour", "one fails"]
    lines += rows(heads, [
        [str(one["replicas"]), number(one["rate_each_per_s"]), share(one["busy"]),
         f"{MARKS[one['outcome']]} {one['outcome']}", share(one["chance"]),
         NO_VALUE if one["cost_per_hour"] is None else number(one["cost_per_hour"]),
         f"{MARKS[one['outcome_less_one']]} {one['outcome_less_one']}"] for one in plan["options"]
    ])  # fmt: skip
    lines += ["", *(f"- note: {plain(warning)}" for warning in plan["warnings"])]
    return "\n".join(lines).rstrip() + "\n"


def series_markdown(series: Json, name: str) -> str:
    lines = [f"### perfbench run: {plain(name)}, {len(series['runs'])} runs", ""]
    cells = [
        [code(figure), f"{about['mean']:.4g}",
         NO_VALUE if about["low"] is None else f"{about['low']:.4g} – {about['high']:.4g}", f"{about['between']:.3g}"]
        for figure, about in series["figures"].items()
    ]  # fmt: skip
    return "\n".join([*lines, *rows(("figure", "mean", "95 % sure", "between runs"), cells)]) + "\n"


def suite_markdown(suite: Suite) -> str:
    """Cases as a list, for what has no form of its own."""
    lines = [f"- {MARKS[case.result]} {plain(case.name)}: {plain(case.said, 600)}" for case in suite.cases]
    return "\n".join(lines) + "\n"
