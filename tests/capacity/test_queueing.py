"""The queue model: what it finds in the requests of servers whose law is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perfbench.capacity.queueing import Trace, calibrated, fit
from perfbench.capacity.simulate import UNLIMITED, Cluster, play, poisson_s


def trace(rate, *, slots=20, slowdown=0.0, seconds=15.0, streamed=True, services=None, seed=1) -> Trace:
    arrivals = poisson_s(rate, int(rate * seconds), seed)
    count = len(arrivals)
    first_s, rest_s = np.full(count, 0.05), np.full(count, 0.19) if services is None else services(count)
    played = play(arrivals, first_s, rest_s, Cluster(slots, slowdown))
    first = arrivals + played.first_s if streamed else np.full(count, np.nan)
    tokens = np.full(count, 20.0)
    return Trace(arrivals, first, arrivals + played.total_s, tokens, tokens)


def test_slots_are_those_that_explain_the_waits():
    model = fit([trace(10.0), trace(60.0), trace(120.0, seconds=4.0)])
    assert (model.slots, model.slowdown) == (20, 0.0)
    assert model.mean_s == pytest.approx(0.24, rel=0.01)
    assert model.capacity_per_s == pytest.approx(20 / 0.24, rel=0.01)
    assert model.misfit < 0.02


def test_services_of_any_length_are_drawn_as_they_were_seen():
    def long_tailed(count):
        return np.random.default_rng(4).lognormal(math.log(0.2), 0.7, count)

    model = fit([trace(15.0, services=long_tailed, seconds=40), trace(150.0, services=long_tailed, seconds=8.0)])
    assert model.slots == pytest.approx(20, abs=1)
    assert np.quantile(model.rest_s, 0.9) == pytest.approx(np.quantile(long_tailed(5000), 0.9), rel=0.1)


def test_a_slowdown_by_batch_is_found_and_taken_out_of_the_service():
    runs = [trace(rate, slots=64, slowdown=0.03, seed=seed) for seed, rate in enumerate((4.0, 20.0, 60.0))]
    model = fit(runs)
    assert model.slowdown == pytest.approx(0.03, rel=0.1)
    assert model.mean_s == pytest.approx(0.24, rel=0.02)


def test_without_a_queue_no_limit_is_claimed():
    model = fit([trace(5.0), trace(20.0)])
    assert model.slots == UNLIMITED
    assert model.capacity_per_s == math.inf
    assert model.most_in_flight >= 5


def test_replies_that_are_not_streamed_show_their_slots_too():
    model = fit([trace(10.0, streamed=False), trace(120.0, streamed=False, seconds=5.0)])
    assert model.slots == pytest.approx(20, abs=1)


def test_too_few_requests_give_no_model():
    assert fit([trace(1.0, seconds=5.0)]) is None
    assert fit([]) is None


def test_a_model_is_scaled_to_the_service_about_the_load_that_it_is_used_for():
    model = fit([trace(10.0), trace(60.0), trace(120.0, seconds=4.0)])
    slower = trace(60.0, services=lambda count: np.full(count, 0.209))
    assert calibrated(model, [slower]).rest_s.mean() == pytest.approx(0.209, rel=0.01)
    assert calibrated(model, []).rest_s.mean() == model.rest_s.mean()
