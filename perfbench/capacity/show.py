"""Show: a sweep, a search or a plan as a table to read in a terminal or a log. Layout only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfbench.capacity.talk import accuracy
from perfbench.report.quality import quality_sentence
from perfbench.report.text import NOTHING, harmless, number

if TYPE_CHECKING:
    from perfbench.capacity.plan import Plan
    from perfbench.capacity.slo import SearchRecord
    from perfbench.capacity.sweep import Point, Sweep
    from perfbench.capacity.usl import ScalingFit

PIPE_WIDTH = 120
STYLES = {"met": "green", "missed": "red", "inconclusive": "yellow"}


def _console(out: TextIO) -> Console:
    console = Console(file=out, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(file=out, width=PIPE_WIDTH, highlight=False, emoji=False, markup=False, color_system=None)
    return console


def _table(columns: Sequence[str], left: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    return table


def _outcome(outcome: str | None) -> Text:
    return Text(outcome or NOTHING, STYLES.get(outcome or "", ""))


def _between(interval: Sequence[float | None] | None) -> str:
    if interval is None:
        return NOTHING
    low, high = interval
    return f"{number(low)} to {'no limit seen' if high is None else number(high)}"


def show_sweep(sweep: Sweep, folder: Path, out: TextIO) -> None:
    console = _console(out)
    open_loop = sweep.over == "rate"
    first = "response_ttft" if open_loop else "ttft"
    whole = "response_e2e" if open_loop else "e2e"
    columns = [sweep.over, "requests", "req/s", "95 % sure", "tok/s", "TTFT p50", "p99", "TPOT p50", "E2E p50", "p99"]
    columns += ["failed", "client"] + (["slo"] if sweep.slo else [])
    table = _table(columns, ("client", "slo"))
    for point in sweep.points:
        if point.state != "done":
            table.add_row(f"{point.load:g}", Text(f"({point.state})", "dim"))
            continue
        table.add_row(*_row(point, first, whole, bool(sweep.slo)))
    console.print(Text(f"\nsweep over {sweep.over}  {harmless(sweep.scenario.get('model') or '')}", "bold"))
    console.print(table)
    if open_loop:
        console.print(Text("latencies in ms, from the instant a request was due", "dim"))
    for text in (sweep.stopped, "interrupted" if sweep.ended == "interrupted" else None):
        if text is not None:
            console.print(Text(f"ended early: {text}", "yellow"))
    if sweep.quality is not None:
        _quality(console, sweep)
    if sweep.scaling is not None:
        _scaling(console, sweep.scaling)
    if sweep.ended == "interrupted":
        console.print(Text(f"go on with: perfbench sweep --resume {folder}"))
    console.print(Text(f"\nsweep folder: {folder}"))


def _row(point: Point, first: str, whole: str, with_slo: bool) -> list[str | Text]:
    def at(name: str, share: str) -> str:
        return number((point.latency_ms.get(name) or {}).get(share))

    cells: list[str | Text] = [
        f"{point.load:g}", str(point.requests), number(point.requests_per_s), _between(point.requests_per_s_ci),
        number(point.output_tokens_per_s), at(first, "p50"), at(first, "p99"), at("tpot", "p50"), at(whole, "p50"),
        at(whole, "p99"), NOTHING if point.error_rate is None else f"{point.error_rate:.1%}", point.verdict or NOTHING,
    ]  # fmt: skip
    return [*cells, _outcome(point.slo)] if with_slo else cells


def _quality(console: Console, sweep: Sweep) -> None:
    """Accuracy at every load, and whether it falls as load rises."""
    found = sweep.quality or {}
    against = {one["load"]: one for one in found["loads"]}
    table = _table(
        (sweep.over, "accuracy", "95 % sure", "correct/s", "unscored", "lost", "gained", "change", "95 % sure", "p")
    )
    for point in sweep.points:
        if point.quality is None:
            continue
        one, other = point.quality, against.get(point.load)
        cells = [f"{point.load:g}", accuracy(point), _shares(one["accuracy_ci"]), number(one["correct_per_s"])]
        cells += [str(one["unscored"])]
        if other is not None:
            sure = NOTHING if other["low"] is None else _shares((other["low"], other["high"]))
            cells += [str(other["lost"]), str(other["gained"]), f"{other['difference']:+.1%}", sure]
            cells += [f"{other['p_adjusted']:.2g}"]
        table.add_row(*cells)
    console.print()
    console.print(table)
    console.print(
        Text(
            "change: against the lowest load, on the same items; lost were right there; p corrected for several loads",
            "dim",
        )
    )
    style = {True: "bold red", False: "green", None: "yellow"}[found["falls"]]
    console.print(Text(quality_sentence(found, sweep.over), style))


def _shares(interval: Sequence[float] | None) -> str:
    return NOTHING if interval is None else f"{interval[0]:.1%} to {interval[1]:.1%}"


def _scaling(console: Console, fit: ScalingFit) -> None:
    table = _table(("scaling (USL)", "", "95 % sure"), ("scaling (USL)",))
    table.add_row("one at a time, req/s", number(fit.gamma), _between(fit.gamma_ci))
    table.add_row("contention, alpha", f"{fit.alpha:.4f}", f"{fit.alpha_ci[0]:.4f} to {fit.alpha_ci[1]:.4f}")
    table.add_row("coherency, beta", f"{fit.beta:.2e}", f"{fit.beta_ci[0]:.1e} to {fit.beta_ci[1]:.1e}")
    table.add_row("knee, in flight", number(fit.knee), _between(fit.knee_ci))
    table.add_row("peak, in flight", number(fit.peak), _between(fit.peak_ci))
    table.add_row("ceiling, req/s", number(fit.ceiling_per_s), _between(fit.ceiling_ci))
    console.print()
    console.print(table)
    for warning in fit.warnings:
        console.print(Text(f"! {warning}", "yellow"))


def show_search(record: SearchRecord, folder: Path, out: TextIO) -> None:
    console = _console(out)
    wishes, open_loop = record.wishes, record.wishes.search == "rate"
    console.print(Text(f"\nlargest {wishes.search} that meets  {harmless(wishes.slo)}", "bold"))
    texts = [str(criterion["text"]) for criterion in record.criteria]
    table = _table((wishes.search, "for s", "req/s", *texts, "outcome", ""), ("outcome", ""))
    for judged in sorted(record.probes, key=lambda one: one.probe.load):
        probe = judged.probe
        misses = []
        for blocks in probe.counts:
            count, missed = (sum(column) for column in zip(*blocks, strict=True))
            misses.append(f"{missed}/{count}")
        note = "backlog grew" if probe.unstable else "broken off" if probe.halted else "client" if probe.suspect else ""
        table.add_row(
            f"{probe.load:.4g}", f"{probe.seconds:.1f}", number(probe.throughput_per_s), *misses,
            _outcome(judged.outcome), note,
        )  # fmt: skip
    console.print(table)
    console.print(Text("requests that missed / that were counted", "dim"))
    answer = record.answer
    if answer is not None:
        if answer.load is None:
            console.print(Text(f"\n{answer.outcome}: {answer.why}", STYLES[answer.outcome]))
        else:
            more = "at least " if answer.at_most else ""
            surely = "" if answer.interval is None else f", 95 % sure {_between(answer.interval)}"
            unit = "req/s" if open_loop else "in flight"
            console.print(
                Text(
                    f"\n{answer.outcome}: {more}{answer.load:.4g} {unit}{surely} ({answer.why})", STYLES[answer.outcome]
                )
            )
    if record.model is not None:
        model = record.model
        slots = "no limit of requests at a time" if model.slots is None else f"{model.slots} requests at a time"
        console.print(
            Text(
                f"it behaves like a queue that serves {slots}, {model.mean_service_s * 1e3:.4g} ms each alone"
                + (f", slower by {model.slowdown:.2%} with each further one" if model.slowdown else "")
                + (f": {model.capacity_per_s:.4g} req/s at most" if model.capacity_per_s is not None else ""),
                "dim",
            )
        )
    if record.ended != "known":
        console.print(Text(f"go on with: perfbench slo --resume {folder} --max-time 5m"))
    console.print(Text(f"\nsearch folder: {folder}"))


def show_plan(plan: Plan, folder: Path | None, out: TextIO) -> None:
    console = _console(out)
    console.print(Text(f"\nreplicas for {harmless(plan.target)}, {harmless(plan.slo)}", "bold"))
    columns = ["replicas", "load each, req/s", "at work", "SLO", "chance of it"]
    columns += ["per hour", "per million tokens in SLO"] if plan.price_per_hour is not None else []
    table = _table((*columns, "one fails"), ("one fails",))
    for option in plan.options:
        cells: list[str | Text] = [
            str(option.replicas), number(option.rate_each_per_s), f"{option.busy:.0%}", _outcome(option.outcome),
            f"{option.chance:.0%}",
        ]  # fmt: skip
        if plan.price_per_hour is not None:
            cells += [number(option.cost_per_hour), number(option.cost_per_million_good_tokens)]
        table.add_row(*cells, _outcome(option.outcome_less_one))
    console.print(table)
    if plan.replicas is None:
        console.print(Text(f"\n{plan.outcome}: {plan.why}", STYLES[plan.outcome]))
    else:
        most = "more than were tried" if plan.interval[1] is None else str(plan.interval[1])
        word = "replica" if plan.replicas == 1 else "replicas"
        console.print(
            Text(
                f"\n{plan.outcome}: {plan.replicas} {word}, 95 % sure {plan.interval[0]} to {most}; {plan.why}",
                STYLES[plan.outcome],
            )
        )
    for warning in plan.warnings:
        console.print(Text(f"! {warning}", "yellow"))
    if folder is not None:
        console.print(Text(f"\nplan: {folder}"))
