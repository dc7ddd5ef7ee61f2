"""Client verdict: how much of the figures may be this client's own doing.

One pure function of what the engine processes saw of themselves (client.jsonl), of how late the pacer handed requests
over, and of the latencies that may have suffered. Three ways to spoil a measurement are looked for: stamps that come
late because the event loop was, arrivals that leave late, and a client so busy that it is the bottleneck.

    ok          the figures are within 5 ms or 5 % of the truth, and this client was not the limit
    suspect     an error of more than that cannot be ruled out
    saturated   this client was the limit: what is reported is its capacity or its delay, not the server's
    unknown     it did not watch itself (records from elsewhere, or a run of milliseconds)

The error of a stamp: the probe rings among the sockets at known instants, so its lag is a sample of how long an arrived
byte waits for its stamp. Delays are never negative, so the median lag is taken as the error of a p50 and the 99th
percentile as that of a p99.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from perfbench.engine.probe import ClientSample
from perfbench.metrics.columns import FloatArray
from perfbench.metrics.percentile import minimum_count, percentile
from perfbench.metrics.trust import BUSY_SHARE, ERROR_MS, ERROR_SHARE, NEVER_SLEEPS_SHARE

Verdict = Literal["ok", "suspect", "saturated", "unknown"]

STOLEN_SHARE = 0.1
"""Of the time, runnable but without a CPU: something else runs on this core, and bytes wait for it too."""
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
    busy_share: float
    """Of the time, running or waiting for a CPU, of the busiest worker: what is left is sleep."""
    run_delay_share: float
    workers: int


def client_figures(samples: Sequence[ClientSample], from_ns: int, to_ns: int) -> ClientFigures | None:
    """Figures of the samples within the span, or of those that overlap it where none lies within; None without any.

    Samples at the edges are half idle, which would make a client look less busy than it was.
    """
    span = [s for s in samples if s.from_ns < to_ns and s.to_ns > from_ns and s.to_ns > s.from_ns]
    within = [s for s in span if s.from_ns >= from_ns and s.to_ns <= to_ns]
    per_worker: dict[int, list[ClientSample]] = defaultdict(list)
    for sample in within or span:
        per_worker[sample.worker].append(sample)
    if not per_worker:
        return None
    p50, p99, longest = _lags(np.array([lag for s in span for lag in s.lag_ns], np.float64) / 1e6)
    cpu, busy, delayed = [], [], []
    for own in per_worker.values():
        length_ns = sum(s.to_ns - s.from_ns for s in own)
        cpu_ns, delay_ns = sum(s.cpu_ns for s in own), sum(s.run_delay_ns or 0 for s in own)
        cpu.append(cpu_ns / length_ns)
        delayed.append(delay_ns / length_ns)
        busy.append(min(1.0, (cpu_ns + delay_ns) / length_ns))
    return ClientFigures(
        lag_p50_ms=p50, lag_p99_ms=p99, lag_max_ms=longest, cpu_share=max(cpu), cpu_share_mean=sum(cpu) / len(cpu),
        busy_share=max(busy), run_delay_share=max(delayed), workers=len({s.worker for s in span}),
    )  # fmt: skip


def _lags(lags_ms: FloatArray) -> tuple[float, float, float]:
    """p50, p99 and maximum of the lag that a byte meets which arrives at a random instant.

    The samples are that already: a loop that was stuck left one for each instant of the stall (`ClientProbe`), so
    nothing is put back here.
    """
    if lags_ms.size < minimum_count(0.5):  # a run of a tenth of a second: one stall would be "half of the time"
        return math.nan, math.nan, float(lags_ms.max()) if lags_ms.size else math.nan
    return percentile(lags_ms, 0.5), percentile(lags_ms, 0.99), float(lags_ms.max())


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

    busy = f"{figures.busy_share:.0%} busy"
    if figures.run_delay_share > STOLEN_SHARE:
        busy += f" ({figures.run_delay_share:.0%} of it waiting for a CPU that something else had)"
    late_stamps = []
    if figures.lag_p50_ms > allowed_p50_ms:
        late_stamps.append(
            f"the event loop was over {figures.lag_p50_ms:.1f} ms late half of the time: {what} p50 may be too high by "
            f"as much, {allowed_p50_ms:.1f} ms would do"
        )
    if figures.lag_p99_ms > allowed_p99_ms:
        late_stamps.append(
            f"the event loop was over {figures.lag_p99_ms:.1f} ms late 1 % of the time: {what} p99 may be too high by "
            f"as much, {allowed_p99_ms:.1f} ms would do"
        )
    if late_stamps and figures.busy_share > BUSY_SHARE:
        saturated += [*late_stamps, f"this client was {busy}"]
    else:
        suspect += late_stamps
    if not open_loop and figures.busy_share > NEVER_SLEEPS_SHARE and not saturated:
        # A closed loop sends as fast as its slots come round. What our lag adds to a request's life it takes from the
        # throughput; without a stream there is no server-side schedule in which that could hide.
        if not streamed or not figures.lag_p50_ms <= ERROR_SHARE * _median(latency_ms):
            saturated.append(f"this client was {busy}: it never sleeps, so the throughput is its own, not the server's")
        else:
            suspect.append(f"this client was {busy}: nothing left for a faster server")
    if suspect and not saturated and figures.run_delay_share > STOLEN_SHARE:
        suspect.append(f"this client was {busy}")
    if math.isnan(figures.lag_p50_ms) and not saturated:
        return "unknown", [*suspect, "the run was too short for a sample of the event loop"]
    if saturated:
        return "saturated", saturated + suspect
    if suspect:
        return "suspect", suspect
    lag = f"{figures.lag_p50_ms:.2f} ms (p50) and {figures.lag_p99_ms:.2f} ms (p99)"
    return "ok", [f"the event loop was late by {lag}, this client {busy}"]


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
        "busy_share": None if figures is None else figures.busy_share,
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
