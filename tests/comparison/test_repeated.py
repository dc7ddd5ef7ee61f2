"""Repeated: series of runs are compared run by run, so that a day that was worse is not a worse server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_ind

from perfbench.comparison.compare import Comparison
from perfbench.comparison.repeated import compare_series, welch
from perfbench.comparison.source import Source
from perfbench.metrics.columns import columns
from perfbench.statistics.means import repeats
from tests.metrics.rows import reply

RUN = Source("run", "perfbench", columns([[reply(0, 5.0)]]), {"rate": None})


def series(**figures: tuple[str, list[float]]) -> dict[str, Any]:
    found = {}
    for name, (unit, values) in figures.items():
        about = repeats(values, [None] * len(values))
        found[name.replace("_", " ") if name.startswith("p") else name] = {
            "unit": unit, "runs": len(values), "mean": about.mean, "low": about.low, "high": about.high,
            "between": about.between, "within": None, "values": values,
        }  # fmt: skip
    return {"schema": 1, "runs": [], "figures": found}


def compared(first: dict[str, Any], second: dict[str, Any]) -> Comparison:
    return compare_series(first, second, ([RUN], [RUN]), ("a", "b"), margin=0.05)


def test_welch_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0, 1, 5), rng.normal(1, 3, 8)
    found = welch(first, second)
    expected = ttest_ind(second, first, equal_var=False)
    assert found is not None
    assert found[0] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert found[1:] == pytest.approx((interval.low, interval.high))
    assert welch(first[:1], second) is None
    assert welch(np.ones(3), np.ones(4)) is None


def test_runs_that_lie_apart_hide_a_difference_and_runs_that_agree_show_it() -> None:
    found = compared(
        series(p50_ttft=("ms", [100.0, 101.0, 99.0, 100.5]), p99_ttft=("ms", [200.0, 300.0, 250.0, 150.0]),
               requests_per_s=("/s", [50.0, 50.2, 49.9, 50.1])),
        series(p50_ttft=("ms", [110.0, 111.0, 109.5, 110.2]), p99_ttft=("ms", [220.0, 330.0, 275.0, 165.0]),
               requests_per_s=("/s", [55.0, 55.2, 54.9, 55.1])),
    )  # fmt: skip
    by_name = {each.metric: each for each in found.differences}
    assert (by_name["p50 ttft"].verdict, by_name["requests_per_s"].verdict) == ("worse", "better")
    assert by_name["p99 ttft"].verdict == "undecided"
    assert "among themselves" in str(by_name["p99 ttft"].why)
    assert [each.metric for each in found.regressions(0.05)] == ["p50 ttft"]


def test_one_run_each_decides_nothing() -> None:
    found = compared(series(p50_ttft=("ms", [100.0])), series(p50_ttft=("ms", [150.0])))
    assert [each.verdict for each in found.differences] == ["undecided"]
    assert not found.decided


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.0, 0.07), (0.1, 0.9, 1.0)])
def test_false_alarms_stay_rare_though_the_days_differ(shift: float, least: float, most: float) -> None:
    """Each run has a day of its own, 2 % better or worse in everything; five runs of each."""
    rng, pairs, alarms = np.random.default_rng(2), 200, 0
    for _ in range(pairs):
        sides = []
        for side in range(2):
            days = 1 + rng.normal(0, 0.02, 5)
            slow = 1 + shift * side
            figures = {f"p{n}_ttft": ("ms", (100 * n * slow * days).tolist()) for n in (50, 90, 99)}
            sides.append(series(**figures))  # type: ignore[arg-type]
        alarms += any(each.verdict in ("better", "worse") for each in compared(*sides).differences)
    assert least <= alarms / pairs <= most
