"""What a reader of another tool's file gives back, and small readings they share.

Instants become ns on that tool's own clock. What it does not record stays None: nothing is made up. Where it knows only
when a request started, that is when it was due, too, and `lacking` says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record

NO_SCHEDULE = "when requests were due: every latency counts from when it was sent, a late client does not show"
NO_GAPS = "the gaps between chunks: there is no ITL"
NO_UNSENT = "which arrivals were due and never left"
OTHER_FAULT = "other"
"""The kind of a failure that the other tool tells only in words."""


@dataclass(frozen=True, slots=True)
class Foreign:
    tool: str
    records: list[Record]
    facts: Mapping[str, Any]
    """Of its load, under the names of scenario keys."""
    lacking: tuple[str, ...]


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def number(value: object, place: str) -> float:
    """A finite number. Raises ScenarioError naming the place."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScenarioError(f"{place} is {value!r}, not a number; is the file whole?")
    return float(value)


def count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def listed(value: object, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise ScenarioError(f"{place} is no list; is the file whole?")
    return value
