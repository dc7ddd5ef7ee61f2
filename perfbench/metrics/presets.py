"""Presets: limits that others have settled on, by name, so that `--slo mlperf:llama2-70b-interactive` is enough.

One table. Each line gives its figures and where they stand; a line without a source does not belong here. A name stands
for the conditions of `Preset.text` wherever a condition may stand in an SLO.
"""

from __future__ import annotations

from dataclasses import dataclass

_MLPERF = "mlcommons/inference, loadgen/mlperf.conf at commit 001712e9, scenario Server, target percentile 99"


@dataclass(frozen=True, slots=True)
class Preset:
    ttft_ms: int
    tpot_ms: int
    source: str

    @property
    def text(self) -> str:
        """As an SLO: MLPerf counts from when the schedule wanted a query to leave, as an open loop here does."""
        return f"p99 ttft < {self.ttft_ms}ms and p99 tpot < {self.tpot_ms}ms"


PRESETS: dict[str, Preset] = {
    "mlperf:llama2-70b": Preset(2000, 200, _MLPERF),
    "mlperf:llama2-70b-interactive": Preset(450, 40, _MLPERF),
    "mlperf:llama3.1-8b": Preset(2000, 100, _MLPERF),
    "mlperf:llama3.1-8b-interactive": Preset(500, 30, _MLPERF),
    "mlperf:llama3.1-405b": Preset(6000, 175, _MLPERF),
    "mlperf:llama3.1-405b-interactive": Preset(4500, 80, _MLPERF),
    "mlperf:mixtral-8x7b": Preset(2000, 200, _MLPERF),
    "mlperf:deepseek-r1": Preset(2000, 80, _MLPERF),
    "mlperf:deepseek-r1-interactive": Preset(1500, 15, _MLPERF),
}
