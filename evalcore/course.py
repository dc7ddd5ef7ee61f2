"""Course: how a run went, beside what came of it: why it ended, what it asked, at which concurrency, at which cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

INTERRUPTED = "interrupted"


class Course(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """logs/run.json of a run folder; of the last run, where several went on with one another."""

    ended: str = ""
    """Why it stopped asking before everything was asked; empty: it did not."""
    parallel: str = ""
    """The concurrency, and how it was found."""
    requests: int = 0
    """Answers that were asked for, retries not counted."""
    reused: int = 0
    """Answers that the run folder had."""
    cached: int = 0
    """Answers that the response cache had."""
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    """Some of these tokens were not counted by the server, but estimated."""
    cost: float | None = None
    """None without prices."""
    window_s: float = 0.0

    def settings(self) -> dict[str, Any]:
        """What of it belongs into a report."""
        told: dict[str, Any] = {"parallel": self.parallel} if self.parallel else {}
        if self.cached:
            told["from_response_cache"] = self.cached
        if self.ended:
            told["ended"] = self.ended
        if self.cost is not None:
            told["cost"] = round(self.cost, 6)
        return told


def write_course(file: Path, course: Course) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(course))


def read_course(file: Path) -> Course | None:
    return msgspec.json.decode(file.read_bytes(), type=Course) if file.is_file() else None
