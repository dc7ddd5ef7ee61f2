"""CSV: comma-separated values in UTF-8 with a line of names (RFC 4180), for spreadsheets and everything else.

Empty is what nobody said; `inf` is a wait that never ended; flags are true and false. Texts that a spreadsheet would
take for a formula get an apostrophe in front: an error text of a server is no program.
"""

from __future__ import annotations

from typing import BinaryIO

from perfbench.export.table import Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(table: Table, file: BinaryIO) -> None:
    frame = table.frame.copy(deep=False)
    for column in table.columns:
        if column.kind == "text":
            texts = frame[column.name]
            frame[column.name] = texts.where(~texts.str.startswith(FORMULA), "'" + texts)
        elif column.kind == "flag":
            frame[column.name] = frame[column.name].map({True: "true", False: "false"})
    frame.to_csv(file, index=False, encoding="utf-8", lineterminator="\r\n")
