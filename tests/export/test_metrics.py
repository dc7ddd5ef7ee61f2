"""Metrics: read back by the parsers of prometheus_client, which are those of the formats' authors."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from perfbench.export.held import held
from perfbench.export.openmetrics import write_openmetrics, write_prometheus
from perfbench.runfolder import SUMMARY
from tests.report import made
from tests.report.runs import HOSTILE


def parsed(folder: Path, *, old: bool = False) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """(sample name, labels but for run and model) -> value."""
    file = io.BytesIO()
    (write_prometheus if old else write_openmetrics)(held(folder), file)
    families = (parse_prometheus if old else parse_openmetrics)(file.getvalue().decode())
    samples = [sample for family in families for sample in family.samples]
    keys = [(s.name, frozenset((k, v) for k, v in s.labels.items() if k not in ("run", "model"))) for s in samples]
    assert len(set(keys)) == len(keys), "no two samples are alike"
    return dict(zip(keys, (sample.value for sample in samples), strict=True))


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.mark.parametrize("old", [False, True], ids=["openmetrics", "prometheus"])
def test_a_run_in_base_units(tmp_path, old):
    folder = made.folder_of(tmp_path / "run", "run")
    found, summary = parsed(folder, old=old), json.loads((folder / SUMMARY).read_text())
    ttft = summary["latency_ms"]["ttft"]
    assert found[key("perfbench_ttft_seconds", quantile="0.99")] == pytest.approx(ttft["p99"] / 1e3)
    assert found[key("perfbench_ttft_seconds_count")] == 360
    assert found[key("perfbench_ttft_seconds_sum")] == pytest.approx(ttft["mean"] * 360 / 1e3)
    assert found[key("perfbench_requests", outcome="succeeded")] == 360
    assert found[key("perfbench_failures", kind="http_503")] == 40
    assert found[key("perfbench_error_ratio")] == 0.1
    assert found[key("perfbench_slo_condition", condition="error_rate < 1%", state="missed")] == 1
    assert found[key("perfbench_slo_condition", condition="error_rate < 1%", state="met")] == 0
    assert found[key("perfbench_client_verdict", state="ok")] == 1
    assert found[key("perfbench_latency_interval_seconds", latency="ttft", quantile="0.5", end="low")] == pytest.approx(
        ttft["p50_ci"][0] / 1e3
    )


def test_what_is_not_known_is_left_out(tmp_path):
    folder = made.folder_of(tmp_path / "run", "run")
    summary = json.loads((folder / SUMMARY).read_text())
    assert summary["latency_ms"]["ttft"]["p99_9"] is None
    found = parsed(folder)
    assert key("perfbench_ttft_seconds", quantile="0.999") not in found
    assert not any(value != value for value in found.values())


def test_loads_of_a_sweep_are_labels(tmp_path):
    found = parsed(made.folder_of(tmp_path / "sweep", "sweep"))
    assert {dict(labels)["load"] for name, labels in found if name == "perfbench_requests_per_second"} == {"16", "32"}
    assert found[key("perfbench_sweep_peak")] == pytest.approx(made.sweep().scaling.peak)


def test_a_search_and_a_plan(tmp_path):
    found = parsed(made.folder_of(tmp_path / "slo", "slo"))
    labels = {"over": "rate", "slo": made.SLO_TEXT}
    assert found[key("perfbench_slo_load", **labels)] == 81.3
    assert found[key("perfbench_slo_load_interval", end="high", **labels)] == 83.0
    found = parsed(made.folder_of(tmp_path / "plan", "plan"))
    assert found[key("perfbench_plan_replicas", target="400 req/s", slo="p95 ttft < 200ms")] == 5


@pytest.mark.parametrize("old", [False, True], ids=["openmetrics", "prometheus"])
def test_foreign_texts_stay_within_their_labels(tmp_path, old):
    hostile = HOSTILE + '"} evil 1\n# EOF\\'
    folder = made.folder_of(tmp_path / "run", "run", words=hostile)
    assert not any(name == "evil" for name, _ in parsed(folder, old=old))
