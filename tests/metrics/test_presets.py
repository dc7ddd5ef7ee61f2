"""Presets: names that stand for conditions."""

from __future__ import annotations

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.metrics.presets import PRESETS
from perfbench.metrics.slo import parse_slo


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_conditions_and_names_its_source(name):
    preset = PRESETS[name]
    found = parse_slo(name)
    assert found.text == name
    assert [(c.metric, c.statistic, c.comparison, c.limit) for c in found.conditions] == [
        ("ttft", "p99", "<", preset.ttft_ms), ("tpot", "p99", "<", preset.tpot_ms)
    ]  # fmt: skip
    assert preset.ttft_ms > preset.tpot_ms > 0
    assert "mlcommons" in preset.source


def test_a_preset_stands_among_other_conditions_in_any_case():
    found = parse_slo("MLPerf:Llama2-70B-Interactive and error_rate < 1%, p50 e2e < 9s")
    assert [str(condition) for condition in found.conditions] == [
        "p99 ttft < 450ms", "p99 tpot < 40ms", "error_rate < 1%", "p50 e2e < 9s"
    ]  # fmt: skip
    assert found.request_limits(open_loop=True)["response_ttft"] == 450.0


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(ScenarioError) as refused:
        parse_slo("mlperf:llama2-70b-interactiv")
    assert "did you mean 'mlperf:llama2-70b-interactive'" in str(refused.value)
    assert all(name in str(refused.value) for name in PRESETS)
