"""Comparing formulas in helper processes (evalcore.scoring.helpers), with a time limit that holds in any thread.

`ask` may be called from several threads at once, never from an event loop: it waits. A comparison that takes too long
counts as not the same, with the reason beside it. Helpers are shared by the whole process, and end with it.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
from dataclasses import dataclass
from functools import lru_cache

from evalcore.errors import TaskError
from evalcore.scoring.helpers import GaveUp, HelperPool, pool_size
from evalcore.scoring.mathworker import SAME

LIMIT_S = 5.0
"""CPU seconds for one comparison, the limit of lm-evaluation-harness's minerva_math, there of wall time."""
REMEDY = "`python -c 'import math_verify, antlr4'` says why, and pip install 'perfbench[math]' installs what fits"


@dataclass(frozen=True, slots=True)
class Reply:
    same: bool
    gave_up: str = ""
    """Why there was no verdict: "time limit", or that the helper died (memory, depth); empty: there is one."""


@lru_cache(maxsize=1)
def require_math() -> None:
    """Raises TaskError naming the extra when Math-Verify or sympy is not installed."""
    for package in ("math_verify", "sympy", "antlr4"):
        if not _installed(package):
            raise TaskError(
                f"comparing formulas needs the package {package}, which is not installed; "
                "install the extra `math` (pip install 'perfbench[math]')"
            )


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # its place among the modules was taken by something that is none
        return False


def ask(how: str, gold: str, answer: str) -> Reply:
    """Whether the two are the same, `how` one of mathworker's ways. Blocks until there is a verdict, or none."""
    try:
        return Reply(_verdict(os.getpid(), how, gold, answer))
    except GaveUp as reason:
        return Reply(False, str(reason))


@lru_cache(maxsize=20_000)  # several samples of one question mostly end in the same answer
def _verdict(pid: int, how: str, gold: str, answer: str) -> bool:
    return _pool(pid).ask(how, gold, answer)


@lru_cache(maxsize=1)
def _pool(pid: int) -> MathPool:
    """By process id, so that a forked process never talks to its parent's helpers."""
    pool = MathPool(pool_size())
    atexit.register(pool.close)
    return pool


class MathPool(HelperPool):
    """Helpers that compare formulas."""

    def __init__(self, size: int, limit_s: float = LIMIT_S) -> None:
        super().__init__("evalcore.scoring.mathworker", size, limit_s, REMEDY)

    def ask(self, how: str, gold: str, answer: str) -> bool:
        """Raises GaveUp when there was no verdict."""
        return self.ask_line(json.dumps([how, gold, answer]).encode()) == SAME
