"""Snapshots become figures."""

import random

import numpy as np
import pytest

from perfbench.live.snapshot import Snapshot, pack
from perfbench.live.tally import Histogram, Tally

S, MS = 1_000_000_000, 1_000_000


def histogram(durations_ns) -> Histogram:
    made = Histogram()
    made.add(np.array(durations_ns, np.int64))
    return made


@pytest.mark.parametrize("scale_ns", [5_000, MS, S, 600 * S])
def test_percentiles_are_within_half_a_per_cent_of_the_exact_ones(scale_ns):
    rng = random.Random(scale_ns)
    durations = sorted(int(scale_ns * rng.lognormvariate(0, 0.5)) for _ in range(1000))
    found = histogram(durations).percentiles()
    exact = [durations[rank - 1] / 1e6 for rank in (500, 900, 990)]
    assert [found.p50, found.p90, found.p99] == pytest.approx(exact, rel=0.0051)


@pytest.mark.parametrize(("count", "known"), [
    (0, []), (1, []), (2, ["p50"]), (10, ["p50", "p90"]), (99, ["p50", "p90"]), (100, ["p50", "p90", "p99"]),
])  # fmt: skip
def test_a_percentile_needs_enough_values(count, known):
    found = histogram([MS] * count).percentiles()
    assert [name for name in ("p50", "p90", "p99") if getattr(found, name) is not None] == known


def test_durations_outside_the_range_are_kept_at_its_ends():
    found = histogram([0, 0, 10**18]).percentiles()
    assert found.count == 3
    assert found.p50 == pytest.approx(0.001, rel=0.01)


def tally_of(*steps: tuple[float, list[Snapshot]]) -> Tally:
    tally = Tally(began_ns=0)
    for at_s, snapshots in steps:
        tally.add(snapshots, round(at_s * S))
    return tally


def snap(worker: int, at_s: float, **fields) -> Snapshot:
    return Snapshot(worker=worker, at_ns=round(at_s * S), **fields)


def test_workers_are_added_up_from_their_latest_words():
    tally = tally_of(
        (0.25, [snap(0, 0.25, ok=5, finished=6, failed=1, errors={"reset": 1}, in_flight=3, output_tokens=50)]),
        (0.50, [snap(0, 0.5, ok=9, finished=10, failed=1, errors={"reset": 1}, in_flight=4, output_tokens=90),
                snap(1, 0.5, ok=1, finished=4, failed=3, errors={"reset": 1, "dns": 2}, in_flight=2,
                     output_tokens=10)]),
    )  # fmt: skip
    figures = tally.figures(S // 2)
    assert (figures.ok, figures.finished, figures.failed, figures.in_flight, figures.output_tokens) == (
        10,
        14,
        4,
        6,
        100,
    )
    assert figures.errors == {"reset": 2, "dns": 2}
    assert figures.rates_run.requests_per_s == pytest.approx(20)


def test_recent_figures_forget_and_run_figures_do_not():
    tally = Tally(began_ns=0)
    for quarter in range(1, 81):  # 10 s at 100 ms, then 10 s at 300 ms, twice as many a second
        at_s = quarter / 4
        slow = at_s > 10
        ok = 10 * quarter if not slow else 400 + 20 * (quarter - 40)
        durations = pack([300 * MS] * 20 if slow else [100 * MS] * 10)
        tally.add([snap(0, at_s, ok=ok, finished=ok, e2e_ns=durations)], round(at_s * S))
    figures = tally.figures(20 * S)
    assert figures.recent["e2e"].p50 == pytest.approx(300, rel=0.006)
    assert figures.recent["e2e"].count == pytest.approx(5 * 80, rel=0.15)
    assert figures.run["e2e"].count == 1200
    assert figures.run["e2e"].p90 == pytest.approx(300, rel=0.006)
    assert figures.rates_recent.requests_per_s == pytest.approx(80, rel=0.05)
    assert figures.rates_run.requests_per_s == pytest.approx(60, rel=0.01)


def test_history_has_a_point_for_every_half_second_and_a_hole_where_nothing_ended():
    tally = Tally(began_ns=0)
    for quarter in range(1, 13):
        at_s = quarter / 4
        ended = at_s <= 1 or at_s > 2
        tally.add([snap(0, at_s, in_flight=quarter, ttft_ns=pack([50 * MS] * 4) if ended else b"")], round(at_s * S))
    points = tally.figures(3 * S).history
    assert [point.ttft_ms is None for point in points] == [False, False, False, True, False, False]
    assert [point.in_flight for point in points] == [1, 3, 5, 7, 9, 11]


def test_memory_does_not_grow_with_the_run():
    tally = Tally(began_ns=0)
    for second in range(1, 2000):
        tally.add([snap(0, second, ok=second)], second * S)
    assert len(tally.figures(2000 * S).history) == 240
    assert len(tally._slots) <= 11 and len(tally._totals) <= 12


def test_a_silent_worker_is_named_and_its_requests_are_not_in_flight_any_more():
    tally = tally_of(
        (1, [snap(0, 1, in_flight=5, ok=7), snap(1, 1, in_flight=6, ok=8)]), (5, [snap(0, 5, in_flight=4, ok=9)])
    )
    figures = tally.figures(5 * S)
    assert figures.silent_workers == (1,)
    assert figures.in_flight == 4
    assert figures.ok == 17


@pytest.mark.parametrize(("fields", "verdict"), [
    pytest.param({"cpu_share": 0.4, "loop_lag_max_ns": MS}, "ok", id="an idle client is fine"),
    pytest.param({"cpu_share": 0.92}, "suspect", id="a busy one may be late"),
    pytest.param({"loop_lag_max_ns": 8 * MS}, "suspect", id="a slow loop stamps late"),
    pytest.param({"send_lag_max_ns": 30 * MS}, "suspect", id="requests that leave late are suspect"),
    pytest.param({"cpu_share": 0.97}, "saturated", id="a full core is the limit"),
    pytest.param({"loop_lag_max_ns": 80 * MS}, "saturated", id="so is a loop that stands still"),
])  # fmt: skip
def test_client_verdict(fields, verdict):
    tally = tally_of(*[(quarter / 4, [snap(0, quarter / 4, **fields)]) for quarter in range(1, 20)])
    assert tally.figures(5 * S).client.verdict == verdict


def test_one_hiccup_does_not_change_the_verdict():
    tally = tally_of(*[(q / 4, [snap(0, q / 4, loop_lag_max_ns=(60 if q == 9 else 1) * MS)]) for q in range(1, 20)])
    assert tally.figures(5 * S).client.verdict == "ok"


def test_the_busiest_worker_decides():
    steps = [(q / 4, [snap(0, q / 4, cpu_share=0.1), snap(1, q / 4, cpu_share=0.99)]) for q in range(1, 20)]
    assert tally_of(*steps).figures(5 * S).client.verdict == "saturated"


def test_nothing_yet_is_no_error():
    tally = Tally(began_ns=S)
    tally.add([], S // 2)  # a run is announced a moment before it begins
    figures = tally.figures(S // 2)
    assert figures.elapsed_s == 0
    assert figures.rates_run.requests_per_s == 0
    assert figures.run["e2e"].p50 is None
