"""Plain lines: how a run goes, for logs and pipes. One line every few seconds and one at the end, no colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from perfbench.live.base import RunStart
from perfbench.live.snapshot import Snapshot
from perfbench.live.tally import Figures, Percentiles, Rates, Tally
from perfbench.report.text import grouped, harmless, number, span

EVERY_S = 5.0


class PlainLines:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._tally: Tally | None = None
        self._info: RunStart | None = None
        self._next_ns = self._now_ns = 0

    def start(self, info: RunStart) -> None:
        self._info, self._tally = info, Tally(info.began_ns)
        self._now_ns, self._next_ns = info.began_ns, info.began_ns + round(EVERY_S * 1e9)
        self._print(headline(info))

    def update(self, snapshots: Sequence[Snapshot], now_ns: int) -> None:
        if self._tally is None or self._info is None:
            return
        self._tally.add(snapshots, now_ns)
        self._now_ns = now_ns
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + round(EVERY_S * 1e9)
            self._print(progress_line(self._info, self._tally.figures(now_ns)))

    def note(self, text: str) -> None:
        self._print(harmless(text, 1000))

    def stop(self) -> None:
        if self._tally is not None:
            self._print(last_line(self._tally.figures(self._now_ns)))
            self._tally = None

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def headline(info: RunStart) -> str:
    bounds = [] if info.planned is None else [f"{grouped(info.planned)} requests"]
    bounds += [] if info.planned_arrivals is None else [f"{grouped(info.planned_arrivals)} arrivals"]
    bounds += [] if info.duration_s is None else [span(info.duration_s)]
    workers = f", {info.workers} workers" if info.workers > 1 else ""
    until = " or ".join(bounds) or "until stopped"
    return f"{harmless(info.model)} at {harmless(info.target)}: {harmless(info.shape)}{workers}, {until}"


def progress_line(info: RunStart, figures: Figures) -> str:
    """How far, how fast, how long requests take (of the last seconds), what failed, what the client thinks."""
    done = fraction_done(info, figures)
    left_s, drain_s = seconds_left(info, figures), seconds_of_grace(info, figures)
    when = (f" {done:4.0%}" if done is not None else "") + (f" ETA {span(left_s)}" if left_s is not None else "")
    if drain_s is not None:
        when = f" time is up, the rest is cut off in {span(drain_s)}"
    parts = [
        span(figures.elapsed_s) + when,
        f"{grouped(figures.over)}{f'/{grouped(info.planned)}' if info.planned is not None else ''} done",
        f"{grouped(figures.in_flight)} in flight" + (f" {grouped(figures.waiting)} waiting" if figures.waiting else ""),
        _rates(figures.rates_recent, figures),
        *_latencies(figures.recent),
    ]
    if figures.failed:
        parts.append(failures(figures))
    if figures.client.verdict != "ok":
        parts.append(f"client {figures.client.verdict}")
    if figures.silent_workers:
        parts.append(f"silent workers {', '.join(map(str, figures.silent_workers))}")
    return " | ".join(parts)


def last_line(figures: Figures) -> str:
    parts = [
        f"stopped after {span(figures.elapsed_s)}: {grouped(figures.ok)} ok, {grouped(figures.failed)} failed, "
        f"{grouped(figures.cancelled)} cancelled",
        _rates(figures.rates_run, figures),
        *_latencies(figures.run),
    ]
    if figures.failed:
        parts.append(failures(figures))
    return " | ".join(parts)


def _rates(rates: Rates, figures: Figures) -> str:
    tokens = f" {number(rates.output_tokens_per_s)} tok/s" if figures.output_tokens else ""
    return f"{number(rates.requests_per_s)} req/s{tokens}"


def _latencies(percentiles: dict[str, Percentiles]) -> list[str]:
    """Those that are known: a percentile that too few values stand behind is left out."""
    shown = []
    for name in ("ttft", "e2e"):
        values = [(label, getattr(percentiles[name], label)) for label in ("p50", "p99")]
        known = [f"{label} {number(value)}" for label, value in values if value is not None]
        if known:
            shown.append(f"{name} {' '.join(known)} ms")
    return shown


def failures(figures: Figures, most: int = 3) -> str:
    """The commonest kinds first: "12 failed: http_503 10, reset 2"."""
    kinds = [
        f"{harmless(kind, 40)} {grouped(n)}"
        for kind, n in figures.errors.items()
        if kind not in ("cancelled", "unsent")
    ]
    more = f", {len(kinds) - most} more kinds" if len(kinds) > most else ""
    return f"{grouped(figures.failed)} failed: {', '.join(kinds[:most])}{more}"


def fraction_done(info: RunStart, figures: Figures) -> float | None:
    """Of the bound that will be reached first; None when there is no bound."""
    of_number = figures.over / info.planned if info.planned else None
    of_time = figures.elapsed_s / info.duration_s if info.duration_s else None
    known = [fraction for fraction in (of_number, of_time) if fraction is not None]
    return min(max(known), 1.0) if known else None


def seconds_of_grace(info: RunStart, figures: Figures) -> float | None:
    """Once the time is up: until what is still in flight is cut off. None before that, and when nothing is."""
    if info.duration_s is None or figures.elapsed_s <= info.duration_s or not figures.in_flight + figures.waiting:
        return None
    return max(info.duration_s + info.grace_s - figures.elapsed_s, 0.0)


def seconds_left(info: RunStart, figures: Figures) -> float | None:
    """Until the nearer bound, at the pace of the last seconds; None while that cannot be told."""
    known = []
    if info.duration_s is not None:
        known.append(max(info.duration_s - figures.elapsed_s, 0.0))
    if info.planned is not None and (pace := figures.finished_per_s) > 0:
        known.append(max(info.planned - figures.over, 0) / pace)
    return min(known) if known else None
