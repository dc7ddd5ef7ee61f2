"""The scheduler over the real wire: whatever is cut off when, no reply gets to a request that is not its own."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.scheduler import Lane, Scheduler
from perfbench.engine.sinks.memory import MemorySink
from perfbench.engine.transport.base import Endpoint, open_transport

LOOPS: list[Any] = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]
COUNT = 1500


@pytest.mark.parametrize("run", LOOPS)
def test_cutting_off_at_any_moment_mixes_no_replies_up(run, truthd):
    """Callers give up, deadlines pass and replies end within the same few milliseconds, over a few connections."""
    chat, rng = dialect("chat"), random.Random(4)

    def a_request(index: int) -> Request:
        model = f"sim:ttft={rng.choice([0, 1, 2, 3, 8, 40])},itl=0.5,n={1 + index % 37}"
        stream = index % 3 > 0
        body = chat.encode(Prompt(text="hello"), Options(model=model, stream=stream))
        return Request(key=str(index), body=body, dialect=chat, stream=stream)

    async def main() -> list[Record]:
        transport = open_transport("wire", Endpoint((truthd.url,)))
        lane = Lane(transport, Limits(concurrency=24), deadlines=Deadlines(first_byte_s=0.02, total_s=0.03))
        sink = MemorySink()

        async def one(index: int) -> None:
            sent = asyncio.ensure_future(scheduler.submit(a_request(index)))
            if index % 2:
                await asyncio.wait([sent], timeout=rng.uniform(0, 0.03))
                sent.cancel()
            with suppress(asyncio.CancelledError):
                await sent

        async with Scheduler({"default": lane}, [sink]) as scheduler:
            for first in range(0, COUNT, 100):
                async with asyncio.TaskGroup() as tasks:
                    for index in range(first, first + 100):
                        tasks.create_task(one(index))
            assert (scheduler.in_flight, scheduler.waiting) == (0, 0)
        return sink.records

    records = run(main())
    assert len({record.key for record in records}) == len(records)
    kinds = {record.error for record in records}
    assert kinds <= {"", "cancelled", "unsent", "timeout_first_byte", "timeout_total"}
    whole = [record for record in records if record.outcome == "ok"]
    assert len(whole) > COUNT / 10
    assert "cancelled" in kinds
    for record in whole:
        assert record.output_tokens == 1 + int(record.key) % 37
        assert record.finish_reasons
    assert any(record.reused for record in whole)
