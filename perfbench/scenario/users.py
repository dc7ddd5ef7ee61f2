"""Users: what the people behind the requests do: they talk in sessions, think between turns, and hang up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import USERS, Rule, Section

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario

IN_SESSIONS = ("conversations",)
"""Workloads whose arrivals are sessions: number counts them, and rate is theirs."""


class Users(Section):
    think_time: t.Delay | None = key(
        None, USERS, "Between a reply and the next turn: 3s, 'uniform 1s 5s', 'exponential 3s', 'lognormal 3s 0.8'.",
        shown="as the file says, else none", metavar="TIME|LAW",
    )  # fmt: skip
    replay_answers: bool | None = key(
        None, USERS, "Sessions go on from the answers in the file, not from the server's.", shown="no"
    )
    max_turns: t.Count | None = key(None, USERS, "Most turns of a session.", shown="all in the file")
    after_failed_turn: Literal["end", "continue"] | None = key(
        None, USERS, "What a failed turn does to its session.", shown="end"
    )
    cancel_share: t.Share | None = key(None, USERS, "Share of requests on which the client hangs up.", shown="0")
    cancel_after: t.Delay | None = key(
        None, USERS, "How long after sending it hangs up; written like think_time.", metavar="TIME|LAW"
    )


def conflicts(scenario: Scenario) -> list[Rule]:
    s = scenario
    kinds = {s.workload_name} | {part.workload_name for part in (s.mix or {}).values()}
    told = [name for name in ("think_time", "replay_answers", "max_turns", "after_failed_turn")
            if getattr(s, name) is not None]  # fmt: skip
    return [
        *((kinds.isdisjoint(IN_SESSIONS), name,
           f"is for sessions, but workload is {s.workload_name}; take it out, or give conversations") for name in told),
        (s.cancel_share is not None and s.cancel_after is None, "cancel_share",
         "says how many hang up, and not when; give cancel_after too"),
        (s.cancel_after is not None and s.cancel_share is None, "cancel_after",
         "says when clients hang up, and not how many do; give cancel_share too"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    talks = scenario.workload_name in IN_SESSIONS
    return {"replay_answers": False if talks else None, "after_failed_turn": "end" if talks else None}
