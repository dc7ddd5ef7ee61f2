"""Telemetry: what servers and GPUs say of themselves, asked for while the run lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import OUTPUT, Rule, Section

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario


class Telemetry(Section):
    server_metrics: t.MetricsUrls | None = key(
        None, OUTPUT, "Where the servers say how they are (Prometheus text: vLLM, SGLang, TGI, llama.cpp); auto is "
        "/metrics of each url.", metavar="URL|auto",
    )  # fmt: skip
    gpu_metrics: t.MetricsUrls | None = key(
        None, OUTPUT, "The same of GPUs: a DCGM, nvidia-smi or NVML exporter.", metavar="URL"
    )
    metrics_every: t.Limit = key(1.0, OUTPUT, "How often they are asked.")


def conflicts(scenario: Scenario) -> list[Rule]:
    s = scenario
    return [
        (s.gpu_metrics == ("auto",), "gpu_metrics", "is auto, but no exporter is known; give its address"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    return {}
