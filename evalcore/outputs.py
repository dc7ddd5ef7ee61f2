"""Outputs: the run folder of an evaluation, and appends that survive a kill.

    configs/task_config_HASH.yaml           the resolved task, without secrets; runs again
    logs/eval_log.log, logs/run.json        what was said, and how the run went
    predictions/MODEL/BENCHMARK_SUBSET.jsonl    one Prediction a line, in order of arrival
    reviews/MODEL/BENCHMARK_SUBSET.jsonl        one Review a line
    reviews/MODEL/left_out.json             keys of those that the last task does not ask; reports leave them out
    reports/MODEL/BENCHMARK.json, reports/report.html
    requests.jsonl                          the engine's records, without texts (they stand in the predictions)

Each line is handed to the kernel in one write when its sample is over: `kill -9` loses what was in flight, and no more.
A torn last line (power failure, full disk) is cut off with a warning when the folder is opened again.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Generic, TypeVar

import msgspec

from evalcore.compact import CompactMap
from evalcore.errors import TaskError
from evalcore.types import Prediction, Review
from perfbench.engine.errors import SinkFailed

T = TypeVar("T")
OFFSET_BITS = 48
"""Of a place in a file of lines: 256 TiB, in 32 768 files."""
NOWHERE = -1
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class EvalFolder:
    path: Path
    model: str
    """The model's name, as it may stand in a path."""

    @classmethod
    def new(cls, work_dir: Path, model: str) -> EvalFolder:
        """work_dir/YYYYMMDD_HHMMSS, with a number behind it when that second is taken."""
        stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
        for number in range(1000):
            folder = work_dir / (stamp if number == 0 else f"{stamp}_{number}")
            try:
                folder.mkdir(parents=True)
                return cls(folder, safe(model))
            except FileExistsError:
                continue
            except OSError as error:
                raise TaskError(
                    f"work_dir {str(work_dir)!r}: {error.strerror}; name a folder that can be written"
                ) from None
        raise TaskError(f"work_dir {str(work_dir)!r} is full of runs of this second")

    @classmethod
    def opened(cls, path: Path, model: str) -> EvalFolder:
        """A folder to go on with. Raises TaskError when it is none."""
        if not (path / "configs").is_dir():
            raise TaskError(f"use_cache: {str(path)!r} is not the folder of an evaluation; it has no configs/")
        return cls(path, safe(model))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes into the folder within the block. Raises TaskError when somebody does already.

        The lock is the kernel's, on the folder itself, so that none is left behind by a process that was killed.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise TaskError(
                f"{str(self.path)!r} is being written by another run; wait for its end, or leave use_cache out"
            ) from None
        except OSError:  # a file system without locks; two at once are the user's care there, as they ever were
            pass
        try:
            yield
        finally:
            os.close(descriptor)

    def predictions(self, benchmark: str, subset: str) -> Path:
        return self.path / "predictions" / self.model / f"{benchmark}_{safe(subset)}.jsonl"

    def reviews(self, benchmark: str, subset: str) -> Path:
        return self.path / "reviews" / self.model / f"{benchmark}_{safe(subset)}.jsonl"

    def report(self, benchmark: str) -> Path:
        return self.path / "reports" / self.model / f"{benchmark}.json"

    def page(self) -> Path:
        return self.path / "reports" / "report.html"

    def requests(self) -> Path:
        return self.path / "requests.jsonl"

    def config(self, fingerprint: str) -> Path:
        return self.path / "configs" / f"task_config_{fingerprint}.yaml"

    def log(self) -> Path:
        return self.path / "logs" / "eval_log.log"

    def course(self) -> Path:
        """How the run went (evalcore.course)."""
        return self.path / "logs" / "run.json"

    def prediction_files(self) -> list[Path]:
        return sorted((self.path / "predictions" / self.model).glob("*.jsonl"))

    def review_files(self) -> list[Path]:
        return sorted((self.path / "reviews" / self.model).glob("*.jsonl"))

    def left_out(self) -> Path:
        """Keys of reviews that the last run's task does not ask, by benchmark: another limit's, other settings'."""
        return self.path / "reviews" / self.model / "left_out.json"

    def read_left_out(self) -> dict[str, list[str]]:
        file = self.left_out()
        return msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]]) if file.is_file() else {}

    def reviews_of(self, benchmark: str, subsets: Iterable[str]) -> Iterator[Review]:
        """What a report stands on: the last review of each key, in file order, without those that are left out."""
        left_out = frozenset(self.read_left_out().get(benchmark, ()))
        for file in dict.fromkeys(self.reviews(benchmark, subset) for subset in subsets):
            if file.is_file():
                yield from (review for review in read_reviews(file) if review.key not in left_out)

    def plan(self) -> Path:
        """How many answers there are to be, by benchmark and subset; there once a run has seen all its data."""
        return self.path / "configs" / "planned.json"


def safe(name: str) -> str:
    """A name as it may stand in a path."""
    return re.sub(r"[^\w.+=@-]+", "_", name).strip("._") or "unnamed"


class Appender:
    """Appends structs to many files, one write a line. Directories are made as needed."""

    def __init__(self) -> None:
        self._open: dict[Path, int] = {}

    def add(self, file: Path, value: msgspec.Struct) -> None:
        """The line is in the kernel's hands when this returns. Raises SinkFailed, and leaves no half line."""
        fd = self._open.get(file)
        if fd is None:
            file.parent.mkdir(parents=True, exist_ok=True)
            fd = self._open[file] = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        line = _encode(value) + b"\n"
        written = 0
        try:
            while written < len(line):
                written += os.write(fd, line[written:])
        except OSError as error:
            os.ftruncate(fd, os.fstat(fd).st_size - written)
            raise SinkFailed(f"cannot write {file}: {error.strerror}; what was written before is whole") from None

    def close(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()


def mend(file: Path, warnings: list[str]) -> None:
    """Cut a torn last line off, so that the next append begins a line of its own."""
    if not file.is_file():
        return
    with file.open("rb+") as both:
        size = whole = both.seek(0, os.SEEK_END)
        while whole > 0:  # from the end, block by block, to the last line end
            begin = max(0, whole - (1 << 16))
            both.seek(begin)
            at = both.read(whole - begin).rfind(b"\n")
            if at >= 0:
                whole = begin + at + 1
                break
            whole = begin
        if whole < size:
            both.truncate(whole)
            warnings.append(f"{file.name}: the last line was torn ({size - whole} bytes) and was dropped")


class LineIndex(Generic[T]):
    """Where in some files each finished line stands: what a resumed run need not do again. 40 bytes a line and name.

    A line is known by its key, and by whatever else `also` names it by: of lines that share such a name, the last.
    """

    def __init__(
        self, files: Iterable[Path], kind: type[T], counts: Callable[[T], bool], warnings: list[str],
        also: Callable[[str], str] | None = None,
    ) -> None:  # fmt: skip
        self._also = also
        self._files: list[Path] = []
        self._open: dict[int, IO[bytes]] = {}
        self._places = CompactMap()  # number of the file, then the byte in it; NOWHERE for a key whose last line fails
        self._decode = msgspec.json.Decoder(kind).decode
        self._key_of = msgspec.json.Decoder(_Key).decode
        for file in files:
            mend(file, warnings)
            at, number = 0, len(self._files)
            self._files.append(file)
            with file.open("rb") as lines:
                for line in lines:
                    try:
                        key, done = self._key_of(line).key, counts(self._decode(line))
                        place = number << OFFSET_BITS | at
                        self._places[key] = place if done else NOWHERE
                        if also is not None and done:
                            self._places[also(key)] = place
                    except msgspec.DecodeError as error:
                        warnings.append(f"{file.name} at byte {at}: a line was dropped: {error}")
                    at += len(line)

    def get(self, key: str) -> T | None:
        """The last line with that key, if it is finished."""
        return self._read(key, lambda found: found == key)

    def like(self, name: str) -> T | None:
        """The last finished line that has this other name."""
        also = self._also
        return None if also is None else self._read(name, lambda found: also(found) == name)

    def _read(self, name: str, is_it: Callable[[str], bool]) -> T | None:
        place = self._places.get(name)
        if place is None or place == NOWHERE:
            return None
        number, at = place >> OFFSET_BITS, place & ((1 << OFFSET_BITS) - 1)
        lines = self._open.get(number)
        if lines is None:
            lines = self._open[number] = self._files[number].open("rb")
        lines.seek(at)
        line = lines.readline()
        return self._decode(line) if is_it(self._key_of(line).key) else None

    def close(self) -> None:
        for lines in self._open.values():
            lines.close()
        self._open.clear()


def read_predictions(file: Path) -> Iterator[Prediction]:
    """The last prediction of each key, in file order; lines that are not whole are left out."""
    yield from _last_of_key(file, msgspec.json.Decoder(Prediction).decode)


def read_reviews(file: Path) -> Iterator[Review]:
    """The last review of each key, in file order."""
    yield from _last_of_key(file, msgspec.json.Decoder(Review).decode)


def keys_in(file: Path) -> Iterator[str]:
    """The key of every line that has one."""
    with file.open("rb") as lines:
        yield from (key for line in lines if (key := _key_of(line)) is not None)


class _Key(msgspec.Struct):
    key: str


_head = msgspec.json.Decoder(_Key).decode


def _key_of(line: bytes) -> str | None:
    """None: the line is torn, or no line of ours; what it said is asked again when the run is gone on with."""
    try:
        return _head(line).key if line.endswith(b"\n") else None
    except msgspec.DecodeError:
        return None


def _last_of_key(file: Path, decode: Callable[[bytes], T]) -> Iterator[T]:
    """Two passes: which line of each key is the last, then those."""
    last = CompactMap()
    with file.open("rb") as lines:
        for number, line in enumerate(lines):
            if (key := _key_of(line)) is not None:
                last[key] = number
        lines.seek(0)
        for number, line in enumerate(lines):
            if (key := _key_of(line)) is not None and last.get(key) == number:
                try:
                    yield decode(line)
                except msgspec.DecodeError:  # a key, and nothing that was ever written beside one
                    continue
