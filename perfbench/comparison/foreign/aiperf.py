"""aiperf: profile_export.jsonl, a request a line: {metadata, metrics: {name: {value, unit}}, error}.

Read from the tool's guide "Working with Profile Export Files" (docs of 0.13). Instants are epoch ns; warm-up lines are
left out. Its request latency ends with the last content, so that is the last output here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from perfbench.comparison.foreign.base import NO_GAPS, NO_SCHEDULE, NO_UNSENT, OTHER_FAULT, Foreign, count, number
from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record

IN_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "sec": 1e9}


def is_aiperf(line: object) -> bool:
    return isinstance(line, dict) and isinstance(line.get("metadata"), dict) and "request_start_ns" in line["metadata"]


def read(lines: Iterable[Mapping[str, Any]], place: Path) -> Foreign:
    records: list[Record] = []
    for row, line in enumerate(lines, 1):
        if not is_aiperf(line):
            raise ScenarioError(f"{place} line {row} has no metadata.request_start_ns: it is no record of aiperf")
        if line["metadata"].get("benchmark_phase", "profiling") == "profiling":
            records.append(_record(len(records), line, f"{place} line {row}"))
    lacking = [NO_SCHEDULE, NO_UNSENT, "which load was asked for: rate and concurrency are not checked"]
    streamed = any(record.first_output_ns is not None for record in records)
    if not any(record.itl_ns for record in records):
        lacking.append(NO_GAPS)
    return Foreign("aiperf", records, {"stream": True} if streamed else {}, tuple(lacking))


def _record(index: int, line: Mapping[str, Any], place: str) -> Record:
    about, metrics, error = line["metadata"], line.get("metrics") or {}, line.get("error")
    start_ns = int(number(about["request_start_ns"], f"{place}: request_start_ns"))
    end_ns = int(number(about.get("request_end_ns"), f"{place}: request_end_ns"))
    known: dict[str, Any] = {
        "key": str(about.get("x_request_id") or index), "index": index, "intended_ns": start_ns, "started_ns": start_ns,
        "written_ns": start_ns, "finished_ns": end_ns,
    }  # fmt: skip
    if about.get("was_cancelled"):
        return Record(**known, outcome="cancelled", error="cancelled")
    if error:
        code = error.get("code") if isinstance(error, Mapping) else None
        kind = f"http_{code}" if isinstance(code, int) and 300 <= code <= 599 else OTHER_FAULT
        return Record(**known, outcome="failed", error=kind, error_detail=str(error)[:400])
    first_ns = _after(start_ns, metrics.get("time_to_first_token"), place)
    last_ns = _after(start_ns, metrics.get("request_latency"), place) if first_ns is not None else None
    gaps = metrics.get("inter_chunk_latency")
    gaps_ns = None
    if isinstance(gaps, Mapping) and isinstance(gaps.get("value"), list):
        gaps_ns = [round(number(gap, f"{place}: a gap") * _scale(gaps, place)) for gap in gaps["value"]]
    return Record(
        **known, outcome="ok", first_output_ns=first_ns, last_output_ns=last_ns, stream=first_ns is not None,
        input_tokens=_tokens(metrics, "input_sequence_length"),
        output_tokens=_tokens(metrics, "output_sequence_length"), token_source="tokenizer", itl_ns=gaps_ns,
        chunks=0 if gaps_ns is None else len(gaps_ns) + 1,
    )  # fmt: skip


def _tokens(metrics: Mapping[str, Any], name: str) -> int | None:
    found = metrics.get(name)
    return count(found.get("value")) if isinstance(found, Mapping) else None


def _after(start_ns: int, metric: Any, place: str) -> int | None:
    if not isinstance(metric, Mapping):
        return None
    return start_ns + round(number(metric.get("value"), place) * _scale(metric, place))


def _scale(metric: Mapping[str, Any], place: str) -> float:
    unit = str(metric.get("unit"))
    if unit not in IN_NS:
        raise ScenarioError(f"{place}: {unit!r} is no unit of time that is known (there are {', '.join(IN_NS)})")
    return IN_NS[unit]
