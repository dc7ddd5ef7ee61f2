"""Metrics: what the simulator says of itself at /metrics, in Prometheus's text format."""

from __future__ import annotations

from perfbench.simulator.slots import Slots
from perfbench.simulator.truth import TruthLog

PREFIX = "perfbench_simulator_"


def metrics_text(slots: Slots, log: TruthLog) -> str:
    """Two gauges and two counters; tokens are counted once their request is over."""
    finished, tokens = log.totals()
    rows = (
        ("running", "gauge", slots.active, "Requests that are being answered."),
        ("waiting", "gauge", slots.waiting, "Requests that wait for a slot."),
        ("finished_total", "counter", finished, "Requests that were answered to the end."),
        ("generated_tokens_total", "counter", tokens, "Tokens that were sent."),
    )
    lines = [
        f"# HELP {PREFIX}{name} {what}\n# TYPE {PREFIX}{name} {kind}\n{PREFIX}{name} {value}\n"
        for name, kind, value, what in rows
    ]
    return "".join(lines)
