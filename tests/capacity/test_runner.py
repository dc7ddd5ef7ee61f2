"""What spoils a probe: lateness of the client that is a good part of what one of the criteria allows."""

from __future__ import annotations

import pytest

from perfbench.capacity.objective import parse_objective
from perfbench.capacity.runner import disturbed


def summary(verdict: str, lag_ms: float, tokens: int = 100) -> dict:
    client = {"verdict": verdict, "loop_lag_ms": {"p99": lag_ms}, "send_lag_ms": {"p99": None}}
    return {"client": client, "tokens": {"output": 10 * tokens}, "requests": {"succeeded": 10}}


@pytest.mark.parametrize(
    ("slo", "verdict", "lag_ms", "tokens", "spoilt"),
    [
        ("p99 ttft < 500ms", "suspect", 40, 100, False),
        ("p99 ttft < 500ms", "suspect", 60, 100, True),
        ("p99 ttft < 500ms", "ok", 60, 100, False),
        ("p99 ttft < 500ms", "saturated", 0, 100, True),
        ("error_rate < 1%", "suspect", 60, 100, False),
        ("p95 tpot < 40ms", "suspect", 60, 101, False),  # a late reading is spread over the gaps between the tokens
        ("p95 tpot < 40ms", "suspect", 60, 2, True),
        ("p95 e2e_per_token < 40ms", "suspect", 60, 20, False),
        ("p99 itl < 40ms", "suspect", 60, 100, True),
    ],
)
def test_lateness_counts_by_what_it_adds_to_each_latency(slo, verdict, lag_ms, tokens, spoilt):
    criteria = parse_objective(slo, open_loop=False).criteria
    assert disturbed(summary(verdict, lag_ms, tokens), criteria) is spoilt
