"""Reading: from a file to a `TraceTable`: the part that is asked for, within limits, and what was left out.

The file is read once, line by line, plain or packed; what stays is 16 bytes a row (8 its time, 4 each length), 4 to 8
for each prefix block, and, where rows bring prompts or belong to sessions, 16 and 4 more. A part of a trace that is in
order is read up to its end and no further.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from perfbench.engine.errors import ScenarioError
from perfbench.workload.traces.base import Format, ReadRow, Row
from perfbench.workload.traces.table import FORMATS, recognised

PROBLEMS_SHOWN = 5
NOT_SAID = -1
"""In a column of the table: the trace does not say."""
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Part:
    """Of a trace, in its own time, from its first request on."""

    from_ns: int = 0
    lasts_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    max_input: int | None = None
    skips: bool = False
    """Rows beyond it are left out, rather than cut."""


@dataclass(slots=True)
class TraceTable:
    """Columns, one entry a row, in order of time."""

    format: Format
    at_ns: array[int] = field(default_factory=lambda: array("q"))
    """From the beginning of the part; empty where the trace has no times."""
    input_tokens: array[int] = field(default_factory=lambda: array("i"))
    output_tokens: array[int] = field(default_factory=lambda: array("i"))
    blocks: array[int] = field(default_factory=lambda: array("I"))
    """Of all rows, one after the other; row i's end at `blocks_until[i]`."""
    blocks_until: array[int] = field(default_factory=lambda: array("q"))
    begins: array[int] = field(default_factory=lambda: array("q"))
    """Where the line of a row that brings its prompt begins in the plain file; NOT_SAID for one that does not. Empty
    where no row does, like the columns below."""
    ends: array[int] = field(default_factory=lambda: array("q"))
    sessions: array[int] = field(default_factory=lambda: array("i"))
    session_names: dict[str, int] = field(default_factory=dict)
    tags: array[int] = field(default_factory=lambda: array("i"))
    tag_names: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many rows of the part were not taken, by why."""
    cut: int = 0
    """Rows whose prompt was shortened to the limit."""
    out_of_order: int = 0
    """Rows that came earlier than the one before them in the file; all are sorted by time."""

    def __len__(self) -> int:
        return len(self.input_tokens)

    def blocks_of(self, row: int) -> array[int]:
        return self.blocks[self.blocks_until[row - 1] if row else 0 : self.blocks_until[row]]


def read_trace(path: Path, name: str | None = None, part: Part = Part(), limits: Limits = Limits()) -> TraceTable:
    """The rows of a trace. Raises ScenarioError naming the file, the lines and what is wrong with them."""
    lines = Lines(path)
    try:
        try:
            return _Reader(path, lines, name, part, limits).table()
        except _Earlier as earlier:  # it is not in order: its beginning has to be looked for
            began_ns = min((row.at_ns for row in earlier.rest if row.at_ns is not None), default=earlier.at_ns)
            return _Reader(path, lines, name, part, limits, min(began_ns, earlier.at_ns)).table()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ScenarioError(f"trace {path} is no whole gzip file ({error}); pack it again") from None
    except OSError as error:
        raise ScenarioError(f"trace {path} cannot be read: {error.strerror or error}") from None


class _Earlier(Exception):
    """A row came before the first one."""

    def __init__(self, at_ns: int, rest: Iterator[Row]) -> None:
        self.at_ns, self.rest = at_ns, rest


class Lines:
    """The lines of a file, plain or packed, with their numbers from 1 and where they begin in the plain file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        at = 0
        with self._path.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            with gzip.open(raw) if packed else raw as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield number, at, line
                    at += len(line)


def plain_file(path: Path) -> IO[bytes]:
    """The file unpacked, in a temporary file without a name where it has to be: rows are read from it by position."""
    raw = path.open("rb")
    if raw.read(2) != GZIP:
        return raw
    raw.seek(0)
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the workload is
    with raw, gzip.open(raw) as packed:
        shutil.copyfileobj(packed, plain, 1 << 20)
    plain.flush()
    return plain


class _Reader:
    def __init__(
        self, path: Path, lines: Lines, name: str | None, part: Part, limits: Limits, began_ns: int | None = None
    ) -> None:
        self._path, self._lines, self._name, self._part, self._limits = path, lines, name, part, limits
        self._began_ns, self._in_order = began_ns, began_ns is None
        self._latest_ns: int | None = None

    def table(self) -> TraceTable:
        table: TraceTable | None = None
        read = None
        problems: list[str] = []
        lines = iter(self._lines)
        for number, at, line in lines:
            if read is None:
                format_ = self._format(line)
                table = TraceTable(format_)
                try:
                    read = format_.reader(line)
                except ValueError as error:
                    raise ScenarioError(f"trace {self._path}, as {format_.name}: {error}") from None
                if format_.has_header:
                    continue
            assert table is not None
            try:
                row = read(line)
            except ValueError as error:
                problems.append(f"line {number}: {error}")
                if len(problems) == PROBLEMS_SHOWN:
                    break
                continue
            if self._began_ns is not None and row.at_ns is not None and row.at_ns < self._began_ns:
                raise _Earlier(row.at_ns, _rest(lines, read))
            if self._is_beyond(row, table):
                break
            self._take(table, row, at, len(line))
        if problems:
            kind = table.format.name if table is not None else "?"
            raise ScenarioError("\n  ".join([f"trace {self._path} cannot be used as {kind}:", *problems]))
        if table is None or not len(table):
            raise ScenarioError(self._nothing(table))
        return _in_order(table) if table.out_of_order else table

    def _format(self, first: bytes) -> Format:
        if self._name is not None:
            return FORMATS[self._name]
        found = recognised(first)
        if found is None:
            begins = first[:80].decode(errors="replace").strip()
            known = "\n  ".join(f"{format_.name}: {format_.like}" for format_ in FORMATS.values())
            raise ScenarioError(
                f"trace {self._path}: its first line, {begins!r}, is that of no known format; name one with "
                f"trace_format, or convert it to one of\n  {known}"
            )
        return found

    def _is_beyond(self, row: Row, table: TraceTable) -> bool:
        """Whether the part is over. Of a trace that is not in order, nobody knows."""
        if row.at_ns is None:
            return False
        if self._began_ns is None:
            self._began_ns = row.at_ns
        if self._latest_ns is None:
            self._latest_ns = row.at_ns
        table.out_of_order += row.at_ns < self._latest_ns
        self._latest_ns = max(self._latest_ns, row.at_ns)
        over = self._part.lasts_ns is not None and self._offset_ns(row) >= self._part.lasts_ns
        return over and self._in_order and not table.out_of_order

    def _offset_ns(self, row: Row) -> int:
        assert row.at_ns is not None and self._began_ns is not None
        return row.at_ns - self._began_ns - self._part.from_ns

    def _take(self, table: TraceTable, row: Row, at: int, size: int) -> None:
        if row.at_ns is not None:
            offset_ns = self._offset_ns(row)
            if offset_ns < 0 or (self._part.lasts_ns is not None and offset_ns >= self._part.lasts_ns):
                return
        asked, told, most = row.input_tokens, row.output_tokens, self._limits.max_input
        if asked == 0 or told == 0:
            table.left_out["no input" if asked == 0 else "no output"] += 1
            return
        if most is not None and asked is not None and asked > most:
            if self._limits.skips or row.has_prompt:
                table.left_out["too long"] += 1
                return
            table.cut += 1
            asked = most
        if row.at_ns is not None:
            table.at_ns.append(offset_ns)
        table.input_tokens.append(NOT_SAID if asked is None else asked)
        table.output_tokens.append(NOT_SAID if told is None else told)
        self._take_blocks(table, row, asked)
        rows = len(table)
        if row.has_prompt or table.begins:
            _filled(table.begins, rows - 1).append(at if row.has_prompt else NOT_SAID)
            _filled(table.ends, rows - 1).append(at + size if row.has_prompt else NOT_SAID)
        if row.session is not None or table.sessions:
            number = NOT_SAID
            if row.session is not None:
                number = table.session_names.setdefault(row.session, len(table.session_names))
            _filled(table.sessions, rows - 1).append(number)
        if row.tag or table.tags:
            number = table.tag_names.setdefault(row.tag, len(table.tag_names)) if row.tag else NOT_SAID
            _filled(table.tags, rows - 1).append(number)

    def _take_blocks(self, table: TraceTable, row: Row, asked: int | None) -> None:
        size = table.format.block_tokens
        if not size:
            return
        ids = row.blocks[: -(-(asked or 0) // size)]
        try:
            table.blocks.extend(ids)
        except OverflowError:
            del table.blocks[table.blocks_until[-1] if table.blocks_until else 0 :]
            table.blocks = array("Q", table.blocks)
            table.blocks.extend(ids)
        table.blocks_until.append(len(table.blocks))

    def _nothing(self, table: TraceTable | None) -> str:
        if table is None or (self._latest_ns is None and not table.left_out):
            return f"trace {self._path} is empty; write a request a line"
        if not table.left_out:
            return (
                f"trace {self._path}: no request comes in the part that trace_from and trace_duration name; it lasts "
                f"{((self._latest_ns or 0) - (self._began_ns or 0)) / 1e9:g} s"
            )
        why = ", ".join(f"{count} {what}" for what, count in table.left_out.items())
        return f"trace {self._path}: no row of it can be sent ({why})"


def _rest(lines: Iterator[tuple[int, int, bytes]], read: ReadRow) -> Iterator[Row]:
    """The rows that follow; what is wrong with others is said when the file is read again."""
    for _, _, line in lines:
        with suppress(ValueError):
            yield read(line)


def _filled(column: array[int], rows: int) -> array[int]:
    """The column with an entry for every row so far: the ones before the first that says something say nothing."""
    if len(column) < rows:
        column.extend([NOT_SAID] * (rows - len(column)))
    return column


def _in_order(table: TraceTable) -> TraceTable:
    """Sorted by time; rows of one instant stay as they were."""
    order = sorted(range(len(table)), key=table.at_ns.__getitem__)
    blocks, until = array(table.blocks.typecode), array("q")
    if table.blocks_until:
        for row in order:
            blocks.extend(table.blocks_of(row))
            until.append(len(blocks))
    table.blocks, table.blocks_until = blocks, until
    for name in ("at_ns", "input_tokens", "output_tokens", "begins", "ends", "sessions", "tags"):
        column = getattr(table, name)
        if column:
            setattr(table, name, array(column.typecode, [column[row] for row in order]))
    return table
