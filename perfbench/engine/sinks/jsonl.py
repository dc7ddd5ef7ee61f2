"""Records as JSON lines, appended while the run goes on and off its hot path.

`add` encodes (a microsecond or two) and returns; a thread joins what came and hands it to the kernel ten times a
second.
Loss on `kill -9` is bounded by that: records of requests that finished in the last `FLUSH_EVERY_S` seconds, and nothing
that was written before. Every line in the file is whole; when the disk fills up the file is cut back to its last whole
line and the next `add` raises SinkFailed, which ends the run.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import msgspec

from perfbench.engine.errors import SinkFailed

FLUSH_EVERY_S = 0.1
MOST_PENDING_BYTES = 256 << 20  # a disk this far behind will not catch up


class JsonlSink:
    """Appends any msgspec struct, one a line. Owns its file: nobody else writes to it."""

    def __init__(self, path: Path, flush_every_s: float = FLUSH_EVERY_S) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._whole_bytes = os.fstat(self._fd).st_size
            # A killed process may have left its last line torn; the next one must not become a part of it.
            if self._whole_bytes and os.pread(self._fd, 1, self._whole_bytes - 1) != b"\n":
                self._whole_bytes += os.write(self._fd, b"\n")
        except OSError as error:
            raise SinkFailed(f"cannot write {path}: {error.strerror}") from None
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[bytes] = []
        self._queued_bytes = 0  # counted by the loop, and never by the thread
        self._taken_bytes = 0  # the other way round
        self._failed: SinkFailed | None = None
        self._closing = threading.Event()
        self._flush_every_s = flush_every_s
        self._thread = threading.Thread(target=self._write_on, name=f"writer of {path.name}", daemon=True)
        self._thread.start()

    def add(self, record: msgspec.Struct) -> None:
        """Queue one line. Raises SinkFailed once the file cannot be written any more."""
        if self._failed is not None:
            raise self._failed
        line = self._encode(record)
        self._lines.append(line)
        self._queued_bytes += len(line) + 1
        if self._queued_bytes - self._taken_bytes > MOST_PENDING_BYTES:
            raise SinkFailed(f"{self._path}: the disk is more than {MOST_PENDING_BYTES >> 20} MB behind")

    async def close(self) -> None:
        """Write what is left, down to the disk. Raises SinkFailed if any of it could not be written."""
        self._closing.set()
        await asyncio.to_thread(self._thread.join)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._failed is not None:
            raise self._failed

    def _write_on(self) -> None:
        while not self._closing.wait(self._flush_every_s):
            self._flush()
        self._flush()
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._failed = self._failed or SinkFailed(f"cannot write {self._path}: {error.strerror}")

    def _flush(self) -> None:
        if not self._lines or self._failed is not None:
            return
        count = len(self._lines)
        lines = self._lines[:count]
        del self._lines[:count]  # not a new list: the loop may be about to append to this one
        lines.append(b"")
        data = memoryview(b"\n".join(lines))
        try:
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            self._whole_bytes += bytes(data[:written]).rfind(b"\n") + 1
            self._failed = SinkFailed(
                f"cannot write {self._path}: {error.strerror}; the {self._whole_bytes} bytes before are whole"
            )
            os.ftruncate(self._fd, self._whole_bytes)
            return
        self._whole_bytes += len(data)
        self._taken_bytes += len(data)
