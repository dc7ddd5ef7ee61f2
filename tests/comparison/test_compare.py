"""Compare: equal runs are left in peace, a slower server is found, and what cannot be told is not told."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from perfbench.comparison.compare import Comparison, Difference, compare
from perfbench.comparison.source import Source
from perfbench.engine.request import Record
from perfbench.metrics.columns import columns
from perfbench.statistics.permutation import DEALS, difference_p
from tests.comparison.simulated import records_of, simulated

BUSY = 34.0
"""Arrivals a second at which the simulated server has every slot in use most of the time."""


def by_name(comparison: Comparison) -> dict[str, Difference]:
    return {each.metric: each for each in comparison.differences}


def real(comparison: Comparison, *verdicts: str) -> list[str]:
    return [each.metric for each in comparison.differences if each.verdict in verdicts]


def pairs(count: int, *, rate: float, slowdown: float = 1.0) -> list[Comparison]:
    return [
        compare(simulated(2 * seed, rate=rate), simulated(2 * seed + 1, rate=rate, slowdown=slowdown))
        for seed in range(count)
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rate", [20.0, BUSY], ids=["calm", "queueing"])
def test_at_most_7_of_100_pairs_of_the_same_server_raise_an_alarm(rate: float) -> None:
    found = pairs(200, rate=rate)
    assert sum(bool(real(each, "better", "worse")) for each in found) <= 14
    untested = Counter(each.metric for one in found for each in one.differences if each.p_value is None)
    assert max(untested.values(), default=0) <= 30, untested


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("rate", [20.0, BUSY], ids=["calm", "queueing"])
def test_a_server_that_is_10_percent_slower_is_found_in_90_of_100_pairs(rate: float) -> None:
    found = pairs(200, rate=rate, slowdown=1.1)
    assert sum("p50 tpot" in real(each, "worse") and bool(each.regressions(0.05)) for each in found) >= 180
    assert not any("tpot" in name for each in found for name in real(each, "better"))


def test_a_few_pairs_of_the_same_server_and_of_a_slower_one() -> None:
    same, slower = pairs(4, rate=20.0), pairs(4, rate=20.0, slowdown=1.1)
    assert sum(bool(real(each, "better", "worse")) for each in same) <= 1
    for each in slower:
        found = by_name(each)
        assert found["p50 tpot"].verdict == found["mean e2e"].verdict == "worse"
        assert found["p50 tpot"].relative == pytest.approx(0.1, abs=0.05)
        low, high = found["p50 tpot"].low, found["p50 tpot"].high
        assert low is not None and high is not None and 0 < low < high
        assert {one.metric for one in each.regressions(0.05)} >= {"p50 tpot", "p50 itl"}
        assert each.regressions(0.5) == []


def test_the_other_way_round_it_is_better() -> None:
    a, b = simulated(1), simulated(2, slowdown=1.2)
    there, back = by_name(compare(a, b)), by_name(compare(b, a))
    for name in ("p50 tpot", "mean ttft", "p90 e2e"):
        assert (there[name].verdict, back[name].verdict) == ("worse", "better")
        assert there[name].difference == pytest.approx(-back[name].difference)  # type: ignore[operator]
        assert there[name].p_value == pytest.approx(back[name].p_value, abs=0.02)


def test_a_run_is_the_same_as_itself() -> None:
    run = simulated(3)
    found = compare(run, run)
    assert real(found, "better", "worse") == []
    assert {each.p_holm for each in found.differences} - {None} == {1.0}
    assert by_name(found)["mean tpot"].verdict == "same"


def test_undecided_says_how_many_more_requests_would_decide_and_they_do() -> None:
    few = by_name(compare(simulated(4, count=320), simulated(5, count=320, slowdown=1.03)))["mean ttft"]
    assert few.verdict == "undecided"
    assert few.for_margin is not None and few.for_margin > 320
    needed = by_name(compare(simulated(14, count=320), simulated(15, count=320, slowdown=1.05)))["mean ttft"].for_margin
    assert needed is not None
    found = [
        by_name(compare(simulated(100 + 2 * s, count=needed), simulated(101 + 2 * s, count=needed, slowdown=1.05)))
        for s in range(5)
    ]
    assert sum(each["mean ttft"].verdict == "worse" for each in found) >= 3  # four of five is what it promises


def test_failures_are_compared_too() -> None:
    def failing(seed: int, share: float) -> Source:
        rng, records = np.random.default_rng(seed), []
        for record in records_of(seed):
            lost = rng.uniform() < share
            records.append(
                Record(key=record.key, index=record.index, intended_ns=record.intended_ns,
                       started_ns=record.started_ns, written_ns=record.written_ns, finished_ns=record.finished_ns,
                       outcome="failed", error="http_503") if lost else record
            )  # fmt: skip
        return Source(f"failing {share}", "perfbench", columns([records]), {"rate": 20.0})

    found = by_name(compare(failing(1, 0.01), failing(2, 0.08)))["error_rate"]
    assert found.verdict == "worse"
    assert (found.unit, found.better) == ("share", "lower")
    assert found.difference == pytest.approx(0.07, abs=0.02)
    assert by_name(compare(failing(1, 0.0), failing(2, 0.0)))["error_rate"].verdict == "same"


def test_goodput_is_compared_when_both_runs_had_the_same_slo() -> None:
    def with_slo(run: Source, slo: str) -> Source:
        return dataclasses.replace(run, facts={**run.facts, "slo": slo})

    a, b = simulated(6), simulated(7, slowdown=1.3)
    found = by_name(compare(with_slo(a, "p90 ttft < 60ms"), with_slo(b, "p90 ttft < 60ms")))
    assert found["goodput"].verdict == "worse"
    assert found["goodput"].better == "higher"
    assert "goodput" not in by_name(compare(with_slo(a, "p90 ttft < 60ms"), with_slo(b, "p90 ttft < 70ms")))


def test_in_open_loop_the_response_base_is_compared() -> None:
    found = by_name(compare(simulated(1), simulated(2)))
    assert found["p50 ttft"].base == found["p50 e2e"].base == "response"
    assert found["p50 tpot"].base is None
    closed = [dataclasses.replace(simulated(seed), facts={"rate": None}) for seed in (1, 2)]
    assert by_name(compare(*closed))["p50 ttft"].base == "service"


def test_a_run_that_never_settles_is_not_tested() -> None:
    """Twice the load that the server can carry: waits grow to the end, and no part of the run stands for the rest."""
    found = by_name(compare(simulated(1, rate=90.0), simulated(2, rate=90.0)))
    assert found["p50 ttft"].p_value is None
    assert found["p50 ttft"].verdict == "undecided"
    assert "still changing" in str(found["p50 ttft"].why)


def test_few_requests_decide_nothing() -> None:
    found = compare(simulated(1, count=6), simulated(2, count=6, slowdown=2.0))
    assert not found.decided
    assert real(found, "better", "worse", "same") == []


def test_json_is_plain_and_complete() -> None:
    found = json.loads(json.dumps(compare(simulated(1), simulated(2, slowdown=1.1)).as_json(), allow_nan=False))
    assert (found["schema"], found["first"]["requests"], found["second"]["tool"]) == (1, 1000, "perfbench")
    one = next(each for each in found["differences"] if each["metric"] == "p50 tpot")
    assert set(one) == {field.name for field in dataclasses.fields(Difference)}
    assert one["first"]["low"] < one["first"]["value"] < one["first"]["high"]
    assert "independent" in one["first"]["method"]


# -- the test beneath --------------------------------------------------------------------------------------------------


def test_the_permutation_is_as_often_wrong_as_it_says() -> None:
    rng, runs = np.random.default_rng(9), 400
    ones = np.ones(20)
    p = [difference_p(rng.exponential(size=20), ones, rng.exponential(size=20), ones) for _ in range(runs)]
    assert 0.025 < np.mean(np.array(p) < 0.05) < 0.08
    assert min(p) >= 1 / (DEALS + 1)


def test_the_permutation_stays_honest_when_one_run_is_longer_and_calmer() -> None:
    rng, runs = np.random.default_rng(10), 400
    wrong = 0
    for _ in range(runs):
        long, short = rng.normal(0, 1, 40), rng.normal(0, 4, 10)
        wrong += difference_p(long, np.ones(40), short, np.ones(10)) < 0.05
    assert wrong / runs < 0.09


def test_a_permutation_of_hardly_any_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="4 of each"):
        difference_p(np.ones(3), np.ones(3), np.ones(9), np.ones(9))
