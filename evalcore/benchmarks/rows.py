"""Rows: reading fields of a source's rows, and giving items an id that does not depend on their position."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from evalcore.errors import DataError


def text_of(row: Mapping[str, Any], field: str, benchmark: str) -> str:
    """A field that has to be there as text; a number is written out. Raises DataError naming the field and the row."""
    value = row.get(field)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise DataError(
            f"{benchmark}: a row has no text in {field!r}: {str(dict(row))[:120]}; "
            "check that local_path holds this data set in its original layout"
        )
    return value.strip()


def content_id(*parts: str) -> str:
    """An id made of the content: the same item has the same one in every order, file and run."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
