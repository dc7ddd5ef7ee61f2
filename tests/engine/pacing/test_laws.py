"""Pacers: the same schedule every time, true to its law, never shifted and never rescaled."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import ARRIVALS, ClosedLoop, Constant, Gamma, Poisson

OPEN = [
    pytest.param(Constant(20.0), 0.0, id="constant"),
    pytest.param(Poisson(20.0, seed=3), 1.0, id="poisson"),
    pytest.param(Gamma(20.0, 0.25, seed=3), 2.0, id="bursty gamma"),
    pytest.param(Gamma(20.0, 1.0, seed=3), 1.0, id="gamma of shape 1 is poisson"),
    pytest.param(Gamma(20.0, 4.0, seed=3), 0.5, id="even gamma"),
]
rates = st.floats(1e-3, 1e5)


def first(pacer, count):
    return list(islice(pacer, count))


@pytest.mark.parametrize(("pacer", "_variation"), OPEN)
def test_iterating_again_gives_the_same_offsets(pacer, _variation):
    assert first(pacer, 500) == first(pacer, 500)


@pytest.mark.parametrize("law", [Poisson, lambda rate, seed: Gamma(rate, 2.0, seed)])
def test_the_seed_alone_decides(law):
    assert first(law(5.0, seed=1), 50) == first(law(5.0, seed=1), 50) != first(law(5.0, seed=2), 50)


def test_a_seed_gives_the_same_schedule_on_every_machine():
    assert first(Poisson(500.0, seed=0), 3) == [3979352, 5252336, 10310138]
    assert first(Gamma(500.0, 0.5, seed=0), 3) == [4510724, 11178350, 11448452]
    assert ClosedLoop(3, ramp_up_s=1.0, seed=0).slot_offsets() == [0, 122057062, 291709994]


@pytest.mark.parametrize(("pacer", "variation"), OPEN)
def test_gaps_have_the_mean_and_the_coefficient_of_variation_of_their_law(pacer, variation):
    count = 40_000
    gaps_s = np.diff(first(pacer, count + 1)) / 1e9
    # Four standard errors; that of a gamma's coefficient of variation v is near v * sqrt((1 + 2 v^2) / 2n).
    assert gaps_s.mean() == pytest.approx(1 / 20, rel=4 * variation / math.sqrt(count) + 1e-6)
    spread = gaps_s.std() / gaps_s.mean()
    assert spread == pytest.approx(variation, abs=4 * variation * math.sqrt((1 + 2 * variation**2) / 2 / count) + 1e-4)


@pytest.mark.parametrize("law", [Poisson, lambda rate, seed: Gamma(rate, 0.5, seed)])
def test_totals_are_not_rescaled_to_fit_a_count(law):
    """The n-th arrival spreads over seeds as a sum of n gaps does; a rescaled one would always be at n / rate."""
    ends_s = np.array([first(law(100.0, seed), 100)[-1] for seed in range(200)]) / 1e9
    assert ends_s.mean() == pytest.approx(1.0, abs=0.05)
    assert ends_s.std() > 0.05


@given(rate_per_s=rates, seed=st.integers(), burstiness=st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_offsets_never_decrease_and_are_never_negative(rate_per_s, seed, burstiness):
    for make in ARRIVALS.values():
        offsets = first(make(rate_per_s, burstiness, seed), 200)
        assert offsets[0] >= 0
        assert all(isinstance(offset, int) for offset in offsets)
        assert all(sooner <= later for sooner, later in pairwise(offsets))


@given(rate_per_s=rates, index=st.integers(0, 5000))
@settings(max_examples=60, deadline=None)
def test_constant_arrivals_do_not_drift(rate_per_s, index):
    offset_ns = next(islice(Constant(rate_per_s), index, None))
    assert offset_ns == pytest.approx(index * 1e9 / rate_per_s, abs=1)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("arrival", ARRIVALS)
def test_a_rate_that_is_none_is_refused(arrival, rate):
    with pytest.raises(ScenarioError, match=f"rate must be above 0 and finite, got {rate}"):
        ARRIVALS[arrival](rate, 1.0, 0)


@pytest.mark.parametrize("burstiness", [0.0, -1.0, float("nan"), float("inf")])
def test_a_burstiness_that_is_none_is_refused(burstiness):
    with pytest.raises(ScenarioError, match=f"burstiness must be .* got {burstiness}"):
        Gamma(1.0, burstiness)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"parallel": 0}, "parallel must be at least 1, got 0", id="no slot"),
        pytest.param({"parallel": -2}, "parallel must be at least 1, got -2", id="less than none"),
        pytest.param({"parallel": 2, "ramp_up_s": -0.1}, "ramp_up .* got -0.1 s", id="a ramp into the past"),
        pytest.param({"parallel": 2, "ramp_up_s": float("nan")}, "ramp_up .* got nan s", id="a ramp of NaN"),
        pytest.param({"parallel": 2, "ramp_up_s": float("inf")}, "ramp_up .* got inf s", id="a ramp without end"),
    ],
)
def test_a_closed_loop_that_cannot_be_is_refused(values, message):
    with pytest.raises(ScenarioError, match=message):
        ClosedLoop(**values)


@given(parallel=st.integers(1, 300), ramp_up_s=st.floats(0, 1e4), seed=st.integers())
@settings(max_examples=60, deadline=None)
def test_slots_open_within_the_ramp_in_order_the_first_at_once(parallel, ramp_up_s, seed):
    loop = ClosedLoop(parallel, ramp_up_s, seed)
    offsets = loop.slot_offsets()
    assert len(offsets) == parallel
    assert offsets == sorted(offsets) == loop.slot_offsets()
    assert offsets[0] == 0
    assert offsets[-1] <= round(ramp_up_s * 1e9)


def test_a_ramp_of_nothing_opens_all_slots_at_once():
    assert ClosedLoop(5).slot_offsets() == [0, 0, 0, 0, 0]


def test_a_ramp_is_spread_evenly_and_follows_its_seed():
    offsets = ClosedLoop(4000, ramp_up_s=10.0, seed=1).slot_offsets()
    quarters, _ = np.histogram(np.array(offsets) / 1e9, bins=4, range=(0, 10))
    assert quarters == pytest.approx([1000] * 4, abs=150)
    assert offsets != ClosedLoop(4000, ramp_up_s=10.0, seed=2).slot_offsets()
