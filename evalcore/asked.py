"""Asked: how each benchmark of a run was asked, written down beside its configuration.

configs/asked.json says by benchmark what a report has to know and cannot tell from answers: the scores to expect, and
settings that move them. Where options were compared by likelihood it also holds the way that the probe found, so that a
run that is gone on with asks as before, and does not probe again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One benchmark."""

    model: str | None = None
    api_url: str | None = None
    protocols: tuple[str, ...] = ()
    """Names of the scores, headline first; empty: those of the benchmark."""
    way: dict[str, Any] | None = None
    """As evalcore.likelihood.ways writes it down; None: an answer in words."""
    settings: dict[str, Any] = {}


def read_asked(folder: Path) -> dict[str, Asked]:
    """By benchmark; empty for a run in which nothing had to be written down."""
    file = _file(folder)
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Asked]) if file.is_file() else {}


def write_asked(folder: Path, asked: dict[str, Asked]) -> None:
    file = _file(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(asked), indent=1))


def _file(folder: Path) -> Path:
    return folder / "configs" / "asked.json"
