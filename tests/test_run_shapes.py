"""Shapes, warm-up and telemetry in whole runs against the built-in simulator: what was asked for is what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfbench.engine.request import Record
from perfbench.run import run_scenario
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario

SIMULATOR = {"ttft": "10ms", "itl": "2ms", "tokens": 4, "slots": 8}


def run(folder: Path, **load: Any) -> tuple[dict[str, Any], list[Record]]:
    values = {"url": "simulator", "model": "m", "simulator": SIMULATOR, "outputs_dir": str(folder), "seed": 5, **load}
    found = run_scenario(Scenario.from_mapping(values, environment={}), quiet=True)
    return found.summary, [record for batch in RunFolder(found.folder).records() for record in batch]


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_arrivals_follow_the_shape_after_a_warm_up(tmp_path, workers):
    shape = "ramp 20/s -> 120/s over 1500ms; hold 500ms; ramp to 0 over 500ms"
    summary, records = run(tmp_path, shape=shape, warmup="500ms", workers=workers, server_metrics="auto",
                           metrics_every="200ms")  # fmt: skip
    began_ns = summary["run"]["zero_ns"]
    due_s = np.array([(record.intended_ns - began_ns) / 1e9 for record in records])
    warm = np.array([record.warmup for record in records])
    assert (due_s[warm] < 0.5).all() and (due_s[~warm] >= 0.5).all()
    assert summary["warmup"]["requests"] == warm.sum() == pytest.approx(10, abs=12)
    # Expected arrivals of each stage, and four standard deviations of a Poisson count.
    for from_s, to_s, expected in ((0.5, 2.0, 105), (2.0, 2.5, 60), (2.5, 3.0, 30)):
        count = int(((due_s >= from_s) & (due_s < to_s)).sum())
        assert count == pytest.approx(expected, abs=4 * expected**0.5)
    assert summary["arrivals"]["law"] == f"poisson along {shape}"
    assert summary["requests"]["succeeded"] == len(records) - warm.sum()
    tokens = summary["server"]["compared"]["generated_tokens"]
    assert tokens["server"] == tokens["client"] == 4 * len(records)
    assert summary["server"]["addresses"][0]["failed"] == 0


def test_slots_follow_the_shape(tmp_path):
    summary, records = run(tmp_path, shape={"parallel": [{"steps": [2, 6, 1], "every": "400ms"}]})
    began_ns = summary["run"]["zero_ns"]

    def in_flight(at_s: float) -> int:
        at_ns = began_ns + round(at_s * 1e9)
        return sum((r.dispatched_ns or 0) <= at_ns < r.finished_ns for r in records)

    levels = [max(in_flight(at_s) for at_s in np.linspace(low, low + 0.25, 60)) for low in (0.1, 0.5, 0.9)]
    assert levels == [2, 6, 1]
    assert summary["arrivals"] is None
    steady = summary["steady_state"]
    assert steady is None or steady["to_s"] - steady["from_s"] <= 0.4 + 1e-6


def test_a_metrics_address_that_is_dead_is_said_and_changes_nothing(tmp_path):
    summary, records = run(tmp_path, parallel=2, number=20, gpu_metrics="http://127.0.0.1:1")
    assert summary["requests"]["succeeded"] == len(records) == 20
    assert any("http://127.0.0.1:1/metrics failed" in note for note in summary["notes"])
