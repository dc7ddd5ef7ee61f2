"""Plans: replicas, cost and failures, held against playing every number of replicas through."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from perfbench.capacity.objective import parse_objective
from perfbench.capacity.plan import Wanted, plan, variants_of
from perfbench.capacity.queueing import Model
from perfbench.capacity.simulate import UNLIMITED, Cluster, play, poisson_s
from perfbench.capacity.traffic import Traffic, parse_traffic
from perfbench.engine.errors import ScenarioError

COUNT = 200
SLO = "p99 e2e < 400ms"


def model(slots=20, slowdown=0.0, most=40) -> Model:
    tokens = np.full(COUNT, 20.0)
    return Model(np.full(COUNT, 0.05), np.full(COUNT, 0.19), tokens, tokens, slots, slowdown, most, 0.01)


def planned(target="200 req/s", slo=SLO, headroom=0.2, price=2.5, traffic=None, of=None, misfits=((20, 0.01),)):
    wanted = Wanted(
        traffic or parse_traffic(target), parse_objective(slo, open_loop=True), headroom, "least_in_flight", price
    )
    found = of or model()
    return plan(found, variants_of(found, misfits), wanted, 3)


@pytest.fixture(scope="module")
def usual():
    return planned()


def late(replicas, rate):
    arrivals = poisson_s(rate, 60_000, 9)
    played = play(arrivals, np.full(60_000, 0.05), np.full(60_000, 0.19), Cluster(20, 0.0, replicas, "least_in_flight"))
    return float((played.total_s[3000:] > 0.4).mean())


def test_the_fewest_replicas_that_hold_it_with_the_headroom(usual):
    found = usual
    assert found.outcome == "met"
    assert late(found.replicas, 240.0) <= 0.01 < late(found.replicas - 1, 240.0)
    assert found.interval[0] <= found.replicas <= found.interval[1]


def test_what_happens_when_one_fails_is_played_without_headroom(usual):
    found = usual
    option = next(o for o in found.options if o.replicas == found.replicas)
    held = late(found.replicas - 1, 200.0) <= 0.01
    assert option.outcome_less_one == ("met" if held else "missed")


def test_cost_counts_tokens_of_requests_that_met_the_slo(usual):
    option = next(o for o in usual.options if o.outcome == "met")
    assert option.cost_per_hour == 2.5 * option.replicas
    assert option.good_tokens_per_s == pytest.approx(200 * 20, rel=0.01)
    assert option.cost_per_million_good_tokens == pytest.approx(
        option.cost_per_hour / (200 * 20 * 3600) * 1e6, rel=0.02
    )


def test_an_slo_that_a_lone_request_misses_needs_no_replicas_but_another_model():
    found = planned(slo="p99 e2e < 100ms")
    assert (found.outcome, found.replicas) == ("missed", None)
    assert "alone" in found.why


def test_models_that_disagree_are_inconclusive_and_the_interval_says_by_how_much():
    found = planned("500 req/s", misfits=((10, 0.01), (20, 0.01)))
    assert found.outcome == "inconclusive"
    assert found.interval[1] > 1.5 * found.interval[0]
    assert found.replicas == found.interval[1]


def test_a_limit_that_was_never_seen_is_warned_of_and_not_counted_on():
    found = planned(of=model(slots=UNLIMITED, most=10))
    assert "never met a queue" in found.warnings[0]
    assert found.replicas >= 240 * 0.24 / 10


def test_what_no_queue_can_say_is_named(usual):
    assert any("error_rate" in text for text in usual.warnings)
    with pytest.raises(ScenarioError, match="needs a latency"):
        planned(slo="error_rate < 1%")


def test_the_peaks_of_a_trace_need_more_than_its_average():
    calm, busy = np.arange(0, 60, 1 / 20.0), 60 + np.arange(0, 30, 1 / 220.0)
    instants = np.concatenate((calm, busy))
    traffic = Traffic("peaks", len(instants) / 90, instants)
    average = planned(f"{traffic.rate_per_s} req/s", headroom=0.0)
    assert planned(traffic=traffic, headroom=0.0).replicas > average.replicas


@pytest.mark.parametrize(
    ("text", "per_s"), [("40 req/s", 40.0), ("40", 40.0), ("1200/m", 20.0), ("0.5/s", 0.5), ("40 requests/s", 40.0)]
)
def test_a_target_is_a_rate(text, per_s):
    assert parse_traffic(text).rate_per_s == pytest.approx(per_s)


@pytest.mark.parametrize("text", ["", "fast", "-3", "0", "40 apples", "missing_trace.csv"])
def test_a_target_that_is_none_is_refused(text):
    with pytest.raises(ScenarioError, match="write it like '40 req/s'"):
        parse_traffic(text)


def test_traces_are_read_in_the_layouts_that_are_published(tmp_path):
    azure = tmp_path / "azure.csv.gz"
    rows = ["TIMESTAMP,ContextTokens,GeneratedTokens", *(f"2023-11-16 18:17:0{i}.9799600,10,{i + 1}" for i in range(4))]
    azure.write_bytes(gzip.compress("\n".join(rows).encode()))
    mooncake = tmp_path / "mooncake.jsonl"
    lines = [json.dumps({"timestamp": 1000 * i, "input_length": 9, "output_length": i + 1}) for i in range(4)]
    mooncake.write_text("\n".join(lines))
    for file in (azure, mooncake):
        traffic = parse_traffic(str(file))
        assert traffic.recorded.tolist() == pytest.approx([0, 1, 2, 3])
        assert traffic.output_tokens.tolist() == [1, 2, 3, 4]
        assert traffic.rate_per_s == pytest.approx(1.0)


def test_a_trace_without_instants_is_refused_by_line(tmp_path):
    file = tmp_path / "t.jsonl"
    file.write_text('{"prompt": "x"}\n')
    with pytest.raises(ScenarioError, match="its first line"):
        parse_traffic(str(file))
