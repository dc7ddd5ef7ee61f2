"""guidellm: one JSON with `benchmarks`, and in each `requests`: {successful, errored, incomplete}, lists of requests.

Read from guidellm 0.8 (its RequestTimings and GenerativeRequestStats). Times are seconds of the Unix clock. A file of a
sweep holds several benchmarks: FILE#2 names the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perfbench.comparison.foreign.base import NO_GAPS, NO_SCHEDULE, NO_UNSENT, OTHER_FAULT, Foreign, count, ns, number
from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record

OUTCOMES = {"successful": "ok", "errored": "failed", "incomplete": "cancelled"}


def is_guidellm(document: object) -> bool:
    return isinstance(document, dict) and isinstance(document.get("benchmarks"), list)


def read(document: Mapping[str, Any], place: Path, which: str) -> Foreign:
    benchmarks = document["benchmarks"]
    chosen = int(which) if which.isdigit() else None
    if chosen is None and len(benchmarks) != 1:
        raise ScenarioError(
            f"{place} holds {len(benchmarks)} benchmarks; name one of them: {place}#1 to {place}#{len(benchmarks)}"
        )
    if chosen is not None and not 1 <= chosen <= len(benchmarks):
        raise ScenarioError(f"{place}#{chosen}: there are {len(benchmarks)} benchmarks in it, counted from 1")
    requests = benchmarks[(chosen or 1) - 1].get("requests")
    if not isinstance(requests, dict):
        raise ScenarioError(f"{place} holds no single requests; let guidellm keep them (no sampling) and run it again")
    records: list[Record] = []
    for part, outcome in OUTCOMES.items():
        for entry in requests.get(part) or []:
            found = _record(len(records), entry, outcome, f"{place}: {part}")
            if found is not None:
                records.append(found)
    lacking = [NO_GAPS, NO_UNSENT]
    if all(record.intended_ns == record.started_ns for record in records):
        lacking.insert(0, NO_SCHEDULE)
    return Foreign("guidellm", records, _facts(benchmarks[(chosen or 1) - 1]), tuple(lacking))


def _facts(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    """The load, where the file says it in a form that is known."""
    config = benchmark.get("config")
    strategy = config.get("strategy") if isinstance(config, Mapping) else None
    if not isinstance(strategy, Mapping):
        return {}
    kind = strategy.get("type_")
    if kind in ("constant", "poisson"):
        return {"rate": strategy.get("rate"), "arrival": kind, "parallel": None}
    if kind in ("concurrent", "synchronous"):
        return {"rate": None, "parallel": 1 if kind == "synchronous" else count(strategy.get("streams"))}
    return {}


def _record(index: int, entry: Mapping[str, Any], outcome: str, place: str) -> Record | None:
    """None for an incomplete request that had not even started."""
    info = entry.get("info") or entry.get("scheduler_info") or {}
    times = info.get("timings") or info.get("request_timings") or {}

    def instant(*names: str) -> int | None:
        for name in names:
            value = times.get(name, entry.get(name))
            if value is not None:
                return ns(number(value, f"{place}, {name}"))
        return None

    start_ns = instant("request_start", "request_start_time")
    end_ns = instant("request_end", "request_end_time", "resolve_end")
    if start_ns is None:
        if outcome == "ok":
            raise ScenarioError(f"{place}: a request without request_start; is the file of guidellm 0.3 or later?")
        return None
    first_ns = instant("first_token_iteration", "first_iteration")
    if first_ns is None and entry.get("time_to_first_token_ms") is not None:
        first_ns = start_ns + round(number(entry["time_to_first_token_ms"], place) * 1e6)
    last_ns = instant("last_token_iteration", "last_iteration") if first_ns is not None else None
    tokens = count(entry.get("output_tokens"))
    if first_ns is not None and last_ns is None and entry.get("inter_token_latency_ms") is not None and tokens:
        last_ns = first_ns + round(number(entry["inter_token_latency_ms"], place) * (tokens - 1) * 1e6)
    said = {"ok": "", "failed": OTHER_FAULT, "cancelled": "cancelled"}[outcome]
    return Record(
        key=str(entry.get("request_id") or index), index=index, intended_ns=instant("targeted_start") or start_ns,
        started_ns=start_ns, written_ns=start_ns, first_output_ns=first_ns, last_output_ns=last_ns,
        finished_ns=end_ns if end_ns is not None else start_ns, outcome=outcome, error=said,  # type: ignore[arg-type]
        error_detail=str(info.get("error") or "")[:400], stream=first_ns is not None or outcome != "ok",
        input_tokens=count(entry.get("prompt_tokens")), output_tokens=tokens, token_source="usage",
    )  # fmt: skip
