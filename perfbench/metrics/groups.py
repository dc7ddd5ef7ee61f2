"""Groups: the records of a run by what they are part of: tag (of a mix), turn, session. Pure functions.

A group is `Columns` again, so that every metric is that of a group too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfbench.metrics.columns import OK, Columns, FloatArray

FINE_TURNS = 8
"""Turns that stand by themselves; from there on they are taken together, twice as many each time: 9-16, 17-32, ..."""


def by_tag(columns: Columns) -> dict[str, Columns]:
    """By tag in alphabetical order; empty when no record has one. Records without a tag are under ""."""
    if not any(columns.tags):
        return {}
    codes = {tag: code for code, tag in enumerate(columns.tags)}
    found = {tag: columns.where(columns.tag == codes[tag]) for tag in sorted(codes)}
    return {tag: group for tag, group in found.items() if group.size}


def by_turn(columns: Columns) -> dict[str, Columns]:
    """By turn: "1", "2", ... "8", "9-16", "17-32", ...; empty when no record is part of a session."""
    most = int(columns.turn.max(initial=0))
    found: dict[str, Columns] = {}
    first, width = 1, 1
    while first <= most:
        last = first + width - 1
        group = columns.where((columns.turn >= first) & (columns.turn <= last))
        if group.size:
            found[str(first) if width == 1 else f"{first}-{last}"] = group
        first = last + 1
        width = 1 if first <= FINE_TURNS else first - 1
    return found


@dataclass(frozen=True, slots=True)
class Sessions:
    """m sessions, by number of the session."""

    count: int
    completed: int
    """Whose every turn was answered, or hung up on as asked for."""
    failed: int
    """That have a turn that failed."""
    turns: int
    """Answered ones of all sessions."""
    duration_s: FloatArray
    """First turn intended to last turn over, of completed sessions: shape (completed,)."""

    @property
    def cut_short(self) -> int:
        """Neither completed nor failed: the run was over before they were."""
        return self.count - self.completed - self.failed


def sessions(columns: Columns) -> Sessions | None:
    """What became of the sessions; None when no record is part of one.

    A session is completed when as many of its turns ended well as it was to have. One with a failed turn that went on
    to its end all the same counts as failed.
    """
    of_session = columns.where(columns.session >= 0)
    if not of_session.size:
        return None
    _, which = np.unique(of_session.session, return_inverse=True)
    count = int(which.max()) + 1
    hung_up = of_session.is_error("hung_up")
    ok = np.equal(of_session.outcome, OK)
    well = np.bincount(which[ok | hung_up], minlength=count)
    # Turns that were cut off at the end of the run are neither: nobody failed.
    failed = np.bincount(which[of_session.failed], minlength=count) > 0
    planned = np.zeros(count, np.int64)
    np.maximum.at(planned, which, of_session.turns)
    completed = ~failed & (well >= planned)
    began_ns = np.full(count, np.iinfo(np.int64).max)
    ended_ns = np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(began_ns, which, of_session.intended_ns)
    np.maximum.at(ended_ns, which, of_session.finished_ns)
    return Sessions(
        count, int(completed.sum()), int(failed.sum()), int(ok.sum()), ((ended_ns - began_ns) / 1e9)[completed]
    )
