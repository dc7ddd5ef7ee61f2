"""Readers of a service: python -m tests.evalcore.service.readers BASE COUNT SECONDS PATHS... Prints how many answers
they got, and how many were none."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp

PAUSE_S = 2.0
"""Somebody reads what came."""


async def main() -> None:
    base, count, seconds, paths = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
    ends_s = time.monotonic() + seconds
    statuses: list[int] = []

    async def read(session: aiohttp.ClientSession, number: int) -> None:
        await asyncio.sleep(PAUSE_S * number / count)
        while time.monotonic() < ends_s:
            async with session.get(base + paths[number % len(paths)]) as response:
                await response.read()
                statuses.append(response.status)
            await asyncio.sleep(PAUSE_S)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(read(session, number) for number in range(count)))
    print(statuses.count(200), len(statuses) - statuses.count(200))


if __name__ == "__main__":
    asyncio.run(main())
