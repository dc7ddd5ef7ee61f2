"""Progress: running figures of an evaluation. The run fills them in; `evalcore.live` shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Running figures of one benchmark, for whoever shows progress."""

    asked: int = 0
    reused: int = 0
    scored: int = 0
    unscored: int = 0
    total_score: float = 0.0


@dataclass(slots=True)
class Progress:
    """Running figures of the evaluation. `changed` is called after each review."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    changed: Callable[[], None] = lambda: None
