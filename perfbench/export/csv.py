"""CSV: comma-separated values in UTF-8 with a line of names (RFC 4180), for spreadsheets and everything else.

Empty is what nobody said; `inf` is a wait that never ended; flags are true and false. Texts that a spreadsheet would
take for a formula get an apostrophe in front: an error text of a server is no program.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from perfbench.export.table import Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(parts: Iterable[Table], file: BinaryIO) -> None:
    """`parts` of one table, with the same columns, one after the other."""
    for number, part in enumerate(parts):
        _write_part(part, file, header=number == 0)


def _write_part(table: Table, file: BinaryIO, *, header: bool) -> None:
    frame = table.frame.copy(deep=False)
    for column in table.columns:
        if column.kind == "text":
            texts = frame[column.name]
            frame[column.name] = texts.where(~texts.str.startswith(FORMULA), "'" + texts)
        elif column.kind == "flag":
            frame[column.name] = frame[column.name].map({True: "true", False: "false"})
    frame.to_csv(file, index=False, header=header, encoding="utf-8", lineterminator="\r\n")
