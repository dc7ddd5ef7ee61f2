"""Lines: where each line of a JSONL file begins, and the few columns that filters and orders need.

A file is read through once. When it has grown only its new end is read; what was found is kept beside the outputs for
files that are worth it. A million lines are about 60 MB in memory, and a page of them is a mask and a few seeks.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

Array: TypeAlias = npt.NDArray[Any]
WORTH_KEEPING = 5_000
"""Lines; fewer are read faster than an index is found."""
MOST_FILES = 64
"""Whose indexes stay in memory."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one kind of line is read: a struct of the fields that matter, and what they are worth as columns.

    `row` gives a value for each column, a text for those that are in `words`: they are kept as numbers of a table.
    """

    name: str
    """Another way of reading has another name: indexes are kept under it."""
    head: type[msgspec.Struct]
    columns: tuple[tuple[str, str], ...]
    """Name and numpy type."""
    words: frozenset[str]
    row: Callable[[Any], tuple[Any, ...]]


@dataclass(slots=True)
class Index:
    """Of one file, as far as it was read."""

    offsets: Array
    columns: dict[str, Array]
    tables: dict[str, list[str]] = field(default_factory=dict)
    size: int = 0
    """Bytes that were read, up to the last line end."""
    inode: int = 0
    file_size: int = 0
    mtime_ns: int = 0
    """As the file was then."""

    def __len__(self) -> int:
        return len(self.offsets)

    def is_of(self, now: os.stat_result) -> bool:
        """Whether the file is as it was."""
        return (self.inode, self.file_size, self.mtime_ns) == (now.st_ino, now.st_size, now.st_mtime_ns)

    def code(self, column: str, word: str) -> int:
        """The number of a word; -1 where no line has it."""
        table = self.tables[column]
        return table.index(word) if word in table else -1


class Indexes:
    """The indexes of files, brought up to date when they are asked for."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._known: OrderedDict[tuple[Path, str], Index] = OrderedDict()

    def of(self, file: Path, reading: Reading) -> Index:
        """Raises OSError when the file cannot be read."""
        at = (file, reading.name)
        index = self._known.pop(at, None) or self._load(file, reading)
        with file.open("rb") as source:
            now = os.fstat(source.fileno())
            unchanged = index is not None and index.is_of(now)
            if index is None or index.inode != now.st_ino or (index.file_size >= now.st_size and not unchanged):
                index = _nothing(reading)  # it was written anew, and not on
            if not unchanged:
                before = len(index)
                index = _read_on(source, index, reading, now)
                if len(index) - before >= WORTH_KEEPING:
                    self._save(file, reading, index)
        self._known[at] = index
        while len(self._known) > MOST_FILES:
            self._known.popitem(last=False)
        return index

    def _file(self, file: Path, reading: Reading) -> Path:
        return self._kept / f"{hashlib.sha256(f'{reading.name} {file}'.encode()).hexdigest()[:32]}.npz"

    def _load(self, file: Path, reading: Reading) -> Index | None:
        try:
            with np.load(self._file(file, reading), allow_pickle=False) as kept:
                told = orjson.loads(kept["_told"].tobytes())
                if [list(column) for column in reading.columns] != told["columns"]:
                    return None
                columns = {name: kept[name] for name, _ in reading.columns}
                return Index(
                    kept["_offsets"], columns, told["tables"], told["size"], told["inode"], told["file_size"],
                    told["mtime_ns"],
                )  # fmt: skip
        except (OSError, ValueError, KeyError, BadZipFile):  # none, or one that was cut off: it is made again
            return None

    def _save(self, file: Path, reading: Reading, index: Index) -> None:
        told = orjson.dumps(
            {"columns": reading.columns, "tables": index.tables, "size": index.size, "inode": index.inode,
             "file_size": index.file_size, "mtime_ns": index.mtime_ns}
        )  # fmt: skip
        target = self._file(file, reading)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(f".{os.getpid()}.npz")
        arrays: dict[str, Any] = {**index.columns, "_told": np.frombuffer(told, np.uint8), "_offsets": index.offsets}
        np.savez(new, **arrays)
        new.replace(target)


def _nothing(reading: Reading) -> Index:
    columns = {name: np.zeros(0, kind) for name, kind in reading.columns}
    return Index(np.zeros(0, np.int64), columns, {name: [] for name in sorted(reading.words)})


def _read_on(source: Any, index: Index, reading: Reading, now: os.stat_result) -> Index:
    decode = msgspec.json.Decoder(reading.head).decode
    numbers = {name: {word: number for number, word in enumerate(table)} for name, table in index.tables.items()}
    names = [name for name, _ in reading.columns]
    offsets: list[int] = []
    found: list[list[Any]] = [[] for _ in names]
    at = index.size
    source.seek(at)
    for line in source:
        if not line.endswith(b"\n"):  # still being written
            break
        begins, at = at, at + len(line)
        try:
            row = reading.row(decode(line))
        except msgspec.DecodeError:  # torn by a kill, or no line of ours
            continue
        offsets.append(begins)
        for name, values, value in zip(names, found, row, strict=True):
            if name in numbers:
                of_column = numbers[name]
                values.append(of_column.setdefault(value, len(of_column)))
            else:
                values.append(value)
    columns = {
        name: np.concatenate([index.columns[name], np.array(values, kind)])
        for (name, kind), values in zip(reading.columns, found, strict=True)
    }
    tables = {name: list(of_column) for name, of_column in numbers.items()}
    return Index(
        np.concatenate([index.offsets, np.array(offsets, np.int64)]), columns, tables, at, now.st_ino,
        now.st_size, now.st_mtime_ns,
    )  # fmt: skip


def lines_at(file: Path, offsets: Sequence[int]) -> Iterator[bytes]:
    """The lines that begin at these bytes."""
    with file.open("rb") as source:
        for at in offsets:
            source.seek(at)
            yield source.readline()


def short_hash(text: str) -> int:
    """64 bits of it, signed."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
