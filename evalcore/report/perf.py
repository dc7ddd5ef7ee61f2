"""Perf: how fast an evaluation went, from what the engine recorded of each answer."""

from __future__ import annotations

import numpy as np

from evalcore.report.columns import Columns, Floats
from evalcore.report.schema import Latency, Perf
from perfbench.metrics.percentile import spread


def perf(found: Columns, window_s: float | None) -> Perf:
    """Latencies of answers that came; nothing of what the evaluation did with them afterwards is in these."""
    came = found.scored
    output = int(found.output_tokens[found.output_tokens > 0].sum())
    timed = came & (found.output_tokens > 0) & (found.latency_ms > 0)
    each = found.output_tokens[timed] / (found.latency_ms[timed] / 1e3)
    return Perf(
        ttft_ms=_latency(found.ttft_ms[came]),
        latency_ms=_latency(found.latency_ms[came]),
        input_tokens=int(found.input_tokens[found.input_tokens > 0].sum()),
        output_tokens=output,
        tokens_per_s_each=float(np.median(each)) if each.size else None,
        window_s=window_s,
        samples_per_s=float(came.sum()) / window_s if window_s else None,
        output_tokens_per_s=output / window_s if window_s and output else None,
    )


def _latency(values_ms: Floats) -> Latency | None:
    known = values_ms[~np.isnan(values_ms)]
    found = spread(known)
    if found is None:
        return None
    return Latency(
        count=found.count, mean=found.mean, p50=found.percentiles.get("p50", float(np.median(known))),
        p90=found.percentiles.get("p90"), p99=found.percentiles.get("p99"), max=found.max,
    )  # fmt: skip
