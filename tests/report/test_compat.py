"""Compat: another tool's own figures come out of its records, by its definitions."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfbench import cli
from perfbench.engine.errors import ExitCode
from perfbench.report.compat import linear_percentile, vllm
from tests.evalcore.shared import shared
from tests.metrics.rows import record, table
from tests.report.runs import make_run


def test_vllm_by_hand() -> None:
    found = vllm(
        table(
            record(460, started=50, written=60, first_output=150, last_output=450, output_tokens=4, input_tokens=9,
                   itl_ns=[100_000_000] * 3),
            record(260, started=50, written=60, first_output=250, last_output=250, output_tokens=1, input_tokens=9),
            record(70, started=60, written=61, outcome="failed", error="http_503"),
        )
    )  # fmt: skip
    assert (found["completed"], found["failed"]) == (2, 1)
    assert found["duration"] == pytest.approx(0.41)
    assert found["output_throughput"] == pytest.approx(5 / 0.41)
    assert found["mean_ttft_ms"] == 150
    assert found["p90_ttft_ms"] == 190, "between two requests"
    assert found["std_ttft_ms"] == 50
    assert (found["mean_tpot_ms"], found["p99_tpot_ms"]) == (100, 100), "a reply of one token has none"
    assert found["mean_e2el_ms"] == 300, "to the last output, not the last byte"
    assert found["mean_itl_ms"] == 100


def test_the_command_prints_them_and_leaves_the_folder_alone(tmp_path: Path, capsys: Any) -> None:
    folder = make_run(tmp_path / "run", 50)
    before = sorted(file.name for file in folder.path.iterdir())
    assert cli.run(["report", str(folder.path), "--compat", "vllm"]) == ExitCode.DONE
    text = capsys.readouterr().out
    assert "Time per Output Token (excl. 1st token)" in text and "Request throughput (req/s):" in text
    assert cli.run(["report", str(folder.path), "--compat", "vllm", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["completed"] == 45
    assert sorted(file.name for file in folder.path.iterdir()) == before
    assert cli.run(["report", str(folder.path), "--compat", "wllm"]) == ExitCode.USAGE
    assert "there is vllm" in capsys.readouterr().err


METRICS = {
    "inter_token_latency_s": "inter_token_latency_s",
    "ttft_s": "ttft_s",
    "end_to_end_latency_s": "end_to_end_latency_s",
    "request_output_throughput_token_per_s": "request_output_throughput_token_per_s",
}


def test_linear_percentiles_are_those_that_llmperf_published() -> None:
    folder = shared("oracles/llmperf/individual")
    files = sorted(folder.glob("*.json.gz"))
    assert len(files) == 10
    for file in files:
        requests = [one for one in json.loads(gzip.decompress(file.read_bytes())) if one["error_code"] is None]
        name = file.name.removesuffix(".gz")
        published = json.loads((folder.parent / "summary" / name).read_text())
        for metric, key in METRICS.items():
            values = np.array([one[key] for one in requests])
            for percent in (25, 50, 75, 90, 95, 99):
                expected = published[f"results_{metric}_quantiles_p{percent}"]
                assert linear_percentile(values, percent) == pytest.approx(expected, rel=1e-9), (name, metric, percent)
