"""Figures: what the servers said over the window of a run. Pure functions on the lines of server.jsonl.

A gauge is a number that was so at the instants of the samples: given are mean, least and most of those within the
window. A counter is one that grows: given is by how much it grew from the last sample before the window to the first
one after it, so that nothing of the window is missed; a counter that falls was set back to 0 by a restart. Rates are
that growth over the window's length, which is right because a run begins and ends with nothing in flight; work for
others in the moments around it counts too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from perfbench.metrics.columns import FloatArray, IntArray
from perfbench.telemetry.engines import COMMON, ENGINES
from perfbench.telemetry.sample import ServerSample

AGREES = 0.01
"""Share by which two counts of the same tokens may differ: a reply cut off in flight is counted by one side alone."""


def by_address(samples: Sequence[ServerSample]) -> dict[str, list[ServerSample]]:
    """Samples of each address in order of time; addresses as they came."""
    found: dict[str, list[ServerSample]] = {}
    for sample in samples:
        found.setdefault(sample.url, []).append(sample)
    return {url: sorted(mine, key=lambda sample: sample.at_ns) for url, mine in found.items()}


def series(samples: Sequence[ServerSample], name: str) -> tuple[IntArray, FloatArray]:
    """Instants (ns) and values of a common name: shape (those samples that have it,)."""
    found = [(sample.at_ns, sample.values[name]) for sample in samples if name in sample.values]
    return np.array([at for at, _ in found], np.int64), np.array([value for _, value in found], np.float64)


def grown(values: FloatArray) -> FloatArray:
    """How much a counter has grown since its first value, restarts bridged: shape of `values`."""
    steps = np.diff(values)
    return np.concatenate((np.zeros(min(values.size, 1)), np.cumsum(np.where(steps >= 0, steps, values[1:]))))


def rates(samples: Sequence[ServerSample], name: str) -> tuple[IntArray, FloatArray]:
    """Middles of the gaps between samples (ns), and a counter's growth per second in each: shape (samples - 1,)."""
    at_ns, values = series(samples, name)
    if at_ns.size < 2:
        return np.empty(0, np.int64), np.empty(0)
    widths_ns = np.maximum(np.diff(at_ns), 1)
    return at_ns[:-1] + widths_ns // 2, np.diff(grown(values)) / (widths_ns / 1e9)


def address_figures(samples: Sequence[ServerSample], from_ns: int, to_ns: int, zero_ns: int) -> dict[str, Any]:
    """What one address said from one instant to another: counts of samples and failures, and figures by common name."""
    good = [sample for sample in samples if not sample.error]
    errors: dict[str, int] = {}
    for sample in samples:
        if sample.error:
            errors[sample.error] = errors.get(sample.error, 0) + 1
    engine = next((sample.engine for sample in reversed(good)), "")
    figures: dict[str, Any] = {}
    for name, common in COMMON.items():
        at_ns, values = series(good, name)
        if at_ns.size:
            found = _counter(at_ns, values, from_ns, to_ns) if common.counter else _gauge(at_ns, values, from_ns, to_ns)
            if found is not None:
                figures[name] = {"unit": common.unit, **found}
    hit_rate = _hit_rate(figures)
    if hit_rate is not None:
        figures["prefix_hit_rate"] = {"unit": "share", "mean": hit_rate}
    return {
        "url": samples[0].url,
        "kind": samples[0].kind,
        "engine": ENGINES[engine].title if engine else None,
        "samples": len(good),
        "failed": len(samples) - len(good),
        "errors": errors,
        "from_s": (good[0].at_ns - zero_ns) / 1e9 if good else None,
        "to_s": (good[-1].at_ns - zero_ns) / 1e9 if good else None,
        "took_ms": {"max": max(sample.took_ns for sample in good) / 1e6} if good else None,
        "figures": figures,
    }


def _gauge(at_ns: IntArray, values: FloatArray, from_ns: int, to_ns: int) -> dict[str, Any] | None:
    inside = values[(at_ns >= from_ns) & (at_ns <= to_ns)]
    if not inside.size:
        return None
    return {
        "mean": float(inside.mean()), "min": float(inside.min()), "max": float(inside.max()),
        "samples": int(inside.size),
    }  # fmt: skip


def _counter(at_ns: IntArray, values: FloatArray, from_ns: int, to_ns: int) -> dict[str, Any] | None:
    """None when the samples leave out part of the window, or there is but one."""
    first = int(np.searchsorted(at_ns, from_ns, side="right")) - 1
    last = int(np.searchsorted(at_ns, to_ns, side="left"))
    if first < 0 or last >= at_ns.size:
        return None
    growth = grown(values)
    by = float(growth[last] - growth[first])
    return {"increase": by, "per_s": by / ((to_ns - from_ns) / 1e9) if to_ns > from_ns else None}


def _hit_rate(figures: Mapping[str, Any]) -> float | None:
    """Share of looked-up prompt tokens that were in the prefix cache, from the counters; None without them."""
    hits = figures.get("prefix_hits")
    looked_up = figures.get("prefix_queries", {}).get("increase")
    return hits["increase"] / looked_up if hits is not None and looked_up else None


def compared(
    addresses: Sequence[Mapping[str, Any]], client_generated: int | None, client_prompt: int | None
) -> dict[str, Any] | None:
    """Tokens by the servers' counters, all addresses together, beside the client's; None when nobody counted.

    `ratio` is server over client; `agrees` whether it is within AGREES of 1. A server that counts more worked for
    others too, or wrote what nobody received; one that counts less was not the only one, or counts something else.
    """
    found: dict[str, Any] = {}
    servers = [address for address in addresses if address["kind"] == "server"]
    for name, client in (("generated_tokens", client_generated), ("prompt_tokens", client_prompt)):
        counted = [address["figures"].get(name) for address in servers]
        if client is None or not counted or any(figure is None for figure in counted):
            continue
        server = sum(figure["increase"] for figure in counted if figure is not None)
        ratio = server / client if client else None
        found[name] = {
            "server": server, "client": client, "ratio": ratio,
            "agrees": None if ratio is None else abs(ratio - 1) <= AGREES,
        }  # fmt: skip
    return found or None
