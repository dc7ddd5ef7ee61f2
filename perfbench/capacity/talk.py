"""Talk: what a sweep or a search says on stderr while it lasts: a line a point, with what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from perfbench.report.text import NOTHING, number, span

if TYPE_CHECKING:
    from perfbench.capacity.objective import Objective
    from perfbench.capacity.probe import Probe
    from perfbench.capacity.search import Answer
    from perfbench.capacity.sweep import Point, Sweep


@dataclass(frozen=True, slots=True)
class Talk:
    """Plain lines; none at all when quiet."""

    stream: TextIO
    quiet: bool = False

    def say(self, text: str) -> None:
        if not self.quiet:
            print(text, file=self.stream, flush=True)

    def pointing(self, sweep: Sweep, index: int, done: int, of: int, elapsed_s: float) -> None:
        point = sweep.points[index]
        left = f", about {span(elapsed_s / done * (of - done))} left" if done else ""
        amount = sweep.amount
        requests = amount.requests(point.load)
        much = span(amount.duration_s) if amount.duration_s is not None else f"{requests} requests"
        self.say(f"point {done + 1} of {of}: {of_load(point.load, sweep.over)}, {much}{left}")

    def pointed(self, sweep: Sweep, point: Point) -> None:
        latency = point.latency_ms.get("response_e2e") or point.latency_ms.get("e2e") or {}
        words = [f"{number(point.requests_per_s)} req/s", f"e2e p50 {number(latency.get('p50'))} ms"]
        words += [f"p99 {number(latency['p99'])} ms"] if latency.get("p99") is not None else []
        words += [f"{point.error_rate:.1%} failed"] if point.error_rate else []
        words += [f"accuracy {accuracy(point)}"] if point.quality is not None else []
        words += [f"slo {point.slo}"] if point.slo is not None else []
        words += [f"client {point.verdict}"] if point.verdict != "ok" else []
        self.say(f"  {', '.join(words)}")

    def probing(self, load: float, seconds: float, why: str, objective: Objective) -> None:
        over = "rate" if objective.open_loop else "parallel"
        self.say(f"probe: {of_load(load, over)} for {span(seconds)} ({why})")

    def probed(self, probe: Probe, outcome: str, answer: Answer, objective: Objective, elapsed_s: float) -> None:
        counts = []
        for criterion, blocks in zip(objective.criteria, probe.counts, strict=True):
            count, misses = (sum(column) for column in zip(*blocks, strict=True))
            if criterion.metric != "error_rate" or misses:
                counts.append(f"{misses} of {count} miss {criterion.text}")
        words = [outcome, *counts]
        words += [f"broken off: {probe.halted}"] if probe.halted else []
        words += ["the client was the limit"] if probe.suspect else []
        known = "" if answer.interval is None else f"; answer in {answer.interval[0]:.4g} to {answer.interval[1]:.4g}"
        self.say(f"  {'; '.join(words)}{known} ({span(elapsed_s)} so far)")


def accuracy(point: Point) -> str:
    found = (point.quality or {}).get("accuracy")
    return NOTHING if found is None else f"{found:.1%}"


def of_load(load: float, over: str) -> str:
    return f"{load:.4g} req/s" if over == "rate" else f"{load:.0f} in flight"
