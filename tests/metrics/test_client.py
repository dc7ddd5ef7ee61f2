"""Client verdict: which figures of the client lead to which word, and that the numbers stand in the reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from perfbench.engine.probe import ClientSample
from perfbench.metrics.client import ClientFigures, client_figures, client_verdict, describe

S = 1_000_000_000
HEALTHY = ClientFigures(
    lag_p50_ms=0.2,
    lag_p99_ms=2.0,
    lag_max_ms=9.0,
    cpu_share=0.6,
    cpu_share_mean=0.5,
    busy_share=0.6,
    run_delay_share=0.01,
    workers=1,
)
TTFT = np.linspace(95, 105, 1000)  # p50 100 ms, p99 105 ms: 5 % is 5 ms and 5.2 ms
NOTHING = np.empty(0)
ON_TIME = np.full(1000, 0.3)


def figures(**changed: Any) -> ClientFigures:
    return ClientFigures(**({name: getattr(HEALTHY, name) for name in HEALTHY.__slots__} | changed))


def sample(second: int, lag_ms: list[float], cpu: float = 0.5, worker: int = 0, **given: Any) -> ClientSample:
    return ClientSample(
        worker=worker, from_ns=second * S, to_ns=(second + 1) * S, lag_ns=[round(lag * 1e6) for lag in lag_ms],
        cpu_ns=round(cpu * S), **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "latency", "word"),
    [
        pytest.param(HEALTHY, TTFT, "ok", id="a punctual loop, an idle core"),
        pytest.param(figures(lag_p50_ms=5.1), TTFT, "suspect", id="the p50 may be off by more than 5 ms"),
        pytest.param(figures(lag_p99_ms=5.4), TTFT, "suspect", id="the p99 may be off by more than 5 %"),
        pytest.param(figures(lag_p99_ms=5.1), TTFT, "ok", id="5.1 of 105 ms is within 5 %"),
        pytest.param(figures(lag_p99_ms=40.0), TTFT * 10, "ok", id="40 of 1050 ms is within 5 %"),
        pytest.param(figures(lag_p99_ms=4.9), TTFT / 100, "ok", id="5 ms are always allowed"),
        pytest.param(figures(lag_p99_ms=4.9), NOTHING, "ok", id="even without a single success"),
        pytest.param(figures(lag_p99_ms=30.0, busy_share=0.97), TTFT, "saturated", id="late stamps of a busy client"),
        pytest.param(figures(busy_share=0.94), TTFT, "ok", id="busy, but punctual, is no fault"),
        pytest.param(figures(busy_share=0.98), TTFT, "suspect", id="a stream kept up with, but only just"),
        pytest.param(
            figures(busy_share=0.98, lag_p50_ms=3.0), TTFT / 10, "saturated", id="its lag fills a request's life"
        ),
        pytest.param(figures(run_delay_share=0.4), TTFT, "ok", id="a shared core that did no harm"),
    ],
)
def test_verdict_of_a_closed_loop_of_streams(found: ClientFigures, latency: np.ndarray, word: str) -> None:
    verdict, reasons = client_verdict(found, ON_TIME, latency, open_loop=False, streamed=True)
    assert verdict == word
    assert reasons


@pytest.mark.parametrize(("cpu", "word"), [(0.94, "ok"), (0.96, "saturated")])
def test_a_closed_loop_without_streams_that_never_sleeps_measures_itself(cpu: float, word: str) -> None:
    verdict, reasons = client_verdict(figures(busy_share=cpu), ON_TIME, TTFT, open_loop=False, streamed=False)
    assert verdict == word
    assert f"{cpu:.0%}" in reasons[0]


@pytest.mark.parametrize(
    ("lateness", "word", "number"),
    [
        pytest.param(ON_TIME, "ok", "", id="on time"),
        pytest.param(np.full(1000, 6.0), "saturated", "6.0 ms", id="half of the arrivals late"),
        pytest.param(
            np.r_[np.full(880, 0.1), np.full(120, 300.0)], "saturated", "300.0 ms", id="falling behind at the end"
        ),
        pytest.param(np.r_[np.full(50, 300.0), np.full(950, 0.1)], "suspect", "300.0 ms", id="a late start, caught up"),
        pytest.param(np.r_[np.full(5, 300.0), np.full(995, 0.1)], "ok", "", id="5 in 1000 late move no p99"),
    ],
)
def test_verdict_of_an_open_loop_knows_its_schedule(lateness: np.ndarray, word: str, number: str) -> None:
    verdict, reasons = client_verdict(HEALTHY, lateness, TTFT, open_loop=True, streamed=True)
    assert verdict == word
    assert number in reasons[0]


def test_lateness_of_a_closed_loop_is_nobodys_schedule() -> None:
    assert client_verdict(HEALTHY, np.full(1000, 300.0), TTFT, open_loop=False, streamed=True)[0] == "ok"


def test_a_busy_open_loop_that_keeps_its_schedule_is_fine() -> None:
    assert client_verdict(figures(busy_share=0.97), ON_TIME, TTFT, open_loop=True, streamed=True)[0] == "ok"


@pytest.mark.parametrize(("busy", "word"), [(0.7, "suspect"), (0.97, "saturated")])
def test_a_stolen_core_is_named_beside_the_harm_it_did(busy: float, word: str) -> None:
    stolen = figures(run_delay_share=0.4, busy_share=busy, lag_p99_ms=50.0)
    verdict, reasons = client_verdict(stolen, ON_TIME, TTFT, open_loop=False, streamed=True)
    assert verdict == word
    assert "50.0 ms" in reasons[0]
    assert "40% of it waiting" in reasons[-1]


def test_without_samples_nothing_is_known_but_the_schedule() -> None:
    assert client_verdict(None, ON_TIME, TTFT, open_loop=True, streamed=True)[0] == "unknown"
    assert client_verdict(None, ON_TIME + 100, TTFT, open_loop=True, streamed=True)[0] == "saturated"
    assert client_verdict(figures(lag_p50_ms=math.nan), ON_TIME, TTFT, open_loop=True, streamed=True)[0] == "unknown"


def test_a_stall_counts_for_as_long_as_it_lasted_and_not_twice() -> None:
    """The probe leaves a sample for each instant of a stall: of half a second, 25 with lags of 500, 480, ... 20 ms."""
    stall = [float(lag) for lag in range(500, 0, -20)]
    found = client_figures([sample(0, [*stall, *[0.1] * 26])], 0, S)
    assert found is not None
    assert (found.lag_p50_ms, found.lag_p99_ms, found.lag_max_ms) == (0.1, 500.0, 500.0)
    found = client_figures([sample(0, [*stall, *[0.1] * 5])], 0, S)
    assert found is not None
    assert found.lag_p50_ms == 200.0  # rank 15 of 30: the five short ones, then 20 to 500
    found = client_figures([sample(0, [*stall, *[0.1] * 2475])], 0, S)
    assert found is not None
    assert found.lag_p99_ms == 0.1, "half a second of fifty is 1 % of the instants, and no more"


def test_a_sample_without_a_lag_still_tells_of_the_cpu() -> None:
    found = client_figures([sample(0, [])], 0, S)
    assert found is not None
    assert found.cpu_share == 0.5
    assert math.isnan(found.lag_p50_ms)


def test_the_busiest_worker_speaks_for_all() -> None:
    idle = [sample(0, [1.0], cpu=0.2), sample(1, [1.0], cpu=0.4)]
    found = client_figures([*idle, sample(0, [1.0], cpu=0.7, worker=1, run_delay_ns=S // 4)], 0, 2 * S)
    assert found is not None
    assert (found.workers, found.run_delay_share) == (2, 0.25)
    assert (found.cpu_share, found.busy_share) == (0.7, 0.95)
    assert found.cpu_share_mean == pytest.approx(0.5)


@pytest.mark.parametrize(("lags", "word"), [(1, "unknown"), (5, "unknown"), (6, "suspect")])
def test_a_handful_of_lags_is_no_half_of_the_time(lags: int, word: str) -> None:
    found = client_figures([sample(0, [20.0] * lags)], 0, S)
    assert client_verdict(found, NOTHING, TTFT / 100, open_loop=False, streamed=True)[0] == word
    assert found is not None and found.lag_max_ms == 20.0


def test_samples_outside_the_span_do_not_count_and_half_idle_ones_only_for_their_lag() -> None:
    run = [sample(0, [99.0], cpu=1.0), sample(4, [7.0], cpu=0.1), sample(5, [1.0], cpu=0.8), sample(9, [99.0], cpu=1.0)]
    found = client_figures(run, 4 * S + S // 2, 6 * S)
    assert found is not None
    assert (found.lag_max_ms, found.cpu_share) == (7.0, 0.8)
    assert client_figures(run, 20 * S, 30 * S) is None
    shorter_than_a_sample = client_figures(run, 5 * S + 1, 5 * S + 9)
    assert shorter_than_a_sample is not None
    assert shorter_than_a_sample.cpu_share == 0.8


def test_what_is_not_known_is_null() -> None:
    described = describe(None, NOTHING, NOTHING, open_loop=False, streamed=False)
    assert described["verdict"] == "unknown"
    assert {described[name] for name in described if name not in ("verdict", "reasons")} == {None}
