"""What is answered and not yet reviewed: by size, in order, and nothing is lost when somebody gives up."""

from __future__ import annotations

import asyncio

import pytest

from evalcore.backlog import Backlog


async def waits(backlog: Backlog, size: int) -> asyncio.Task[None]:
    """A task that wants room, after it had its chance to get it."""
    task = asyncio.create_task(backlog.take(size))
    await asyncio.sleep(0)
    return task


async def test_whoever_fits_does_not_wait_and_the_next_does_until_there_is_room():
    backlog = Backlog(most_bytes=10)
    await backlog.take(6)
    await backlog.take(4)
    late = await waits(backlog, 3)
    assert not late.done()
    backlog.give_back(4)
    await late
    backlog.give_back(6)
    backlog.give_back(3)


async def test_one_thing_alone_always_fits():
    backlog = Backlog(most_bytes=10)
    await backlog.take(1000)
    other = await waits(backlog, 1)
    assert not other.done()
    backlog.give_back(1000)
    await other


async def test_nobody_small_overtakes_who_came_before():
    backlog = Backlog(most_bytes=10)
    await backlog.take(8)
    large, small = await waits(backlog, 9), await waits(backlog, 1)
    assert not large.done() and not small.done()
    backlog.give_back(8)
    await asyncio.gather(large, small)


@pytest.mark.parametrize("when", ["while it waits", "in the turn in which it gets its room"])
async def test_who_gives_up_leaves_no_room_behind(when):
    backlog = Backlog(most_bytes=10)
    await backlog.take(10)
    gone = await waits(backlog, 10)
    if when == "while it waits":
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        backlog.give_back(10)
    else:
        backlog.give_back(10)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(10):
        await backlog.take(10)
