"""Verdicts on one response, from helper processes with a time limit.

Keywords and markers are regular expressions of the data set, and a response may be as long and as odd as it likes:
some of them together would take for ever, and while a check runs in this process nothing else of it does.
"""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from evalcore.scoring.helper import serve
from evalcore.scoring.helpers import GaveUp, HelperPool, pool_size
from evalcore.scoring.ifeval.arguments import Arguments
from evalcore.scoring.ifeval.table import FIXED, loose, strict

LIMIT_S = 20.0
"""CPU seconds for all checks of one response; an ordinary one takes some milliseconds, a megabyte some seconds."""
Asked: TypeAlias = Sequence[tuple[str, Arguments]]
"""Instructions by id, with their arguments."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """For each instruction, in order: whether it is followed; None when nobody can decide that."""

    strict: Sequence[bool | None] = ()
    loose: Sequence[bool | None] = ()
    fixed: Sequence[bool | None] = ()
    """Strict, by the table whose defects are repaired."""
    gave_up: str = ""
    """Why there are none: "time limit", or that the helper died; empty: there are."""


def verdicts(asked: Asked, response: str) -> Verdicts:
    """Blocks until there are verdicts, or none."""
    try:
        line = _pool(os.getpid()).ask_line(json.dumps([asked, response]).encode())
    except GaveUp as reason:
        return Verdicts(gave_up=str(reason))
    return Verdicts(*json.loads(line))


@lru_cache(maxsize=1)
def _pool(pid: int) -> HelperPool:
    """By process id, so that a forked process never talks to its parent's helpers."""
    pool = open_pool(pool_size(), LIMIT_S)
    atexit.register(pool.close)
    return pool


def open_pool(size: int, limit_s: float) -> HelperPool:
    remedy = (
        "`python -c 'import langdetect, nltk'` says why, and pip install 'perfbench[ifeval]' installs what is missing"
    )
    return HelperPool(__name__, size, limit_s, remedy)


def main(limit_s: float) -> None:
    """The program of a helper."""
    warm = "This is one sentence. THIS is another."
    strict("language:response_language", {"language": "en"}, warm)
    strict("change_case:capital_word_frequency", {"capital_frequency": 1, "capital_relation": "at least"}, warm)
    serve(_answer, limit_s)


def _answer(line: bytes) -> bytes:
    asked, response = json.loads(line)
    found = (
        [strict(name, given, response) for name, given in asked],
        [loose(name, given, response) for name, given in asked],
        [strict(name, given, response, FIXED) for name, given in asked],
    )
    return json.dumps(found).encode()
