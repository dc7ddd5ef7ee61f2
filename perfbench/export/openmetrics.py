"""OpenMetrics: figures as metrics for a monitoring system, in OpenMetrics 1.0 text or the older Prometheus text.

For a textfile collector or a push gateway after a run. All are gauges of what one run measured, and summaries of its
latencies; base units as both formats ask (seconds, ratios). A figure that is not known is left out. Labels: `run`,
`model`, and of a sweep or a search `load` and `over`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from prometheus_client import exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as open_exposition

from perfbench.export.held import Held, summary_of
from perfbench.runfolder import SUMMARY

Json = Mapping[str, Any]
Labels = dict[str, str]
QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p99_9": "0.999"}
OUTCOMES = ("met", "missed", "inconclusive")
VERDICTS = ("ok", "suspect", "saturated", "unknown")


class Families:
    """Metrics by name, in the order of their first sample."""

    def __init__(self) -> None:
        self._found: dict[str, Metric] = {}

    def collect(self) -> Iterator[Metric]:
        yield from self._found.values()

    def gauge(self, name: str, meaning: str, value: float | int | None, labels: Labels) -> None:
        """Nothing where the value is not known."""
        if value is not None:
            self._family(name, meaning, "gauge").add_sample(name, labels, float(value))

    def states(self, name: str, meaning: str, states: Iterable[str], state: str, labels: Labels) -> None:
        """1 for the state that holds, 0 for the others."""
        for one in states:
            self.gauge(name, meaning, float(one == state), {**labels, "state": one})

    def summary(self, name: str, meaning: str, spread: Json, labels: Labels) -> None:
        """A latency of the summary, ms in, seconds out."""
        family = self._family(name, meaning, "summary")
        for statistic, quantile in QUANTILES.items():
            if spread[statistic] is not None or statistic in spread["infinite"]:
                value = float("inf") if spread[statistic] is None else spread[statistic] / 1e3
                family.add_sample(name, {**labels, "quantile": quantile}, value)
        family.add_sample(f"{name}_count", labels, float(spread["count"]))
        if spread["mean"] is not None:
            family.add_sample(f"{name}_sum", labels, spread["mean"] * spread["count"] / 1e3)

    def _family(self, name: str, meaning: str, kind: str) -> Metric:
        return self._found.setdefault(name, Metric(name, meaning, kind))


def families(held: Held) -> Families:
    """Everything that the folder says as metrics."""
    found = Families()
    if held.kind == "plan":
        _plan(found, held.found)
        return found
    if held.kind == "slo":
        _search(found, held.found)
        return found
    for name, load, folder in held.runs():
        if held.kind != "run" and not (folder / SUMMARY).is_file():
            continue  # its run folder was taken away
        more = {} if load is None else {"load": f"{load:g}", "over": str(held.found["over"])}
        _run(found, held.found if held.kind == "run" else summary_of(folder), name, more)
    if held.kind == "sweep" and (fit := held.found["scaling"]) is not None:
        labels = {"run": held.folder.name, "model": str((held.found["scenario"] or {}).get("model") or "")}
        for name in ("knee", "peak"):
            found.gauge(
                f"perfbench_sweep_{name}", f"Requests in flight at the {name} of the scaling law", fit[name], labels
            )
    return found


def write_openmetrics(held: Held, file: BinaryIO) -> None:
    file.write(open_exposition.generate_latest(families(held)))  # type: ignore[no-untyped-call]


def write_prometheus(held: Held, file: BinaryIO) -> None:
    file.write(exposition.generate_latest(families(held)))


def _run(found: Families, summary: Json, name: str, more: Labels) -> None:
    scenario, requests, throughput = summary["scenario"], summary["requests"], summary["throughput"]
    labels = {"run": name, "model": str(scenario.get("model") or ""), **more}
    for outcome in ("succeeded", "failed", "cancelled", "unsent"):
        found.gauge("perfbench_requests", "Requests of the run by outcome", requests[outcome],
                    {**labels, "outcome": outcome})  # fmt: skip
    for kind, count in requests["errors"].items():
        found.gauge("perfbench_failures", "Failed requests by kind", count, {**labels, "kind": str(kind)})
    found.gauge("perfbench_error_ratio", "Failed requests, of those that ended", requests["error_rate"], labels)
    found.gauge("perfbench_requests_per_second", "Successful requests a second", throughput["requests_per_s"], labels)
    found.gauge(
        "perfbench_output_tokens_per_second", "Output tokens a second", throughput["output_tokens_per_s"], labels
    )
    for bound, end in enumerate(("low", "high")):
        ends = throughput.get("requests_per_s_ci")
        found.gauge("perfbench_requests_per_second_interval", "Ends of the 95 % interval of that rate",
                    None if ends is None else ends[bound], {**labels, "end": end})  # fmt: skip
    for latency, spread in summary["latency_ms"].items():
        if spread and spread["count"]:
            found.summary(f"perfbench_{latency}_seconds", f"Latency {latency} of successful requests", spread, labels)
            _intervals(found, latency, spread, labels)
    if summary["goodput"]:
        found.gauge("perfbench_goodput_ratio", "Requests that met every limit", summary["goodput"]["share"], labels)
    for condition in (summary["slo"] or {}).get("observed") or ():
        found.states("perfbench_slo_condition", "Whether the run met a condition of its SLO", OUTCOMES,
                     condition["outcome"], {**labels, "condition": str(condition["condition"])})  # fmt: skip
    found.states("perfbench_client_verdict", "Whether the client could keep up", VERDICTS,
                 str(summary["client"]["verdict"]), labels)  # fmt: skip
    found.gauge("perfbench_run_start_timestamp_seconds", "When the run began", _instant(summary), labels)


def _intervals(found: Families, latency: str, spread: Json, labels: Labels) -> None:
    for statistic, quantile in QUANTILES.items():
        for bound, end in enumerate(("low", "high")):
            ends = spread.get(f"{statistic}_ci")
            value = None if ends is None or ends[bound] is None else ends[bound] / 1e3
            found.gauge("perfbench_latency_interval_seconds", "Ends of the 95 % intervals of latency quantiles", value,
                        {**labels, "latency": latency, "quantile": quantile, "end": end})  # fmt: skip


def _instant(summary: Json) -> float | None:
    try:
        return datetime.fromisoformat(str((summary.get("environment") or {})["started_at"])).timestamp()
    except (KeyError, ValueError):
        return None


def _search(found: Families, record: Json) -> None:
    answer, wishes = record["answer"], record["wishes"]
    labels = {"model": str((record["scenario"] or {}).get("model") or ""), "over": str(wishes["search"]),
              "slo": str(wishes["slo"])}  # fmt: skip
    if answer is None:
        return
    found.states("perfbench_slo_search", "How the search ended", OUTCOMES, str(answer["outcome"]), labels)
    found.gauge("perfbench_slo_load", "Largest load that meets the SLO", answer["load"], labels)
    for bound, end in enumerate(("low", "high")):
        value = None if answer["interval"] is None else answer["interval"][bound]
        found.gauge("perfbench_slo_load_interval", "Ends of its 95 % interval", value, {**labels, "end": end})


def _plan(found: Families, plan: Json) -> None:
    labels = {"target": str(plan["target"]), "slo": str(plan["slo"])}
    found.states("perfbench_plan", "How the plan ended", OUTCOMES, str(plan["outcome"]), labels)
    found.gauge("perfbench_plan_replicas", "Replicas that hold the SLO with the headroom", plan["replicas"], labels)
    for bound, end in enumerate(("low", "high")):
        found.gauge("perfbench_plan_replicas_interval", "Ends of its 95 % interval", plan["interval"][bound],
                    {**labels, "end": end})  # fmt: skip
