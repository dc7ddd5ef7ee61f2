"""Judging: whether models judge the answers, which, and how many requests they get at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from evalcore.task.section import JUDGING, Rule, Section
from evalcore.task.values import JsonOrList
from perfbench import fieldtypes as t
from perfbench.fieldtypes import key

if TYPE_CHECKING:
    from evalcore.task.config import TaskConfig


class Judging(Section):
    judge_strategy: Literal["auto", "rule", "llm", "single", "pairwise"] = key(
        "auto", JUDGING, "auto: rules where a rule is right, a judge where none is."
    )
    judge_worker_num: t.Count = key(8, JUDGING, "Requests in flight to each judge.")
    judge_model_args: JsonOrList = key(
        {}, JUDGING, "model_id, api_url, generation_config, rpm, votes, ... of the judge; a list: several judges.",
        metavar="JSON", repr=False,
    )  # fmt: skip


def conflicts(task: TaskConfig) -> list[Rule]:
    return []
