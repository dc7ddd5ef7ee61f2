"""Load that changes over time, and the warm-up before what is measured, through the scheduler in virtual time."""

from __future__ import annotations

import pytest

from perfbench.engine.pacing import ClosedLoop, Constant, Curve, Poisson, ShapedArrivals, ShapedLoop
from perfbench.engine.pacing.hold import Hold
from perfbench.engine.pacing.ramp import Ramp
from perfbench.engine.pacing.steps import Steps
from perfbench.engine.scheduler import Share, Stop
from tests.engine.rig import S, a_request, answers, drive


def curve(*stages):
    return Curve(tuple(piece for stage in stages for piece in stage.pieces()))


def load(pacer, stop, share=None, answers_after_s=0.25):
    def act(house):
        return house.scheduler.run(a_request, pacer, stop, began_ns=house.began_ns, share=share)

    return drive(act, lambda _: answers(answers_after_s))


def in_flight(house, at_s):
    at_ns = house.began_ns + round(at_s * S)
    return sum(record.started_ns <= at_ns < record.finished_ns for record in house.records)


def test_slots_open_and_close_along_the_shape():
    ended, house = load(ShapedLoop(curve(Steps((2, 5, 1), 10))), Stop(duration_s=30))
    assert [in_flight(house, at_s) for at_s in (5.1, 9.9, 10.1, 19.9, 20.1, 29.9)] == [2, 2, 5, 5, 1, 1]
    assert ended.reason == "duration"
    assert {record.outcome for record in house.records} == {"ok"}


def test_a_slot_that_closes_ends_its_request_first():
    _, house = load(ShapedLoop(curve(Steps((2, 1), 1))), Stop(duration_s=4), answers_after_s=0.75)
    assert in_flight(house, 1.1) == 2
    assert in_flight(house, 1.6) == 1
    assert all(record.finished_ns - record.started_ns == round(0.75 * S) for record in house.records)


def test_a_slot_that_opens_again_while_its_last_request_goes_on_is_free_when_that_is_over():
    _, house = load(ShapedLoop(curve(Steps((1, 0, 1), 1))), Stop(number=3), answers_after_s=2.5)
    assert [(r.intended_ns - house.began_ns) / S for r in house.records] == [0, 2.5, 5]


def test_workers_share_the_slots_and_their_requests_between_them():
    shape = ShapedLoop(curve(Ramp(1, 8, 7), Hold(8, 5)))
    alone = load(shape, Stop(duration_s=12))[1]
    parts = [load(shape, Stop(duration_s=12), Share(index, 3))[1] for index in range(3)]
    for at_s in (0.6, 3.1, 6.9, 11.1):
        assert sum(in_flight(part, at_s) for part in parts) == in_flight(alone, at_s)
    assert sorted(r.index for part in parts for r in part.records)[:30] == list(range(30))


def test_workers_deal_shaped_arrivals_by_position():
    shape = ShapedArrivals(Poisson(1.0, seed=4), curve(Ramp(5, 50, 10)))
    alone = load(shape, Stop(duration_s=10))[1]
    parts = [load(shape, Stop(duration_s=10), Share(index, 2))[1] for index in range(2)]
    left = sorted((r.index, r.started_ns - part.began_ns) for part in parts for r in part.records)
    assert left == sorted((r.index, r.started_ns - alone.began_ns) for r in alone.records)
    assert len(left) == pytest.approx(275, abs=60)


def test_a_schedule_that_runs_out_ends_the_run():
    ended, house = load(ShapedArrivals(Constant(1.0), curve(Ramp(10, 0, 4))), Stop(duration_s=60))
    assert len(house.records) == 21
    assert ended.reason == "number"
    assert house.elapsed_s() < 5


@pytest.mark.parametrize("pacer", [ClosedLoop(3), ShapedLoop(curve(Hold(3, 60)))], ids=["slots", "shaped slots"])
def test_a_closed_loop_counts_its_number_after_the_warm_up(pacer):
    _, house = load(pacer, Stop(number=10, warmup_s=1.0))
    warm = [record for record in house.records if record.warmup]
    assert len(warm) == 12  # three slots, four times a second
    assert len(house.records) - len(warm) == 10
    assert all(record.intended_ns - house.began_ns < S for record in warm)


def test_a_warm_up_by_number_is_the_head_of_the_schedule():
    for pacer in (ClosedLoop(3), Constant(10.0)):
        _, house = load(pacer, Stop(number=10, warmup_number=7))
        assert sorted(record.index for record in house.records if record.warmup) == list(range(7))
        assert sorted(record.index for record in house.records if not record.warmup) == list(range(7, 17))


def test_the_duration_counts_after_the_warm_up():
    ended, house = load(Constant(10.0), Stop(duration_s=2, warmup_s=1))
    assert [sum(r.warmup for r in house.records), sum(not r.warmup for r in house.records)] == [10, 20]
    assert ended.at_ns - house.began_ns == 3 * S


@pytest.mark.parametrize("pacer", [ClosedLoop(4), Constant(40.0)], ids=["closed", "open"])
def test_workers_add_up_to_the_number_after_a_warm_up(pacer):
    parts = [load(pacer, Stop(number=11, warmup_s=0.6), Share(index, 3))[1] for index in range(3)]
    assert sum(not record.warmup for part in parts for record in part.records) == 11


def test_without_a_warm_up_no_record_says_anything_of_it():
    assert not any(record.warmup for record in load(Constant(10.0), Stop(number=5))[1].records)
