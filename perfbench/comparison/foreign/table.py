"""Table: which tools' files are read. A file is known by what is in it, whatever it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from perfbench.comparison.foreign import aiperf, guidellm, vllm
from perfbench.comparison.foreign.base import Foreign
from perfbench.engine.errors import ScenarioError


def read_foreign(file: Path, which: str = "") -> Foreign:
    """The requests in another tool's file. `which`: the number behind #, where a file holds several runs."""
    data = file.read_bytes()
    document = _whole(data)
    if vllm.is_vllm(document):
        return vllm.read(document, file)
    if guidellm.is_guidellm(document):
        return guidellm.read(document, file, which)
    lines = _lines(data)
    if lines and aiperf.is_aiperf(lines[0]):
        return aiperf.read(lines, file)
    raise ScenarioError(
        f"{file} is no file of a tool that is known: it should be what vllm bench wrote with --save-detailed, "
        "profile_export.jsonl of aiperf, or the JSON of guidellm"
    )


def _whole(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _lines(data: bytes) -> list[Any]:
    """The lines of a JSONL file; empty when it is none. A torn last line is what a killed run leaves: it is dropped."""
    found: list[Any] = []
    lines = [line for line in data.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            if number + 1 < len(lines):
                return []
    return found
