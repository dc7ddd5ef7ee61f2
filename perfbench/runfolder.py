"""The run folder: what is in it, under which names, and how it is read back.

    scenario.yaml     the resolved scenario; `perfbench run scenario.yaml` runs it again (keys are redacted)
    run.json          facts of the run that no single record holds (RunInfo)
    requests.jsonl    one Record a line, appended as requests finish
    client.jsonl      one ClientSample a line: how the client itself fared
    server.jsonl      one ServerSample a line: what the servers said at /metrics, if they were asked
    reviews.jsonl     one ItemReview a line: what answers are worth, if benchmarks were sent; made after the run
    summary.json      computed from those above, and only from them
    report.html       the same, to look at

While several workers run, each appends to a shard (requests.0.jsonl, ...); the shards are joined at the end. After a
`kill -9` whatever is there is read: shards too, and a torn last line is dropped with a warning.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from perfbench.engine.errors import ScenarioError, SinkFailed
from perfbench.engine.probe import ClientSample
from perfbench.engine.request import Record
from perfbench.review import ItemReview
from perfbench.telemetry.sample import ServerSample

SCENARIO, RUN, REQUESTS, CLIENT = "scenario.yaml", "run.json", "requests.jsonl", "client.jsonl"
SERVER = "server.jsonl"
REVIEWS = "reviews.jsonl"
SUMMARY, REPORT = "summary.json", "report.html"
SERIES = "series.json"
"""Of a folder that holds several runs of the same: what they say together."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_READ_BYTES = 1 << 24
T = TypeVar("T")


class RunInfo(msgspec.Struct, kw_only=True):
    """run.json. Written when the run begins and again when it ends; `ended` is None until then."""

    schema: int = 1
    started_at: str
    """ISO 8601 with time zone."""
    clock_monotonic_ns: int
    clock_unix_ns: int
    """The same instant on both clocks, so that instants in records can be turned into times of day."""
    ended_clock_monotonic_ns: int | None = None
    ended_clock_unix_ns: int | None = None
    """Both clocks again when the run was over."""
    began_ns: int
    """Instant zero of the schedule."""
    planned: int | None
    """Requests asked for; None when the run is bounded by its duration alone."""
    workers: int = 1
    ended: str | None = None
    """number, duration, interrupted, aborted, watched, died: why no more requests were sent; `notes` say more."""
    ended_ns: int | None = None
    """When the last request was allowed to leave."""
    dispatched: int | None = None
    """Arrivals that were due until then."""
    notes: list[str] = []
    """What the reader must know: a worker died, the run was cut short and why."""
    environment: dict[str, Any] = {}
    workload: dict[str, Any] = {}
    """name, reuse (which is intended, in a line), length (items there are; null: endless), sessions (whether)."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    path: Path

    def file(self, name: str) -> Path:
        return self.path / name

    def records_of(self, worker: int, of: int) -> Path:
        """Where a worker appends its records: the one file when it is alone, else a shard."""
        return self.file(REQUESTS if of == 1 else f"requests.{worker}.jsonl")

    def client_of(self, worker: int, of: int) -> Path:
        return self.file(CLIENT if of == 1 else f"client.{worker}.jsonl")

    def join_shards(self) -> None:
        """Put what several workers wrote into one file each. At any instant either the shards or the whole is read.

        Raises SinkFailed when there is no room for a second copy; the shards are then as they were.
        """
        for name in (REQUESTS, CLIENT):
            shards = self._shards(name)
            if not shards or self.file(name).exists():
                continue
            with replacing(self.file(name)) as new, new.open("wb") as joined:
                for shard in shards:
                    with shard.open("rb") as source:
                        shutil.copyfileobj(source, joined, _READ_BYTES)
                    if _ends_torn(shard):  # of a worker that was killed; the next shard begins on its own line
                        joined.write(b"\n")
                joined.flush()
                os.fsync(joined.fileno())
            for shard in shards:
                shard.unlink()

    def _shards(self, name: str) -> list[Path]:
        return sorted(self.path.glob(name.replace(".", ".*.")))

    def _files(self, name: str) -> list[Path]:
        return [self.file(name)] if self.file(name).is_file() else self._shards(name)

    def has_records(self) -> bool:
        return bool(self._files(REQUESTS))

    def record_files(self) -> list[Path]:
        """requests.jsonl, or the shards that were not joined."""
        found = self._files(REQUESTS)
        if not found:
            raise ScenarioError(f"{self.path} holds no {REQUESTS}; is it the folder of a run?")
        return found

    def records(self, warnings: list[str] | None = None) -> Iterator[list[Record]]:
        """All records, in batches of file order. Lines that are not whole are skipped and named in `warnings`."""
        for file in self.record_files():
            yield from _read_lines(file, Record, warnings)

    def client_samples(self, warnings: list[str] | None = None) -> list[ClientSample]:
        return [
            sample
            for file in self._files(CLIENT)
            for batch in _read_lines(file, ClientSample, warnings)
            for sample in batch
        ]

    def server_samples(self, warnings: list[str] | None = None) -> list[ServerSample]:
        file = self.file(SERVER)
        if not file.is_file():
            return []
        return [sample for batch in _read_lines(file, ServerSample, warnings) for sample in batch]

    def reviews(self, warnings: list[str] | None = None) -> list[ItemReview] | None:
        """What answers are worth; None where nobody scored any."""
        file = self.file(REVIEWS)
        if not file.is_file():
            return None
        return [review for batch in _read_lines(file, ItemReview, warnings) for review in batch]

    def write_info(self, info: RunInfo) -> None:
        write_whole(self.file(RUN), msgspec.json.format(msgspec.json.encode(info), indent=2))

    def info(self) -> RunInfo | None:
        """run.json, or None when there is none (records from elsewhere)."""
        file = self.file(RUN)
        return msgspec.json.decode(file.read_bytes(), type=RunInfo) if file.is_file() else None


def read_series(folder: Path) -> dict[str, Any] | None:
    """series.json of a folder; None when it is no series of runs. Raises ScenarioError when it is not whole."""
    file = folder / SERIES
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except UNREADABLE as error:
        raise ScenarioError(f"{file} is not whole: {error}; take it away to compare its runs one by one") from None
    return found


def _ends_torn(file: Path) -> bool:
    with file.open("rb") as source:
        size = source.seek(0, os.SEEK_END)
        if size == 0:
            return False
        source.seek(size - 1)
        return source.read(1) != b"\n"


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Where to write what then replaces the file at once: whoever reads it sees the old or the new, never half.

    Raises SinkFailed when that cannot be written, and leaves nothing of it behind.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        yield new
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)  # it would take the room that others need
        raise SinkFailed(f"cannot write {file}: {error.strerror}") from None


def write_whole(file: Path, data: bytes) -> None:
    """Replace a file at once, or raise SinkFailed."""
    with replacing(file) as new:
        new.write_bytes(data)


@dataclass(slots=True)
class _Dropped:
    """Lines that are not whole records: the first of them, and how many there were."""

    count: int = 0
    first: str = ""

    def add(self, line_number: int, error: Exception) -> None:
        self.count += 1
        self.first = self.first or f"line {line_number} was dropped: {error}"


def _read_lines(file: Path, kind: type[T], warnings: list[str] | None) -> Iterator[list[T]]:
    decoder, dropped = msgspec.json.Decoder(kind), _Dropped()
    with file.open("rb") as source:
        line_number, rest = 0, b""
        while block := source.read(_READ_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield _decode(decoder, whole + newline, line_number, dropped)
                line_number += whole.count(b"\n") + 1
    if warnings is None:
        return
    if dropped.count:
        more = f", and so were {dropped.count - 1} after it" if dropped.count > 1 else ""
        warnings.append(f"{file.name} {dropped.first}{more}")
    if rest:
        warnings.append(f"{file.name}: the last line is torn ({len(rest)} bytes) and was dropped")


def _decode(decoder: msgspec.json.Decoder[T], lines: bytes, first: int, dropped: _Dropped) -> list[T]:
    try:
        return decoder.decode_lines(lines)
    except UNREADABLE:  # one bad line must not cost the others
        found: list[T] = []
        for number, line in enumerate(lines.split(b"\n"), first + 1):
            try:
                if line:
                    found.append(decoder.decode(line))
            except UNREADABLE as error:
                dropped.add(number, error)
        return found
