"""The search, in virtual time: what it finds on queues whose answer an oracle knows, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from perfbench.capacity.objective import BLOCKS, Criterion
from perfbench.capacity.probe import Halting, Look, Probe, growth
from perfbench.capacity.queueing import Trace
from perfbench.capacity.search import WARM_STEP, Search, Terms
from tests.capacity.oracle import QueueProber, largest_rate

SLOTS, SERVICE_S = 20, 0.24
LIMIT_S = 0.4
LATE = Criterion("p99 e2e < 400ms", "response_e2e", 0.01, LIMIT_S * 1e3)


def terms(**more) -> Terms:
    usual = {"criteria": (LATE,), "open_loop": True, "first": 1.0, "most": 1e5, "least": 0.01, "longest_s": 300.0}
    return Terms(**{**usual, "probe_s": 20.0, "precision": 0.04, "seed": 0, **more})


def searching(prober, **more) -> Search:
    return Search(terms(**more), prober, prober.clock_s)


@pytest.fixture(scope="module")
def truth() -> float:
    return largest_rate(SLOTS, SERVICE_S, 0.01, LIMIT_S - SERVICE_S, rows=2000)


def test_the_largest_rate_is_found_within_five_per_cent_in_five_minutes(truth):
    queue = QueueProber(SLOTS, SERVICE_S, LIMIT_S - SERVICE_S)
    search = searching(queue)
    answer = search.run()
    assert answer.outcome == "met"
    assert answer.load == pytest.approx(truth, rel=0.05)
    assert answer.interval[0] < answer.load < answer.interval[1]
    assert queue.now_s < 300 + 30
    assert search.model.slots == SLOTS


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("limit_s", [0.3, 0.4, 0.8])
def test_nine_of_ten_seeds_are_within_five_per_cent(limit_s):
    criterion = Criterion("", "response_e2e", 0.01, limit_s * 1e3)
    true = largest_rate(SLOTS, SERVICE_S, 0.01, limit_s - SERVICE_S)
    found = [
        searching(QueueProber(SLOTS, SERVICE_S, limit_s - SERVICE_S), seed=1000 * seed, criteria=(criterion,)).run()
        for seed in range(10)
    ]
    assert sum(a.load is not None and abs(a.load / true - 1) <= 0.05 for a in found) >= 9


@dataclass
class Step:
    """Misses nothing up to `edge` and everything beyond it; no queue model explains it."""

    edge: float
    requests: int = 1200
    suspect_above: float = float("inf")
    now_s: float = 0.0
    asked: list[float] = field(default_factory=list)

    def clock_s(self) -> float:
        return self.now_s

    disturbed_until_s: float = 0.0

    def probe(self, load: float, seconds: float, seed: int, halting: Halting) -> Probe:
        self.asked.append(load)
        bad = load > self.edge or (load > 3.0 and self.now_s < self.disturbed_until_s)
        self.now_s += seconds
        each = self.requests // BLOCKS
        blocks = tuple((each, each if bad else 0) for _ in range(BLOCKS))
        return Probe(load=load, seconds=seconds, counts=(blocks,), suspect=load > self.suspect_above, service_s=0.1)

    def trace(self, probe: Probe) -> Trace | None:
        return None


def test_the_largest_number_in_flight_is_found_exactly():
    answer = searching(Step(20.5), open_loop=False, least=1.0, most=500.0).run()
    assert (answer.outcome, answer.load) == ("met", 20)


def test_every_load_in_flight_is_a_whole_number():
    server = Step(37.2)
    searching(server, open_loop=False, least=1.0, most=500.0).run()
    assert all(load == int(load) for load in server.asked)


def test_a_rate_that_breaks_off_is_found_without_a_model():
    answer = searching(Step(7.3)).run()
    assert answer.outcome == "met" and answer.load == pytest.approx(7.3, rel=0.05)


def test_a_disturbance_in_the_beginning_does_not_decide():
    server = Step(70.0, disturbed_until_s=40.0)
    answer = searching(server).run()
    assert server.asked[1:3] == [4.0, 2.0]  # for it looked as if 4 a second were too many
    assert answer.load is None or answer.load == pytest.approx(70.0, rel=0.1), answer
    assert max(server.asked) > 20.0


def test_a_server_that_never_meets_it_misses_it():
    answer = searching(Step(0.0), least=0.5).run()
    assert (answer.outcome, answer.load) == ("missed", None)
    assert "0.5 requests a second" in answer.why


def test_a_server_that_always_meets_it_carries_at_least_the_most_that_was_allowed():
    answer = searching(Step(1e9), most=50.0).run()
    assert (answer.outcome, answer.load, answer.at_most) == ("met", 50.0, True)


def test_when_the_time_is_over_it_says_what_is_known_and_no_more():
    server = Step(70.0)
    answer = searching(server, longest_s=40.0).run()
    assert answer.outcome == "inconclusive"
    assert "the time was over" in answer.why
    assert server.now_s <= 40.0


def test_probes_of_an_earlier_search_count_and_are_not_taken_again(truth):
    first = QueueProber(SLOTS, SERVICE_S, LIMIT_S - SERVICE_S)
    begun = searching(first, longest_s=40.0)
    begun.run()
    again = Search(terms(longest_s=260.0), first, first.clock_s, list(begun.probes))
    answer = again.run()
    assert again.probes[: len(begun.probes)] == begun.probes
    seeds = [probe.folder for probe in again.probes]
    assert len(set(seeds)) == len(seeds)  # so that none has the arrivals of another
    assert answer.load == pytest.approx(truth, rel=0.05)


def test_probes_that_the_client_limited_are_no_evidence():
    server = Step(7.3, suspect_above=10.0)
    answer = searching(server).run()
    assert answer.load is None or answer.load < 10.0


@pytest.mark.parametrize("open_loop", [True, False])
def test_a_client_that_spoils_every_probe_ends_the_search_and_is_named(open_loop):
    server = Step(7.3, suspect_above=0.0)
    answer = searching(server, open_loop=open_loop, first=5.0, least=0.01 if open_loop else 1.0).run()
    assert answer.outcome == "inconclusive" and answer.load is None
    assert "this client was too late to judge any load" in answer.why
    assert server.now_s < 150 and min(server.asked) == (0.5 if open_loop else 1.0)
    assert open_loop or all(load == int(load) for load in server.asked)


def test_an_answer_lies_in_its_own_interval_although_luck_spared_a_larger_load():
    search = searching(Step(7.3))
    search.probes = [
        Probe(load=load, seconds=5.0, counts=(((count, misses),),))
        for load, count, misses in ((10.0, 100, 0), (40.0, 20, 5), (64.0, 3, 0))
    ]
    answer = search.answer()
    assert answer.interval == (10.0, 40.0) and answer.load == 10.0


def test_a_backlog_told_before_the_run_began_is_no_growth():
    assert growth([Look(at_s=-0.1, arrived=0, over=0)]) is None


def test_an_overload_is_broken_off_within_seconds():
    queue = QueueProber(SLOTS, SERVICE_S, LIMIT_S - SERVICE_S)
    search = searching(queue, first=300.0, longest_s=30.0)
    search.run()
    assert search.probes[0].seconds < 4.0 and search.probes[0].halted is not None


@pytest.mark.slow
def test_a_warm_start_takes_less_time(truth):
    cold, warm = (QueueProber(SLOTS, SERVICE_S, LIMIT_S - SERVICE_S) for _ in range(2))
    searching(cold).run()
    answer = searching(warm, first=70.0, step=WARM_STEP).run()
    assert warm.now_s < cold.now_s and len(warm.traces) < len(cold.traces)
    assert answer.load == pytest.approx(truth, rel=0.05)


class Mute(Step):
    """Breaks every probe beyond its edge off before a single request of it is known."""

    def probe(self, load: float, seconds: float, seed: int, halting: Halting) -> Probe:
        probe = super().probe(load, seconds, seed, halting)
        nothing = (tuple((0, 0) for _ in range(BLOCKS)),)
        return replace(probe, halted="all missed", counts=nothing) if load > self.edge else probe


def test_a_probe_that_was_broken_off_is_trouble_whatever_it_counted():
    server = Mute(70.0)
    searching(server).run()
    assert max(server.asked) <= 4 * 70.0


def test_loads_that_the_client_spoils_again_and_again_are_left_alone():
    server = Step(1e9, suspect_above=100.0)
    answer = searching(server).run()
    assert answer.outcome == "inconclusive" and "this client was the limit" in answer.why
    assert max(server.asked) <= 256.0
    assert answer.load == pytest.approx(100.0, rel=0.2)
