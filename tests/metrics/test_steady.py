"""Steady state: from the plateau to the last dispatch, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from perfbench.metrics.concurrency import in_flight
from perfbench.metrics.steady import SteadyWindow, drift, mser5, steady_window
from tests.metrics.rows import at, reply, table


def window(*records: object) -> SteadyWindow | None:
    found = table(*records)  # type: ignore[arg-type]
    return steady_window(found, in_flight(found))


def closed_loop(slots: int, ramp_ms: float, each_ms: float, per_slot: int) -> list[object]:
    """Slots open evenly over the ramp and then send back to back."""
    return [
        reply(opened + i * each_ms, opened + (i + 1) * each_ms)
        for opened in np.linspace(0, ramp_ms, slots)
        for i in range(per_slot)
    ]


def test_ramp_up_and_drain_are_left_out() -> None:
    found = window(*closed_loop(slots=11, ramp_ms=1000, each_ms=100, per_slot=50))
    assert found is not None
    assert found.plateau == 11
    assert found.from_ns == at(1000)  # the last slot opens
    assert found.to_ns == at(1000 + 49 * 100)  # and sends its last
    assert found.stationary


def test_it_holds_the_requests_that_started_in_it_however_long_they_take() -> None:
    records = closed_loop(slots=4, ramp_ms=0, each_ms=100, per_slot=10)
    found = table(*records, reply(850, 60_000))  # type: ignore[arg-type]
    steady = steady_window(found, in_flight(found))
    assert steady is not None
    assert steady.to_ns == at(900)
    assert steady.holds(found).all()


def test_a_single_burst_has_no_steady_state() -> None:
    assert window(*[reply(0, 100 + i) for i in range(50)]) is None


def test_a_load_that_only_grows_is_not_stationary() -> None:
    """Arrivals every 10 ms on a server that ends one every 20 ms."""
    found = window(*[reply(10 * i, 20 * (i + 1)) for i in range(1000)])
    assert found is not None
    assert not found.stationary
    assert found.growth > 1.25


@pytest.mark.parametrize("seed", range(5))
def test_poisson_arrivals_on_an_idle_server_are_stationary(seed: int) -> None:
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.exponential(10, 3000))
    found = window(*[reply(start, start + rng.gamma(4, 50)) for start in starts])
    assert found is not None
    assert found.stationary
    assert found.to_ns == at(starts[-1])
    assert found.from_ns < at(starts[0] + 2000)


# -- MSER-5 and drift --------------------------------------------------------------------------------------------------


def test_a_beginning_that_differs_is_cut_off() -> None:
    """The first 200 requests take ever less longer than the rest; what is cut off is about those."""
    rng = np.random.default_rng(1)
    values = rng.normal(100, 5, 2000) + 300 * np.exp(-np.arange(2000) / 50)
    dropped = mser5(values)
    assert dropped is not None and dropped % 5 == 0
    assert 120 <= dropped <= 400
    assert abs(values[dropped:].mean() - 100) < abs(values.mean() - 100) / 10


def test_the_truncation_point_by_hand() -> None:
    """Ten batches: the first two are 9, the rest 1. Without those two nothing varies, so the error is 0."""
    assert mser5(np.array([9.0] * 10 + [1.0] * 40)) == 10
    assert mser5(np.array([1.0] * 50)) == 0


def test_values_that_never_settle_have_no_truncation_point() -> None:
    assert mser5(np.arange(500.0)) is None


def test_too_few_values_have_no_truncation_point() -> None:
    assert mser5(np.ones(49)) is None


@pytest.mark.parametrize("count", [300, 3000])
def test_a_steady_series_keeps_nearly_all(count: int) -> None:
    found = [mser5(np.random.default_rng(seed).exponential(1, count)) for seed in range(60)]
    kept = [dropped for dropped in found if dropped is not None]
    assert len(kept) >= 50
    assert float(np.median(kept)) <= 0.05 * count


@pytest.mark.parametrize(
    ("change", "drifting"),
    [pytest.param(0.3, True, id="a third slower at the end"), pytest.param(-0.3, True, id="or faster"),
     pytest.param(0.02, False, id="significant, but too little to matter"), pytest.param(0.0, False, id="none")],
)  # fmt: skip
def test_drift_is_a_trend_that_is_real_and_matters(change: float, drifting: bool) -> None:
    values = np.random.default_rng(3).normal(100, 5, 4000) * (1 + change * np.linspace(-0.5, 0.5, 4000))
    found = drift(values)
    assert found is not None and found.drifting is drifting
    assert found.change == pytest.approx(change, abs=0.02)


def test_chance_is_hardly_ever_taken_for_drift() -> None:
    alarms = [
        found.drifting
        for seed in range(400)
        if (found := drift(np.random.default_rng(seed).exponential(1, 150))) is not None
    ]
    assert len(alarms) == 400
    assert sum(alarms) <= 3


def test_drift_of_a_few_requests_is_not_told() -> None:
    assert drift(np.ones(99)) is None


def test_a_slow_beginning_is_left_out_of_the_window_and_told() -> None:
    """Two slots that answer in 1 s for the first 30 requests and in 0.1 s from then on."""
    records = [reply(500 * i, 500 * i + 1000) for i in range(30)]
    records += [reply(15_500 + 50 * i, 15_600 + 50 * i) for i in range(600)]
    found = table(*records)
    steady = steady_window(found, in_flight(found))
    assert steady is not None
    assert steady.truncation.dropped == 30
    assert steady.truncation.of == 630
    assert steady.from_ns == at(15_500)
    assert steady.stationary


def test_latencies_that_go_on_rising_are_not_stationary_though_the_number_in_flight_is() -> None:
    slots = [0.0, 0.0]
    records = []
    for i in range(400):
        start = slots[i % 2]
        slots[i % 2] = start + 100 * (1 + i / 400)
        records.append(reply(start, slots[i % 2]))
    found = table(*records)
    steady = steady_window(found, in_flight(found))
    assert steady is not None
    assert steady.growth == pytest.approx(1, abs=0.05)
    assert steady.drift is not None and steady.drift.drifting
    assert not steady.stationary


def test_the_window_keeps_within_what_it_is_given() -> None:
    found = table(*closed_loop(slots=4, ramp_ms=0, each_ms=100, per_slot=100))  # type: ignore[arg-type]
    steady = steady_window(found, in_flight(found), (at(2000), at(7000)))
    assert steady is not None
    assert (steady.from_ns, steady.to_ns) == (at(2000), at(7000))
