"""Table: named columns with units and meanings, as a pandas frame behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["text", "count", "number", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    unit: str
    """ms, s, per second, share (0 to 1), tokens, or nothing."""
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """`frame` has exactly these columns, in this order: texts as objects ("" for none), counts as Int64 and flags as
    boolean (<NA> where nobody said), numbers as float64 (NaN where there is none, infinite for what never came)."""

    columns: tuple[Column, ...]
    frame: pd.DataFrame


DTYPES: dict[Kind, str] = {"text": "object", "count": "Int64", "number": "float64", "flag": "boolean"}


def table(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> Table:
    """A table from rows of cells, None for what is not known."""
    frame = pd.DataFrame(
        {
            column.name: pd.Series(
                [("" if row[at] is None else str(row[at])) if column.kind == "text" else row[at] for row in rows],
                dtype=DTYPES[column.kind],
            )
            for at, column in enumerate(columns)
        }
    )
    return Table(tuple(columns), frame)
