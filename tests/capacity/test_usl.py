"""The scaling law: recovered where the data hold it, and doubted where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from perfbench.capacity.usl import ceiling_of, fit_scaling, knee_of, peak_of, throughput
from perfbench.engine.errors import NoData

LOADS = np.array([1, 2, 4, 8, 16, 32, 64, 128.0])
LAW = (4.0, 0.03, 2e-4)


def sweep(law, noise, seed, loads=LOADS):
    truth = throughput(loads, *law)
    measured = truth * np.exp(np.random.default_rng(seed).normal(0, noise, len(loads)))
    return fit_scaling(loads, measured, truth * noise)


def inside(value, interval):
    low, high = interval
    return low <= value and (high is None or value <= high)


def test_knee_and_peak_are_recovered_within_five_per_cent():
    fit = sweep(LAW, 0.005, 1)
    assert fit.knee == pytest.approx(knee_of(*LAW), rel=0.05)
    assert fit.peak == pytest.approx(peak_of(*LAW[1:]), rel=0.05)
    assert fit.ceiling_per_s == pytest.approx(ceiling_of(*LAW), rel=0.05)
    assert fit.warnings == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("law", [LAW, (10.0, 0.01, 1e-3)])
def test_intervals_and_the_band_hold_the_truth_in_ninety_of_a_hundred_sweeps(law):
    held = {"knee": 0, "peak": 0, "ceiling": 0, "band": 0}
    for seed in range(100):
        fit = sweep(law, 0.02, seed)
        held["knee"] += inside(knee_of(*law), fit.knee_ci)
        held["peak"] += inside(peak_of(*law[1:]), fit.peak_ci)
        held["ceiling"] += inside(ceiling_of(*law), fit.ceiling_ci)
        drawn = [row for row in fit.band if row[0] <= LOADS.max()]
        held["band"] += all(low <= float(throughput(np.array([n]), *law)[0]) <= high for n, _, low, high in drawn)
    assert min(held.values()) >= 90, held


def test_the_knee_is_where_the_asymptotes_meet():
    assert knee_of(4.0, 0.05, 0.0) == pytest.approx(20.0)
    assert peak_of(0.05, 0.0) is None
    assert ceiling_of(4.0, 0.05, 0.0) == pytest.approx(80.0)


def test_points_on_a_line_have_no_knee_that_is_known():
    fit = sweep((4.0, 0.0, 0.0), 0.004, 1, LOADS[:5])
    assert "no limit is in sight" in fit.warnings[0]


def test_a_peak_beyond_the_largest_load_is_called_extrapolated():
    fit = sweep(LAW, 0.002, 1, LOADS[:6])
    assert fit.peak > 32
    assert any("extrapolated" in text for text in fit.warnings)


def test_throughput_that_grows_faster_than_load_is_called_out():
    fit = fit_scaling(LOADS[:5], [2.0, 8.0, 16.0, 30.0, 50.0], [0.05] * 5)
    assert any("faster than concurrency" in text for text in fit.warnings)


def test_too_few_loads_are_no_data():
    with pytest.raises(NoData, match="4 concurrencies, there are 3"):
        fit_scaling([1, 2, 4], [1.0, 2.0, 3.0])
