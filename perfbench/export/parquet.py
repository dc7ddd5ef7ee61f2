"""Parquet: the table in columns, with the unit and the meaning of each in its field's metadata. Needs pyarrow."""

from __future__ import annotations

from typing import BinaryIO

from perfbench.engine.errors import ScenarioError
from perfbench.export.table import Table


def write_parquet(table: Table, file: BinaryIO) -> None:
    """Raises ScenarioError without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ScenarioError(
            "parquet needs pyarrow, which is not installed: pip install 'perfbench[parquet]'; or export csv"
        ) from None
    types = {"text": pa.string(), "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_()}
    schema = pa.schema(
        [
            pa.field(column.name, types[column.kind], metadata={"unit": column.unit, "meaning": column.meaning})
            for column in table.columns
        ]
    )
    pq.write_table(pa.Table.from_pandas(table.frame, schema=schema, preserve_index=False), file, compression="zstd")
