"""vllm bench serve --save-result --save-detailed: one JSON, with a list a figure and a place in it a request.

Read from vLLM 0.33 (the Python program and the Rust one). Times are seconds; `latencies` is only in newer files, and
TTFT plus all gaps is how the program itself gets the end without it. A request that failed has a text in `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perfbench.comparison.foreign.base import NO_SCHEDULE, NO_UNSENT, OTHER_FAULT, Foreign, count, listed, ns, number
from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record

LISTS = ("ttfts", "itls", "output_lens", "input_lens", "errors")


def is_vllm(document: object) -> bool:
    return isinstance(document, dict) and "request_throughput" in document


def read(document: Mapping[str, Any], place: Path) -> Foreign:
    missing = [name for name in LISTS if name not in document]
    if missing:
        raise ScenarioError(
            f"{place} has no {', '.join(missing)}: it was written without --save-detailed, and figures cannot be "
            "compared without the requests behind them; run vllm bench serve again with --save-detailed"
        )
    lists = {name: listed(document[name], f"{place}: {name}") for name in LISTS}
    size = len(lists["ttfts"])
    latencies = document.get("latencies") or [None] * size
    starts = document.get("start_times")
    lacking = [NO_SCHEDULE, NO_UNSENT]
    if starts is None:
        raise ScenarioError(
            f"{place} has no start_times, so nobody knows which request came when; a newer vllm bench writes them"
        )
    if any(len(each) != size for each in (*lists.values(), latencies, starts)):
        raise ScenarioError(f"{place}: its lists differ in length; is the file whole?")
    rows = zip(*(lists[name] for name in LISTS), latencies, starts, strict=True)
    records = [_record(index, row, f"{place}: request {index}") for index, row in enumerate(rows)]
    rate = document.get("request_rate")
    backend = str(document.get("endpoint_type") or document.get("backend") or "")
    facts: dict[str, Any] = {
        "model": document.get("model_id"),
        "parallel": count(document.get("max_concurrency")),
        "rate": None if rate in (None, "inf") or rate == float("inf") else number(rate, f"{place}: request_rate"),
        "stream": True,
    }
    if backend.endswith("chat"):
        facts["api"] = "chat"
    elif backend in ("openai", "vllm"):
        facts["api"] = "completions"
    if facts["rate"] is not None:
        facts["arrival"] = "gamma" if document.get("burstiness", 1.0) != 1.0 else "poisson"
    return Foreign("vllm bench", records, facts, tuple(lacking))


def _record(index: int, row: tuple[Any, ...], place: str) -> Record:
    ttft, gaps, output_len, input_len, error, latency, start = row
    start_ns = ns(number(start, f"{place}, start_times"))
    known: dict[str, Any] = {
        "key": str(index), "index": index, "intended_ns": start_ns, "started_ns": start_ns, "written_ns": start_ns,
        "input_tokens": count(input_len),
    }  # fmt: skip
    if error:
        end_ns = start_ns if latency is None else start_ns + ns(number(latency, f"{place}, latencies"))
        return Record(**known, finished_ns=end_ns, outcome="failed", error=OTHER_FAULT, error_detail=str(error)[:400])
    gaps_ns = [ns(number(gap, f"{place}, itls")) for gap in listed(gaps, f"{place}, itls")]
    first_ns = start_ns + ns(number(ttft, f"{place}, ttfts"))
    last_ns = first_ns + sum(gaps_ns)
    end_ns = last_ns if latency is None else start_ns + ns(number(latency, f"{place}, latencies"))
    return Record(
        **known, first_output_ns=first_ns, last_output_ns=last_ns, finished_ns=end_ns, outcome="ok",
        output_tokens=count(output_len), token_source="usage", chunks=len(gaps_ns) + 1, itl_ns=gaps_ns,
    )  # fmt: skip
