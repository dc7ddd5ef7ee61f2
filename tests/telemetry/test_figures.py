"""Figures: gauges within the window, counters across it, restarts bridged, counts beside ours."""

from __future__ import annotations

from typing import Any

import pytest

from perfbench.telemetry.figures import address_figures, compared, rates
from perfbench.telemetry.sample import ServerSample

S = 1_000_000_000


def sample(at_s: float, error: str = "", **values: float) -> ServerSample:
    return ServerSample(
        url="http://h/metrics", kind="server", at_ns=round(at_s * S), wall_ns=0, took_ns=2_000_000, engine="vllm",
        values=values, error=error,
    )  # fmt: skip


def figures(*samples: ServerSample, window: tuple[float, float] = (10, 20)) -> dict[str, Any]:
    return address_figures(samples, round(window[0] * S), round(window[1] * S), 10 * S)


def test_a_gauge_is_of_the_samples_within_the_window():
    found = figures(*(sample(at_s, waiting=value) for at_s, value in ((9, 100), (11, 2), (15, 8), (19, 5), (21, 99))))
    assert found["figures"]["waiting"] == {"unit": "requests", "mean": 5, "min": 2, "max": 8, "samples": 3}
    assert (found["from_s"], found["to_s"]) == (-1, 11)
    assert found["engine"] == "vLLM"


def test_a_counter_is_by_how_much_it_grew_from_before_the_window_to_after_it():
    counts = ((8, 50), (9.9, 100), (15, 400), (20.5, 900))
    found = figures(*(sample(at_s, generated_tokens=value) for at_s, value in counts))
    assert found["figures"]["generated_tokens"] == {"unit": "tokens", "increase": 800, "per_s": 80}


def test_a_restart_does_not_make_a_counter_shrink():
    found = figures(*(sample(at_s, finished=value) for at_s, value in ((9, 100), (12, 130), (14, 5), (21, 25))))
    assert found["figures"]["finished"]["increase"] == 30 + 5 + 20


def test_a_counter_that_was_not_seen_on_both_sides_of_the_window_has_no_figure():
    assert figures(sample(12, finished=1), sample(21, finished=9))["figures"] == {}
    assert figures(sample(9, finished=1), sample(18, finished=9))["figures"] == {}


def test_the_hit_rate_of_the_prefix_cache_is_that_of_the_window():
    found = figures(sample(9, prefix_queries=1000, prefix_hits=900), sample(21, prefix_queries=3000, prefix_hits=1400))
    assert found["figures"]["prefix_hit_rate"]["mean"] == 0.25


def test_failures_are_counted_by_their_reason():
    failed = [sample(at_s, "answered 500") for at_s in (12, 13)]
    found = figures(sample(9, finished=0), *failed, sample(21, finished=4))
    assert (found["samples"], found["failed"], found["errors"]) == (2, 2, {"answered 500": 2})
    assert found["figures"]["finished"]["increase"] == 4


def test_an_address_that_never_answered_has_no_figures():
    found = figures(sample(9, "could not be reached"))
    assert (found["samples"], found["from_s"], found["took_ms"], found["figures"]) == (0, None, None, {})


def test_rates_of_a_counter_lie_between_its_samples():
    at_ns, per_s = rates([sample(at_s, finished=value) for at_s, value in ((0, 0), (2, 10), (3, 4))], "finished")
    assert at_ns.tolist() == [S, 2.5 * S]
    assert per_s.tolist() == [5, 4]


@pytest.mark.parametrize(
    ("server", "client", "agrees"),
    [(1000, 1000, True), (1009, 1000, True), (1020, 1000, False), (900, 1000, False), (5, 0, None)],
)
def test_counts_of_servers_stand_beside_ours(server, client, agrees):
    addresses = [
        {"kind": "server", "figures": {"generated_tokens": {"increase": server - 1}}},
        {"kind": "server", "figures": {"generated_tokens": {"increase": 1}}},
        {"kind": "gpu", "figures": {}},
    ]
    found = compared(addresses, client, None)
    assert found is not None
    assert found["generated_tokens"]["server"] == server
    assert found["generated_tokens"]["agrees"] is agrees


def test_nothing_is_compared_where_one_side_did_not_count():
    assert compared([{"kind": "server", "figures": {}}], 10, 10) is None
    assert compared([{"kind": "server", "figures": {"generated_tokens": {"increase": 1}}}], None, None) is None
