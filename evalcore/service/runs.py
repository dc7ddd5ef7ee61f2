"""Runs: the index of run folders, kept up to date, and what becomes of one when it is deleted."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from pathlib import Path

from evalcore.service.folders import scan
from evalcore.service.problems import Refused
from evalcore.service.readers import Readers
from evalcore.service.settings import Settings
from evalcore.service.store import RunRow, Store

FRESH_S = 1.0
"""A look at the outputs that is not older than that need not be taken again."""


class Runs:
    def __init__(self, store: Store, settings: Settings, readers: Readers) -> None:
        self._store, self._settings, self._readers = store, settings, readers
        self._looked_s = 0.0
        self._looking = asyncio.Lock()

    async def look(self, *, at_least_now: bool = False) -> None:
        """Bring the index up to date with the outputs."""
        asked_s = time.monotonic()
        async with self._looking:
            if self._looked_s >= (asked_s if at_least_now else asked_s - FRESH_S):
                return
            self._looked_s = time.monotonic()
            rows, gone = await self._readers.call(scan, self._settings.outputs, self._store.stamps())
            if rows or gone:
                self._store.put_runs(rows, gone)

    async def get(self, id: str) -> RunRow:
        """Raises Refused where there is none."""
        row = self._store.run(id)
        if row is None or not self.folder(row).is_dir():
            await self.look(at_least_now=True)
            row = self._store.run(id)
        if row is None:
            raise Refused(404, f"there is no run {id[:200]!r}")
        return row

    def folder(self, row: RunRow) -> Path:
        return self._settings.outputs / row.path

    async def delete(self, row: RunRow) -> None:
        """The folder is gone from the outputs at once, and from the disk soon. Raises Refused."""
        trash = self._settings.state / "trash"
        trash.mkdir(exist_ok=True)
        away = trash / secrets.token_hex(8)
        try:
            self.folder(row).rename(away)
        except OSError as error:
            raise Refused(409, f"the run cannot be deleted: {error.strerror}") from None
        await self.look(at_least_now=True)
        await asyncio.to_thread(shutil.rmtree, away, True)
