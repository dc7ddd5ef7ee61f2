"""Readers: the helper processes in which everything happens that takes long, at low priority.

A load test that runs beside the service shares its machine: the processes that measure come first.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
READERS = 2
NICENESS = 10
_pages: Any = None


class Readers:
    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            READERS, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._kept,)
        )

    async def page(self, method: str, *arguments: Any) -> bytes:
        """What that method of `reading.Pages` answers. Raises what it raises."""
        return await self.call(_page, method, *arguments)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function of a module answers."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, function, *arguments)
        except BrokenProcessPool:  # a helper was killed: there are new ones for the next who asks, and for us once
            self._pool = self._new()
            return await loop.run_in_executor(self._pool, function, *arguments)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _begin(kept: Path) -> None:
    """A helper process begins."""
    global _pages
    from evalcore.service.reading import Pages

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service ends it
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _pages = Pages(kept)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _page(method: str, *arguments: Any) -> bytes:
    found: bytes = getattr(_pages, method)(*arguments)
    return found
