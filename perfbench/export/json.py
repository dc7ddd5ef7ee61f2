"""JSON: {schema, kind, source, columns: [{name, kind, unit, meaning}], rows: [{name: value}]}; null is not known.

JSON has no infinity: an infinite value is the text "inf".
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import orjson

from perfbench.export.table import Table

SCHEMA = 1
ROWS_AT_A_TIME = 20_000


def write_json(table: Table, file: BinaryIO, kind: str, source: str) -> None:
    """Row by row, so that a large table is not in memory a second time as text."""
    head = {
        "schema": SCHEMA, "kind": kind, "source": source,
        "columns": [
            {"name": column.name, "kind": column.kind, "unit": column.unit, "meaning": column.meaning}
            for column in table.columns
        ],
    }  # fmt: skip
    file.write(orjson.dumps(head)[:-1] + b',"rows":[')
    for at in range(0, len(table.frame), ROWS_AT_A_TIME):
        part = table.frame.iloc[at : at + ROWS_AT_A_TIME].astype(object)
        part = part.where(part.notna(), None).replace({np.inf: "inf", -np.inf: "-inf"})
        for place, row in enumerate(part.to_dict("records")):
            file.write((b"\n" if at + place == 0 else b",\n") + orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY))
    file.write(b"\n]}\n")
