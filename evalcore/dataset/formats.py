"""Formats: files of rows, read as mappings, one at a time.

jsonl, csv, tsv (each plain or .gz) and parquet are streamed; json has to be held whole. To add a format, write a
reader and add a line to `READERS`. Whatever is wrong with a row is a DataError that names file and line.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import msgspec

from evalcore.errors import DataError

Row: TypeAlias = dict[str, Any]
Reader: TypeAlias = Callable[[Path, Sequence[str] | None], Iterator[Row]]
Texts: TypeAlias = Callable[[str], Iterable[Row]]
LIST_KEYS = ("examples", "data", "rows", "questions", "instances")
"""Under which a json file may keep its rows beside other things (a canary, a version)."""
PARQUET_ROWS = 256
"""Rows turned into Python at a time."""
UNREADABLE = (OSError, EOFError, UnicodeDecodeError)

csv.field_size_limit(1 << 30)  # passages are longer than the 128 KiB that csv takes by default


def read(file: Path, columns: Sequence[str] | None = None, texts: Texts | None = None) -> Iterator[Row]:
    """The rows of a file. `columns` name the cells of csv and tsv files that have no line of names; `texts` finds the
    rows of a .txt file.

    Raises DataError when the format is not known, or once a row is not what it should be.
    """
    if texts is not None and file.name.lower().endswith(".txt"):
        yield from _running_text(file, texts)
        return
    reader = READERS.get(format_of(file.name) or "")
    if reader is None:
        raise DataError(f"{file}: its name ends in none of {', '.join(READERS)} (or .gz of a text format)")
    try:
        yield from reader(file, columns)
    except UNREADABLE as error:
        raise DataError(f"{file} cannot be read: {error}") from None


def format_of(name: str) -> str | None:
    """The ending that says how a file is read, without .gz; None when it is no data file."""
    plain = name.lower().removesuffix(".gz")
    return next((ending for ending in READERS if plain.endswith(ending)), None)


def _running_text(file: Path, texts: Texts) -> Iterator[Row]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UNREADABLE as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    yield from texts(text)


def _open(file: Path) -> IO[bytes]:
    return gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb")  # type: ignore[return-value]


def _text(source: IO[bytes]) -> io.TextIOWrapper:
    return io.TextIOWrapper(source, encoding="utf-8-sig", newline="")


def _jsonl(file: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    with _open(file) as source:
        for number, line in enumerate(source, 1):
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if line.strip():
                yield _mapping(_decode(line, f"{file} line {number}"), f"{file} line {number}")


def _json(file: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    with _open(file) as source:
        whole = _decode(source.read().removeprefix(b"\xef\xbb\xbf"), str(file))
    for number, row in enumerate(_rows_of(whole, file), 1):
        yield _mapping(row, f"{file} row {number}")


def _rows_of(whole: Any, file: Path) -> Sequence[Any]:
    """Rows of a list, of {"examples": [...]}, or of columns {"name": [values]}."""
    if isinstance(whole, list):
        return whole
    if isinstance(whole, dict) and whole:
        for key in LIST_KEYS:
            listed = whole.get(key)
            if isinstance(listed, list) and all(isinstance(row, dict) for row in listed):
                return listed
        if all(isinstance(column, list) for column in whole.values()):
            lengths = {name: len(column) for name, column in whole.items()}
            if len(set(lengths.values())) > 1:
                raise DataError(f"{file}: its columns differ in length: {lengths}")
            return [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]
    raise DataError(
        f"{file}: a json file of rows is a list of objects, an object with such a list under one of "
        f"{', '.join(LIST_KEYS)}, or an object of columns; this is {_shape(whole)}"
    )


def _csv(file: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    return _table(file, columns, {"delimiter": ",", "strict": True})


def _tsv(file: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    # text/tab-separated-values knows no quotes: one that stands in a question is part of it.
    return _table(file, columns, {"delimiter": "\t", "quoting": csv.QUOTE_NONE})


def _table(file: Path, columns: Sequence[str] | None, dialect: dict[str, Any]) -> Iterator[Row]:
    with _open(file) as source, _text(source) as text:
        reader = csv.reader(text, **dialect)
        names: list[str] | None = None
        try:
            for cells in reader:
                if not cells:
                    continue
                if names is None:
                    names, is_data = _names(cells, columns)
                    if not is_data:
                        continue
                if len(cells) != len(names):
                    raise DataError(
                        f"{file} line {reader.line_num}: {len(cells)} cells where {len(names)} are named "
                        f"({', '.join(names)})"
                    )
                yield dict(zip(names, cells, strict=True))
        except csv.Error as error:
            raise DataError(f"{file} line {reader.line_num}: {error}") from None


def _names(first: list[str], columns: Sequence[str] | None) -> tuple[list[str], bool]:
    """Names of the cells, and whether the first line is a row already.

    Without `columns` it is names. With them it is a row, unless it has another count of cells or repeats the names.
    """
    if columns is None or len(first) != len(columns):
        return first, False
    same = [cell.strip().casefold() for cell in first] == [name.casefold() for name in columns]
    return list(columns), not same


def _parquet(file: Path, columns: Sequence[str] | None) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{file}: reading parquet needs pyarrow: pip install 'perfbench[hub]'") from None
    try:
        with pyarrow.parquet.ParquetFile(file) as source:
            for batch in source.iter_batches(batch_size=PARQUET_ROWS):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise DataError(f"{file} cannot be read: {error}") from None


def _decode(data: bytes, place: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The library is strict; Python's own also reads NaN and lone surrogates, which data sets in the wild have.
        try:
            return json.loads(data)
        except ValueError as error:
            raise DataError(f"{place} is not JSON: {error}") from None


def _mapping(row: Any, place: str) -> Row:
    if not isinstance(row, dict):
        raise DataError(f"{place}: a row is an object with named fields, this is {_shape(row)}")
    return row


def _shape(value: Any) -> str:
    return f"an object with {', '.join(map(repr, list(value)[:5]))}" if isinstance(value, dict) else repr(value)[:60]


READERS: dict[str, Reader] = {
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _tsv,
}
"""By ending. Where a folder holds the same rows twice, the first of these is read."""
