"""Backlog: told from chance, from filling up to a level, and from failing fast."""

from __future__ import annotations

import numpy as np
import pytest

from perfbench.metrics.backlog import Backlog, backlog
from tests.metrics.rows import at, record, reply, table


def between(rows: list[object], from_ms: float, to_ms: float) -> Backlog | None:
    return backlog(table(*rows), at(from_ms), at(to_ms))  # type: ignore[arg-type]


def served(starts: list[float], each_ms: float, slots: int) -> list[object]:
    """Arrivals at `slots` servers, first come first served."""
    free = [0.0] * slots
    rows = []
    for start in starts:
        slot = min(range(slots), key=free.__getitem__)
        free[slot] = max(free[slot], start) + each_ms
        rows.append(reply(start, free[slot]))
    return rows


def poisson(seed: int, gap_ms: float, count: int) -> list[float]:
    return list(np.cumsum(np.random.default_rng(seed).exponential(gap_ms, count)))


def test_twice_as_many_arrivals_as_it_can_serve() -> None:
    found = between(served([10.0 * i for i in range(1000)], each_ms=20, slots=1), 5000, 9990)
    assert found is not None
    assert found.growing
    assert (found.at_start, found.at_end) == (251, 501)
    assert found.arrived_per_s == pytest.approx(100, rel=0.01)
    assert found.over_per_s == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("capacity_per_s", "growing"), [(80, True), (130, False), (200, False)])
def test_poisson_arrivals_at_100_a_second(seed: int, capacity_per_s: int, growing: bool) -> None:
    rows = served(poisson(seed, 10, 3000), each_ms=20_000 / capacity_per_s, slots=20)
    found = between(rows, 10_000, 29_000)
    assert found is not None
    assert found.growing is growing


@pytest.mark.parametrize("seed", range(8))
def test_a_handful_in_flight_moves_by_chance(seed: int) -> None:
    rows = [reply(start, start + 600) for start in poisson(seed, 500, 60)]
    found = between(rows, 2000, 28_000)
    assert found is not None
    assert not found.growing


def test_long_requests_that_fill_up_to_a_level_are_kept_up_with() -> None:
    """100 a second that take 10 s each: a thousand in flight, reached in the first half of the window."""
    found = between([reply(10.0 * i, 10.0 * i + 10_000) for i in range(3000)], 5000, 29_990)
    assert found is not None
    assert (found.at_start, found.at_end, found.growing) == (501, 1000, False)


def test_failing_fast_is_keeping_up() -> None:
    rows = [record(10.0 * i + 1, 10.0 * i, started=10.0 * i, outcome="failed", error="http_503") for i in range(1000)]
    found = between(rows, 1000, 9000)
    assert found is not None
    assert not found.growing
    assert found.over_per_s == pytest.approx(found.arrived_per_s)


def test_what_a_cap_holds_back_is_backlog() -> None:
    """One in flight at a time, so none of the wait is in flight."""
    rows = [reply(20.0 * i, 20.0 * (i + 1), intended=10.0 * i) for i in range(1000)]
    found = between(rows, 5000, 9990)
    assert found is not None
    assert found.growing


@pytest.mark.parametrize(("from_ms", "to_ms"), [(100, 100), (200, 100), (5000, 6000)])
def test_a_window_without_arrivals_has_none(from_ms: float, to_ms: float) -> None:
    assert between([reply(0, 50), reply(100, 150)], from_ms, to_ms) is None
