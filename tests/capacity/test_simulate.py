"""The simulation of replicas, held against two oracles that work in other ways, and against laws that must hold."""

from __future__ import annotations

import numpy as np
import pytest

from perfbench.capacity.simulate import BALANCERS, Cluster, arrivals_of, play, poisson_s
from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Poisson
from tests.capacity import oracle, tokens


def constant(count, first_s=0.05, rest_s=0.19):
    return np.full(count, first_s), np.full(count, rest_s)


@pytest.mark.parametrize("slowdown", [0.0, 1e-12], ids=["the quick way", "event by event"])
def test_one_replica_is_the_queue_of_the_oracle(slowdown):
    arrivals = poisson_s(78.0, 20_000, 3)
    played = play(arrivals, *constant(len(arrivals)), Cluster(slots=20, slowdown=slowdown))
    expected = oracle.waits_s(arrivals, 20, 0.24)
    assert played.wait_s == pytest.approx(expected, abs=1e-6)
    assert played.total_s == pytest.approx(expected + 0.24, abs=1e-6)
    assert played.first_s == pytest.approx(expected + 0.05, abs=1e-6)


def test_services_of_any_length_leave_in_the_order_that_their_lengths_say():
    played = play(np.array([0.0, 0.0, 0.1]), np.zeros(3), np.array([5.0, 1.0, 1.0]), Cluster(slots=2))
    assert played.total_s.tolist() == pytest.approx([5.0, 1.0, 1.9])


def test_work_is_shared_as_the_slowdown_says():
    """Two that overlap for all of the second's life: each takes twice as long meanwhile."""
    played = play(np.array([0.0, 1.0]), np.zeros(2), np.array([3.0, 1.0]), Cluster(slowdown=1.0))
    assert played.total_s.tolist() == pytest.approx([4.0, 2.0])


def test_a_batch_slows_down_as_token_by_token():
    law = {"slots": 20, "load": 0.05, "ttft_s": 0.05, "itl_s": 0.01, "tokens": 20}
    arrivals = poisson_s(33.0, 15_000, 5)
    told = play(arrivals, *constant(len(arrivals)), Cluster(slots=20, slowdown=0.05)).total_s
    truly = tokens.responses_s(arrivals, **law)
    for share in (0.5, 0.9, 0.99):
        assert np.quantile(told, share) == pytest.approx(np.quantile(truly, share), rel=0.04)


@pytest.mark.parametrize("balancer", BALANCERS)
def test_every_request_is_served_once_by_some_replica(balancer):
    arrivals = poisson_s(60.0, 5_000, 1)
    played = play(arrivals, *constant(len(arrivals)), Cluster(slots=4, replicas=5, balancer=balancer))
    assert set(played.replica.tolist()) == set(range(5))
    assert (played.wait_s >= 0).all() and played.total_s == pytest.approx(played.wait_s + 0.24)
    for number in range(5):  # no replica does more than its slots allow
        at = played.replica == number
        ends = np.sort((arrivals + played.total_s)[at])
        assert (
            np.searchsorted(np.sort((arrivals + played.wait_s)[at]), ends, "left") - np.arange(len(ends)) <= 4
        ).all()


def test_a_balancer_that_looks_waits_less_than_one_that_takes_turns_and_that_less_than_chance():
    arrivals = poisson_s(72.0, 20_000, 2)
    first_s, rest_s = np.zeros(20_000), np.random.default_rng(3).exponential(0.24, 20_000)
    waits = {
        name: play(arrivals, first_s, rest_s, Cluster(slots=4, replicas=5, balancer=name)).wait_s.mean()
        for name in BALANCERS
    }
    assert waits["least_in_flight"] < waits["round_robin"] < waits["random"]


def test_an_overloaded_cluster_falls_behind_by_what_it_lacks():
    arrivals = poisson_s(100.0, 20_000, 1)
    played = play(arrivals, *constant(len(arrivals)), Cluster(slots=20))
    assert 20_000 / (arrivals + played.total_s).max() == pytest.approx(20 / 0.24, rel=0.01)


def test_arrivals_come_from_any_pacer():
    offsets = arrivals_of(Poisson(50.0, seed=3), 1000)
    assert len(offsets) == 1000 and (np.diff(offsets) >= 0).all()
    assert 1000 / offsets[-1] == pytest.approx(50.0, rel=0.15)


def test_a_million_requests_are_played():
    arrivals = poisson_s(75.0, 1_000_000, 1)
    played = play(arrivals, *constant(len(arrivals)), Cluster(slots=20))
    late = float((played.wait_s > 0.16).mean())
    assert late == pytest.approx(oracle.share_late(75.0, 20, 0.24, 0.16, rows=2000), rel=0.35)


@pytest.mark.parametrize(
    "wrong", [{"slots": 0}, {"replicas": 0}, {"slowdown": -1.0}, {"slowdown": float("nan")}, {"balancer": "sticky"}]
)
def test_a_cluster_that_is_none_is_refused(wrong):
    with pytest.raises(ScenarioError):
        Cluster(**wrong)
