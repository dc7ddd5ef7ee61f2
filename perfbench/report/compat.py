"""Compat: the figures of a run by another tool's definitions, under its names, so that old numbers can be held beside
new ones.

vLLM's (vllm/benchmarks/serve.py of 0.33; `vllm bench serve`): percentiles interpolate linearly, so that a p99 may be a
wait that nobody had; standard deviations are those of a population; throughput divides by the time from first start to
last end, ramp and drain included. What ours does otherwise is in `differs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from perfbench.engine.errors import NoData, ScenarioError
from perfbench.metrics.columns import Columns, FloatArray
from perfbench.metrics.latency import between_ms, itl_ms
from perfbench.metrics.throughput import window_ns

TOOLS = ("vllm",)
PERCENTILES = (50, 90, 95, 99)
LATENCIES = {
    "ttft": "Time to First Token",
    "tpot": "Time per Output Token (excl. 1st token)",
    "itl": "Inter-token Latency",
    "e2el": "End-to-end Latency",
}
DIFFERS = (
    "ttft and e2el count from when the request was handed to the transport, so opening a connection is in them; "
    "perfbench counts from when it was written",
    "e2el ends with the last chunk of output; perfbench's e2e with the last byte",
    "tpot divides what is left of e2el after ttft; a reply of one token has none",
    "itl pools the gaps between chunks, as perfbench's does; a chunk may hold several tokens",
    "percentiles interpolate between two requests; perfbench's are waits that somebody had",
    "a closed loop's wait for a slot, and an open loop's lateness, are in none of them",
)


def figures(tool: str, records: Columns) -> dict[str, Any]:
    """The figures of that tool. Raises ScenarioError for one that is not known, NoData when nothing was sent."""
    if tool not in TOOLS:
        raise ScenarioError(f"--compat {tool}: there is {', '.join(TOOLS)}")
    return vllm(records)


def linear_percentile(values: FloatArray, percent: float) -> float:
    """numpy's default, position (n - 1) p between two values. Raises NoData without values."""
    if values.size == 0:
        raise NoData("percentile of no values")
    return float(np.percentile(values, percent))


def vllm(records: Columns) -> dict[str, Any]:
    """Under the names of its JSON; latencies in ms. A latency that no request has is missing."""
    from_ns, to_ns = window_ns(records)
    ok = records.ok
    duration_s = (to_ns - from_ns) / 1e9
    output = np.maximum(records.output_tokens[ok], 0)
    input_ = np.maximum(records.input_tokens[ok], 0)
    streamed = ok & records.stream
    ends_ns = np.where(streamed, records.last_output_ns, records.finished_ns)
    ttft = between_ms(records.started_ns, records.first_output_ns, streamed)
    e2el = between_ms(records.started_ns, ends_ns, ok)
    tpot = (e2el - ttft) / np.maximum(records.output_tokens - 1, 1)
    tpot[records.output_tokens < 2] = np.nan
    found: dict[str, Any] = {
        "completed": int(ok.sum()),
        "failed": int(records.sent.sum() - ok.sum()),
        "duration": duration_s,
        "total_input_tokens": int(input_.sum(dtype=np.int64)),
        "total_output_tokens": int(output.sum(dtype=np.int64)),
    }
    found["request_throughput"] = found["completed"] / duration_s
    found["output_throughput"] = found["total_output_tokens"] / duration_s
    found["total_token_throughput"] = (found["total_input_tokens"] + found["total_output_tokens"]) / duration_s
    for name, values in (("ttft", ttft), ("tpot", tpot), ("itl", itl_ms(records).astype(np.float64)), ("e2el", e2el)):
        found |= _latency(name, values[~np.isnan(values)])
    return found


def _latency(name: str, values: FloatArray) -> dict[str, float]:
    if values.size == 0:
        return {}
    found = {
        f"mean_{name}_ms": float(values.mean()),
        f"median_{name}_ms": float(np.median(values)),
        f"std_{name}_ms": float(values.std()),
    }
    return found | {f"p{percent}_{name}_ms": linear_percentile(values, percent) for percent in PERCENTILES}


def text(found: dict[str, Any], differs: Sequence[str] = DIFFERS) -> str:
    """For the terminal."""
    lines = ["figures by the definitions of vllm bench serve", ""]
    plain = {
        "completed": "Successful requests", "failed": "Failed requests", "duration": "Benchmark duration (s)",
        "total_input_tokens": "Total input tokens", "total_output_tokens": "Total generated tokens",
        "request_throughput": "Request throughput (req/s)", "output_throughput": "Output token throughput (tok/s)",
        "total_token_throughput": "Total token throughput (tok/s)",
    }  # fmt: skip
    lines += [_line(label, found[name]) for name, label in plain.items()]
    for name, title in LATENCIES.items():
        if f"mean_{name}_ms" not in found:
            continue
        lines += ["", title]
        statistics = ("mean", "median", "std", *(f"p{percent}" for percent in PERCENTILES))
        lines += [_line(f"  {each} {name.upper()} (ms)", found[f"{each}_{name}_ms"]) for each in statistics]
    lines += ["", "where this differs from perfbench's own figures:", *(f"- {each}" for each in differs)]
    return "\n".join(lines) + "\n"


def _line(label: str, value: float) -> str:
    return f"{label + ':':<38}{value if isinstance(value, int) else f'{value:.2f}'}"
