"""Steady state: from the plateau to the last dispatch, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from perfbench.metrics.concurrency import in_flight
from perfbench.metrics.steady import SteadyWindow, steady_window
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
