"""Call: a function's name and the arguments it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: Mapping[str | None, Any]
    """By parameter. Values are Python's; of Java and JavaScript they are source text. Under None: what stood there
    without a name, in Java and JavaScript; Python's are left out, as the leaderboard does."""
