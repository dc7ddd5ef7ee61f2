"""What a caller may do with a lane while it is at work: let its concurrency be found, and close it."""

from __future__ import annotations

import asyncio

import pytest

from perfbench.engine.adaptive import Adaptive
from perfbench.engine.errors import BadStatus
from perfbench.engine.lane import Lane
from perfbench.engine.limits import Limits
from perfbench.engine.request import Record, Reply, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler
from tests.engine.rig import PLAIN_BODY, House, S, a_request, answers, by_key, drive, fails
from tests.virtual_time import VirtualClock, run_virtual

HEADERS = [(name.encode(), value.encode()) for name, value in PLAIN_BODY]


class Slots:
    """A server that works on so many requests at a time, and lets the rest wait or turns them away."""

    def __init__(self, slots: int, *, refuses: bool) -> None:
        self._slots, self._refuses = slots, refuses
        self._room = asyncio.Semaphore(slots)
        self._clock = VirtualClock()
        self.inside = self.most_inside = 0

    async def send(self, request: Request, reply: Reply) -> None:
        reply.written_ns = self._clock.now_ns()
        refused = self._refuses and self._room.locked()
        if refused:
            await asyncio.sleep(0.001)
        else:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            async with self._room:
                await asyncio.sleep(1.0)
            self.inside -= 1
        reply.status = 429 if refused else 200
        reply.headers = HEADERS
        reply.first_byte_ns = reply.last_byte_ns = self._clock.now_ns()
        reply.add(b"too much" if refused else b"the end", self._clock.now_ns())
        reply.finished_ns = self._clock.now_ns()

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("refuses", [False, True])
def test_a_lane_finds_out_how_much_its_endpoint_bears(refuses):
    async def main() -> tuple[int | None, int, list[Record]]:
        server = Slots(20, refuses=refuses)
        lane = Lane(server, Limits(adaptive=Adaptive(start=4)), RetryPolicy(attempts=20, budget_share=20.0))
        async with Scheduler({"default": lane}, clock=VirtualClock()) as scheduler:
            left = iter(range(1500))
            records: list[Record] = []

            async def caller() -> None:
                for _ in left:
                    records.append(await scheduler.submit(a_request()))

            async with asyncio.TaskGroup() as callers:
                for _ in range(200):
                    callers.create_task(caller())
            search = scheduler.search()
        assert search is not None
        return search.found, server.most_inside, records

    found, most_inside, records = run_virtual(main())
    assert found is not None and 15 <= found <= 25
    assert most_inside <= 64  # it did not let everybody in to see what happens
    assert {record.outcome for record in records} == {"ok"}


def test_a_retry_after_keeps_everybody_out_for_as_long():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as callers:
            tasks = [callers.create_task(house.scheduler.submit(a_request(number))) for number in range(30)]
        return [task.result() for task in tasks]

    refused = fails(BadStatus(429, "too much", 10.0), after_s=0.1)
    records, house = drive(act, by_key({str(n): refused for n in range(8)}), limits=Limits(adaptive=Adaptive()))
    let_in_s = sorted((record.started_ns - house.began_ns) / S for record in records if record.started_ns is not None)
    assert let_in_s[:8] == [0.0] * 8
    assert not [at for at in let_in_s if 0.2 < at < 10.0]
    assert len(let_in_s) == 30


def test_a_closed_lane_lets_nothing_go_and_finishes_what_is_in_flight():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as callers:
            tasks = [callers.create_task(house.scheduler.submit(a_request(number))) for number in range(3)]
            await house.sleep(1.0)
            house.scheduler.close_lane()
            late = callers.create_task(house.scheduler.submit(a_request(3)))
        return [task.result() for task in (*tasks, late)]

    records, _ = drive(act, lambda _: answers(5.0), limits=Limits(concurrency=2))
    assert [record.outcome for record in records] == ["ok", "ok", "unsent", "unsent"]


def test_what_fails_in_a_closed_lane_is_not_tried_again():
    async def act(house: House) -> Record:
        task = asyncio.create_task(house.scheduler.submit(a_request()))
        await house.sleep(1.0)
        house.scheduler.close_lane()
        return await task

    record, _ = drive(act, lambda _: fails(BadStatus(503), after_s=5.0), retry=RetryPolicy(attempts=3))
    assert (record.outcome, record.error, len(record.earlier)) == ("failed", "http_503", 0)


def test_stopping_after_a_lane_was_closed_ends_everything_once():
    async def act(house: House) -> list[Record]:
        async with asyncio.TaskGroup() as callers:
            tasks = [callers.create_task(house.scheduler.submit(a_request(number))) for number in range(3)]
            await house.sleep(1.0)
            house.scheduler.close_lane()
            house.scheduler.stop("enough")
        return [task.result() for task in tasks]

    records, _ = drive(act, lambda _: answers(5.0), limits=Limits(concurrency=1))
    assert [record.outcome for record in records] == ["cancelled", "unsent", "unsent"]
