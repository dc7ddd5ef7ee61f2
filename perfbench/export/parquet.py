"""Parquet: the table in columns, with the unit and the meaning of each in its field's metadata. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from perfbench.engine.errors import ScenarioError
from perfbench.export.table import Table


def write_parquet(parts: Iterable[Table], file: BinaryIO) -> None:
    """`parts` of one table, with the same columns: each is a row group. Raises ScenarioError without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ScenarioError(
            "parquet needs pyarrow, which is not installed: pip install 'perfbench[parquet]'; or export csv"
        ) from None
    types = {"text": pa.string(), "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_()}
    writer = None
    for part in parts:
        if writer is None:
            schema = pa.schema(
                [
                    pa.field(column.name, types[column.kind], metadata={"unit": column.unit, "meaning": column.meaning})
                    for column in part.columns
                ]
            )
            writer = pq.ParquetWriter(file, schema, compression="zstd")
        writer.write_table(pa.Table.from_pandas(part.frame, schema=schema, preserve_index=False))
    if writer is not None:
        writer.close()
