"""Precision: a run goes on until its interval is narrow enough, and stopping then does not make the interval a lie."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.live.base import RunStart
from perfbench.live.precision import PrecisionWatch
from perfbench.live.snapshot import Snapshot, pack
from perfbench.metrics.percentile import spread
from perfbench.metrics.until import parse_until, reached


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        pytest.param("p99 ttft +-5%", ("ttft", "p99", 0.05, None), id="a share"),
        pytest.param("mean e2e ±20ms", ("e2e", "mean", None, 20.0), id="a time"),
        pytest.param("TPOT p99.9 +/- .5 s", ("tpot", "p99.9", None, 500.0), id="any order and case"),
        pytest.param("median ttft +-1%", ("ttft", "p50", 0.01, None), id="median"),
    ],
)
def test_parse(text: str, parsed: tuple[str, str, float | None, float | None]) -> None:
    found = parse_until(text)
    assert (found.metric, found.statistic, found.share, found.ms) == parsed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("p99 ttft < 5%", "+-5%", id="an SLO"),
        pytest.param("p99 tft +-5%", "'ttft'", id="metric"),
        pytest.param("p99 itl +-5%", "ttft, tpot, e2e", id="a metric that cannot be waited for"),
        pytest.param("ttft +-5%", "one statistic", id="no statistic"),
        pytest.param("p99 ttft +-0%", "wider than nothing", id="no width"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse_until(text)
    assert words in str(refused.value)


def snapshot(values_ms: np.ndarray, name: str = "ttft") -> Snapshot:
    return Snapshot(worker=0, at_ns=0, **{f"{name}_ns": pack((values_ms * 1e6).astype(np.int64).tolist())})


def watched(text: str, values_ms: np.ndarray, at_a_time: int = 10, **start: bool) -> tuple[int, str | None]:
    """How many values had been seen when it ended, and what it said."""
    watch = PrecisionWatch(parse_until(text))
    watch.start(RunStart(target="", model="", shape="", began_ns=0, **start))
    for begun in range(0, values_ms.size, at_a_time):
        name = "response_ttft" if start.get("open_loop") else "ttft"
        said = watch.watch([snapshot(values_ms[begun : begun + at_a_time], name)], 0)
        if said is not None:
            return begun + at_a_time, said
    return values_ms.size, None


def test_it_ends_the_run_when_the_interval_is_narrow_enough_and_not_before() -> None:
    values = np.random.default_rng(1).exponential(100, 100_000)
    count, said = watched("p90 ttft +-5%", values)
    assert said is not None and "p90 ttft +-5% is reached" in said
    found = spread(values[:count])
    assert found is not None
    low, high = found.intervals["p90"]
    assert (high - low) / 2 <= 0.05 * found.percentiles["p90"]
    assert watched("p90 ttft +-2%", values)[0] > 4 * count
    assert watched("p90 ttft +-1%", values[:5000])[1] is None


def test_the_smaller_of_a_share_and_a_time_is_what_was_asked() -> None:
    values = np.random.default_rng(1).exponential(100, 20_000)
    assert watched("mean ttft +-10ms", values)[0] == watched("mean ttft +-10%", values)[0]


def test_in_open_loop_it_waits_for_the_response_base() -> None:
    values = np.random.default_rng(1).exponential(100, 20_000)
    assert watched("p50 ttft +-5%", values, open_loop=True)[1] is not None


def test_dependent_requests_take_longer() -> None:
    rng = np.random.default_rng(2)
    alone = rng.exponential(100, 60_000)
    together = np.repeat(rng.exponential(100, 3000), 20)
    assert watched("p50 ttft +-5%", together)[0] > 4 * watched("p50 ttft +-5%", alone)[0]


def test_it_looks_seldom_and_at_numbers_fixed_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(PrecisionWatch, "_look", lambda self: looks.append(self._count))
    watched("p90 ttft +-1%", np.ones(10_000), at_a_time=1)
    assert looks[0] == 60
    assert looks == [math.ceil(60 * 1.5**0), 90, 135, 203, 305, 458, 687, 1031, 1547, 2321, 3482, 5223, 7835]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "share"), [("p50 ttft +-10%", 0.5), ("p90 ttft +-10%", 0.9), ("p99 ttft +-15%", 0.99)]
)
def test_stopping_at_a_narrow_interval_still_covers_the_truth(text: str, share: float) -> None:
    rng, held, runs = np.random.default_rng(3), 0, 1000
    truth = -100 * math.log(1 - share)
    name = text.split()[0]
    for _ in range(runs):
        values = rng.exponential(100, 20_000)
        count, said = watched(text, values, at_a_time=50)
        assert said is not None
        found = spread(values[:count])
        assert found is not None
        held += found.intervals[name][0] <= truth <= found.intervals[name][1]
    assert held / runs >= 0.93


@pytest.mark.parametrize(
    ("interval", "met", "reach"),
    [
        pytest.param([98.0, 106.0], True, 4.0, id="narrow enough"),
        pytest.param([80.0, 120.0], False, 20.0, id="not yet"),
        pytest.param([90.0, None], False, None, id="without an upper end"),
        pytest.param(None, False, None, id="without an interval"),
    ],
)
def test_the_summary_says_whether_it_was_reached(interval: list[float] | None, met: bool, reach: float | None) -> None:
    figures = {"ttft": {"p99": 100.0, "p99_ci": interval}, "response_ttft": None}
    found = reached(parse_until("p99 ttft +-5%"), figures, open_loop=False)
    assert (found["met"], found["reach"], found["allowed"]) == (met, reach, 5.0)
    assert reached(parse_until("p99 ttft +-5%"), figures, open_loop=True)["met"] is False
