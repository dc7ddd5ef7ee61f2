"""Client verdict: how much of the figures may be this client's own doing.

One pure function of what the engine processes saw of themselves (client.jsonl), of how late the pacer handed requests
over, and of the latencies that may have suffered. Three ways to spoil a measurement are looked for: stamps that come
late because a turn of the event loop was long, arrivals that leave late, and a client so busy that it is the
bottleneck.

    ok          the figures are within 5 ms or 5 % of the truth, and this client was not the limit
    suspect     an error of more than that cannot be ruled out
    saturated   this client was the limit: what is reported is its capacity or its delay, not the server's
    unknown     it did not watch itself (records from elsewhere, or a run of milliseconds)

The error of a stamp: a byte that arrives during a turn of the loop is stamped within that turn, so the length of the
turn bounds its delay. Turns are weighted by their length, as arriving bytes meet them: the median turn bounds the
error of a p50, the 99th percentile that of a p99.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from perfbench.engine.probe import LAG_EVERY_S, ClientSample
from perfbench.metrics.columns import FloatArray
from perfbench.metrics.percentile import percentile

Verdict = Literal["ok", "suspect", "saturated", "unknown"]

ERROR_MS, ERROR_SHARE = 5.0, 0.05
"""What "ok" promises: the larger of the two."""
BUSY_SHARE = 0.9
"""Of one core. With less than a tenth of it idle, turns queue behind turns: a long turn then is not chance but load."""
NEVER_SLEEPS_SHARE = 0.95
"""Of one core. A loop this busy has always something to do; the rest is what the kernel's own accounting loses."""
STOLEN_SHARE = 0.1
"""Of the time, runnable but without a CPU: something else runs on this core, and every turn may be stretched by it."""
LAST_PART = 0.1
"""Of the arrivals. When the last tenth is late by more than the allowed error, the schedule has slipped away."""


@dataclass(frozen=True, slots=True)
class ClientFigures:
    """What the verdict rests on. NaN: not known."""

    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    cpu_share: float
    """Of one core, of the busiest worker, while requests were sent."""
    cpu_share_mean: float
    run_delay_share: float
    workers: int


def client_figures(samples: Sequence[ClientSample], from_ns: int, to_ns: int) -> ClientFigures | None:
    """Figures of the samples that overlap the span; None when none does."""
    per_worker: dict[int, list[ClientSample]] = defaultdict(list)
    for sample in samples:
        if sample.from_ns < to_ns and sample.to_ns > from_ns and sample.to_ns > sample.from_ns:
            per_worker[sample.worker].append(sample)
    if not per_worker:
        return None
    lags_ms = np.array([lag for own in per_worker.values() for s in own for lag in s.lag_ns], np.float64) / 1e6
    p50, p99, longest = _turns(lags_ms)
    cpu, delayed = [], []
    for own in per_worker.values():
        length_ns = sum(s.to_ns - s.from_ns for s in own)
        cpu.append(sum(s.cpu_ns for s in own) / length_ns)
        delayed.append(sum(s.run_delay_ns or 0 for s in own) / length_ns)
    return ClientFigures(
        lag_p50_ms=p50, lag_p99_ms=p99, lag_max_ms=longest, cpu_share=max(cpu), cpu_share_mean=sum(cpu) / len(cpu),
        run_delay_share=max(delayed), workers=len(per_worker),
    )  # fmt: skip


def _turns(lags_ms: FloatArray) -> tuple[float, float, float]:
    """p50, p99 and maximum of the turn's length at a random instant.

    One sample stands for the time between two samples, or for its own length when that is more: a loop that is stuck
    for a second takes one sample in it, not fifty.
    """
    if lags_ms.size == 0:
        return math.nan, math.nan, math.nan
    ordered = np.sort(lags_ms)
    covered = np.cumsum(np.maximum(ordered, LAG_EVERY_S * 1e3))
    p50, p99 = ordered[np.searchsorted(covered, covered[-1] * np.array([0.5, 0.99]))]
    return float(p50), float(p99), float(ordered[-1])


def client_verdict(
    figures: ClientFigures | None, lateness_ms: FloatArray, latency_ms: FloatArray, *, open_loop: bool, streamed: bool
) -> tuple[Verdict, list[str]]:
    """The verdict and its reasons, with numbers.

    `lateness_ms`: intended to handed over, in order of intention, shape (m,). `latency_ms`: what could be spoiled,
    shape (n,): TTFT when streamed, else E2E, on the service base. Neither holds NaN; both may be empty.
    """
    allowed_p50_ms, allowed_p99_ms = _allowed(latency_ms)
    what = "TTFT" if streamed else "E2E"
    suspect: list[str] = []
    saturated: list[str] = []

    if open_loop and lateness_ms.size:
        late_p50, late_p99 = percentile(lateness_ms, 0.5), percentile(lateness_ms, 0.99)
        last = percentile(lateness_ms[-max(1, round(lateness_ms.size * LAST_PART)) :], 0.5)
        if late_p50 > allowed_p50_ms:
            saturated.append(
                f"half of the requests left more than {late_p50:.1f} ms late; {allowed_p50_ms:.1f} ms would do"
            )
        elif last > allowed_p50_ms:
            saturated.append(f"sending fell behind its schedule: the last tenth left {last:.1f} ms late (median)")
        elif late_p99 > allowed_p99_ms:
            suspect.append(f"1 in 100 requests left more than {late_p99:.1f} ms late; {allowed_p99_ms:.1f} ms would do")
    if figures is None:
        return ("saturated" if saturated else "unknown"), [*saturated, "this client left no samples of itself"]

    busy = f"{figures.cpu_share:.0%} of a core busy"
    long_turns = []
    if figures.lag_p50_ms > allowed_p50_ms:
        long_turns.append(
            f"half of the time a turn of the event loop took over {figures.lag_p50_ms:.1f} ms: {what} p50 may be off "
            f"by that much, {allowed_p50_ms:.1f} ms would do"
        )
    if figures.lag_p99_ms > allowed_p99_ms:
        long_turns.append(
            f"turns of the event loop took up to {figures.lag_p99_ms:.1f} ms (p99): {what} p99 may be off by that "
            f"much, {allowed_p99_ms:.1f} ms would do"
        )
    if long_turns and figures.cpu_share > BUSY_SHARE:
        saturated += [*long_turns, busy]
    else:
        suspect += long_turns
    if not open_loop and figures.cpu_share > NEVER_SLEEPS_SHARE and not saturated:
        # A closed loop sends as fast as its slots come round. What one turn adds to a request's life is what it takes
        # from the throughput; without a stream there is no server-side schedule that could hide it.
        if not streamed or not figures.lag_p50_ms <= ERROR_SHARE * _median(latency_ms):
            saturated.append(f"{busy}: the loop never sleeps, so the throughput is this client's, not the server's")
        else:
            suspect.append(f"{busy}: nothing left for a faster server")
    if figures.run_delay_share > STOLEN_SHARE and (suspect or saturated):
        suspect.append(f"waited for a CPU {figures.run_delay_share:.0%} of the time: something else runs on this core")
    if math.isnan(figures.lag_p50_ms) and not saturated:
        return "unknown", [*suspect, "the run was too short for a sample of the event loop"]
    if saturated:
        return "saturated", saturated + suspect
    if suspect:
        return "suspect", suspect
    fine = f"event loop turns of {figures.lag_p50_ms:.2f} ms (p50) and {figures.lag_p99_ms:.2f} ms (p99), {busy}"
    return "ok", [fine]


def describe(
    figures: ClientFigures | None, lateness_ms: FloatArray, latency_ms: FloatArray, *, open_loop: bool, streamed: bool
) -> dict[str, Any]:
    """`client` of the summary. Figures that are not known are null."""
    verdict, reasons = client_verdict(figures, lateness_ms, latency_ms, open_loop=open_loop, streamed=streamed)
    lag = None
    if figures is not None and not math.isnan(figures.lag_max_ms):
        lag = {"p50": figures.lag_p50_ms, "p99": figures.lag_p99_ms, "max": figures.lag_max_ms}
    send_lag = None
    if lateness_ms.size:
        send_lag = {
            "p50": percentile(lateness_ms, 0.5), "p99": percentile(lateness_ms, 0.99), "max": float(lateness_ms.max()),
        }  # fmt: skip
    return {
        "loop_lag_ms": lag,
        "send_lag_ms": send_lag,
        "cpu_share": None if figures is None else figures.cpu_share,
        "cpu_share_mean": None if figures is None else figures.cpu_share_mean,
        "run_delay_share": None if figures is None else figures.run_delay_share,
        "workers": None if figures is None else figures.workers,
        "verdict": verdict,
        "reasons": reasons,
    }


def _allowed(latency_ms: FloatArray) -> tuple[float, float]:
    """The errors of a p50 and of a p99 that "ok" allows."""
    if latency_ms.size == 0:
        return ERROR_MS, ERROR_MS
    p50, p99 = percentile(latency_ms, 0.5), percentile(latency_ms, 0.99)
    return max(ERROR_MS, ERROR_SHARE * p50), max(ERROR_MS, ERROR_SHARE * p99)


def _median(values: FloatArray) -> float:
    return percentile(values, 0.5) if values.size else math.nan
