"""Figures: what a folder says: a row a figure of a run, a load of a sweep, a probe of a search, an option of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfbench.export.held import Held, Kind
from perfbench.export.table import Column, Table, table

Json = Mapping[str, Any]
STATISTICS = ("mean", "min", "p50", "p90", "p95", "p99", "p99_9", "max")
RUN = (
    Column("figure", "text", "", "name of the latency, rate, share or count"),
    Column("statistic", "text", "", "of a latency: mean, min, p50, p90, p95, p99, p99_9, max"),
    Column("unit", "text", "", "of the value: ms, /s, share, tokens, or nothing"),
    Column("value", "number", "", "empty: not enough data; infinite: beyond every limit"),
    Column("low", "number", "", "lower end of the 95 % interval"),
    Column("high", "number", "", "upper end of the 95 % interval"),
    Column("count", "count", "", "values behind it"),
)
SERIES = (
    Column("figure", "text", "", "name, as an SLO would write it"),
    Column("unit", "text", "", "ms, /s or share"),
    Column("runs", "count", "", "that have it"),
    Column("mean", "number", "", "over the runs"),
    Column("low", "number", "", "lower end of the 95 % interval of that mean"),
    Column("high", "number", "", "upper end"),
    Column("between", "number", "", "standard deviation from run to run beyond each run's own uncertainty"),
    Column("within", "number", "", "standard error of the figure inside one run"),
)
SWEEP = (
    Column("load", "number", "", "requests a second, or in flight"),
    Column("over", "text", "", "which of them: rate, parallel"),
    Column("state", "text", "", "done, waiting, skipped"),
    Column("requests", "count", "", "that succeeded"),
    Column("error_rate", "number", "share", "failed, of those that ended"),
    Column("requests_per_s", "number", "/s", "throughput, of the steady state where there was one"),
    Column("requests_per_s_low", "number", "/s", "lower end of its 95 % interval"),
    Column("requests_per_s_high", "number", "/s", "upper end"),
    Column("output_tokens_per_s", "number", "/s", ""),
    Column("in_flight", "number", "", "on average"),
    *(
        Column(f"{name}_{statistic}_ms", "number", "ms", "")
        for name in ("ttft", "tpot", "e2e", "response_ttft", "response_e2e")
        for statistic in ("p50", "p90", "p99")
    ),
    Column("client", "text", "", "verdict on the client: ok, suspect, saturated, unknown"),
    Column("slo", "text", "", "met, missed, inconclusive"),
    Column("folder", "text", "", "of the run"),
)
SLO = (
    Column("probe", "count", "", "in order, from 1"),
    Column("load", "number", "", "requests a second, or in flight"),
    Column("seconds", "number", "s", "how long it took"),
    Column("condition", "text", "", "of the SLO"),
    Column("allowed", "number", "share", "that may miss it"),
    Column("counted", "count", "", "requests after the probe's warm-up"),
    Column("missed", "count", "", "of them"),
    Column("requests_per_s", "number", "/s", "throughput"),
    Column("outcome", "text", "", "of the probe by itself: met, missed, inconclusive"),
    Column("unstable", "flag", "", "more came than was done, all the time"),
    Column("suspect", "flag", "", "the client was the limit"),
    Column("folder", "text", "", "of the run"),
)
PLAN = (
    Column("replicas", "count", "", ""),
    Column("chosen", "flag", "", "whether this is the answer"),
    Column("rate_each_per_s", "number", "/s", "with the headroom"),
    Column("busy", "number", "share", "of a replica's capacity that takes"),
    Column("outcome", "text", "", "with the headroom: met, missed, inconclusive"),
    Column("chance", "number", "share", "of the models under which it holds"),
    Column("outcome_less_one", "text", "", "when one replica fails, at the target itself"),
    Column("response_ttft_p99_ms", "number", "ms", "with the headroom"),
    Column("response_e2e_p99_ms", "number", "ms", "with the headroom"),
    Column("good_tokens_per_s", "number", "/s", "output tokens of requests that met every limit"),
    Column("cost_per_hour", "number", "", "in the unit of the price"),
    Column("cost_per_million_good_tokens", "number", "", "in the unit of the price"),
)


def figures_table(held: Held) -> Table:
    """What the folder says, in the columns of its kind."""
    columns, rows_of = KINDS[held.kind]
    return table(columns, rows_of(held.found))


def _run_rows(summary: Json) -> list[list[object]]:
    requests, throughput, goodput = summary["requests"], summary["throughput"], summary["goodput"] or {}
    rows: list[list[object]] = [
        [f"requests_{name}", "", "", requests[name], None, None, None]
        for name in ("sent", "succeeded", "failed", "cancelled", "unsent")
    ]
    rows.append(["error_rate", "", "share", requests["error_rate"], *_ends(requests.get("error_rate_ci")), None])
    for name in ("requests_per_s", "output_tokens_per_s", "total_tokens_per_s"):
        if name in throughput:
            rows.append([name, "", "/s", throughput[name], *_ends(throughput.get(f"{name}_ci")), None])
    if goodput:
        rows.append(["goodput", "", "share", goodput["share"], *_ends(goodput.get("share_ci")), goodput["of"]])
    for name, spread in summary["latency_ms"].items():
        if not spread or not spread["count"]:
            continue
        for statistic in STATISTICS:
            infinite = statistic in spread["infinite"]
            value = float("inf") if infinite else spread[statistic]
            rows.append([name, statistic, "ms", value, *_ends(spread.get(f"{statistic}_ci")), spread["count"]])
    rows += [[f"{name}_tokens", "", "tokens", summary["tokens"][name], None, None, None]
             for name in ("input", "output", "reasoning", "cached")]  # fmt: skip
    return rows


def _ends(interval: Any) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval[0], interval[1])


def _series_rows(series: Json) -> list[list[object]]:
    names = [column.name for column in SERIES[1:]]
    return [[name, *(about[key] for key in names)] for name, about in series["figures"].items()]


def _sweep_rows(sweep: Json) -> list[list[object]]:
    rows = []
    for point in sweep["points"]:
        cells: dict[str, object] = dict(point) | {"over": sweep["over"], "client": point["verdict"]}
        cells["requests_per_s_low"], cells["requests_per_s_high"] = _ends(point["requests_per_s_ci"])
        for name, spread in point["latency_ms"].items():
            cells |= {f"{name}_{statistic}_ms": spread[statistic] for statistic in ("p50", "p90", "p99")}
        rows.append([cells.get(column.name) for column in SWEEP])
    return rows


def _slo_rows(record: Json) -> list[list[object]]:
    rows = []
    for at, judged in enumerate(record["probes"], 1):
        probe = judged["probe"]
        for criterion, blocks in zip(record["criteria"], probe["counts"], strict=True):
            counted, missed = (sum(column) for column in zip(*blocks, strict=True))
            rows.append(
                [at, probe["load"], probe["seconds"], criterion["text"], criterion["allowed"], counted, missed,
                 probe["throughput_per_s"], judged["outcome"], probe["unstable"], probe["suspect"], probe["folder"]]
            )  # fmt: skip
    return rows


def _plan_rows(plan: Json) -> list[list[object]]:
    rows = []
    for option in plan["options"]:
        cells: dict[str, object] = dict(option) | {"chosen": option["replicas"] == plan["replicas"]}
        for name in ("response_ttft", "response_e2e"):
            cells[f"{name}_p99_ms"] = option["latency_ms"].get(f"p99 {name}")
        rows.append([cells.get(column.name) for column in PLAN])
    return rows


KINDS: dict[Kind, tuple[tuple[Column, ...], Callable[[Json], list[list[object]]]]] = {
    "run": (RUN, _run_rows),
    "series": (SERIES, _series_rows),
    "sweep": (SWEEP, _sweep_rows),
    "slo": (SLO, _slo_rows),
    "plan": (PLAN, _plan_rows),
}
