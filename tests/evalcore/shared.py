"""Real benchmark data and recorded model outputs: found beside the repository, or where EVALCORE_SHARED says."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).parents[2].parent / "shared"


def shared(path: str) -> Path:
    """A file or folder of the shared data. Skips the test when it is not there."""
    found = Path(os.environ.get("EVALCORE_SHARED", _BESIDE)) / "data" / path
    if not found.exists():
        pytest.skip(f"no shared data: {found} is missing; set EVALCORE_SHARED to the folder that holds data/")
    return found


def shared_rows(path: str) -> list[dict[str, Any]]:
    """Lines of a .jsonl or .jsonl.gz file of the shared data."""
    file = shared(path)
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return [json.loads(line) for line in text.splitlines() if line.strip()]
