"""Hub: the contract of a place from which data sets are fetched.

A hub lists a repository and fetches files of it; which files is decided by `evalcore.dataset.layout`. Libraries are
imported when first used, and their exceptions become DataError here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one revision."""

    revision: str
    files: tuple[str, ...]
    configs: tuple[Mapping[str, Any], ...] = ()
    """As the card declares them."""
    converted: bool = False
    """Holds the hub's own conversion to parquet, CONFIG/SPLIT/NNNN.parquet, not what its authors uploaded."""


class Hub(Protocol):
    name: str

    def listings(self, repository: str) -> Iterator[Listing]:
        """What to look through, in that order; each is asked for when it is needed. Raises DataError."""

    def fetch(self, repository: str, listing: Listing, files: Sequence[str]) -> list[Path]:
        """Those files on this machine, downloaded unless they are cached. Raises DataError."""


def declared_configs(card: Path) -> tuple[dict[str, Any], ...]:
    """What the card's front matter declares; a card without one, or with a broken one, declares nothing."""
    text = card.read_text(encoding="utf-8", errors="replace")
    if not text.startswith("---"):
        return ()
    try:
        front = yaml.safe_load(text[3:].partition("\n---")[0])
    except yaml.YAMLError:
        return ()
    configs = front.get("configs") if isinstance(front, dict) else None
    return tuple(each for each in configs if isinstance(each, dict)) if isinstance(configs, list) else ()
