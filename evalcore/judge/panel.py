"""Panel: the judges of a task, who are all asked at once, each in a lane of its own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

import msgspec
import orjson

from evalcore.judge.model import JudgeModel, judgement
from evalcore.judge.question import Question, Showing
from evalcore.types import Answer, Sample, Scores, Verdict
from perfbench.engine.lane import Lane
from perfbench.engine.scheduler import Scheduler

UNJUDGED = "unjudged"
"""Fault of an answer without a verdict, on which a judge spoke and could not be read."""
JUDGE_FAILED = "judge_failed"
"""Fault of an answer without a verdict, because judges did not answer."""


class Panel:
    def __init__(self, judges: Sequence[JudgeModel]) -> None:
        self.judges = tuple(judges)

    def lanes(self) -> dict[str, Lane]:
        return {judge.lane_name: judge.lane() for judge in self.judges}

    def fingerprint(self, question: Question) -> str:
        """Names the judges and what they are asked; verdicts under another name are other verdicts."""
        what = [dict(question.describe()), [judge.describe() for judge in self.judges]]
        return hashlib.blake2b(orjson.dumps(what, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()

    async def verdicts(
        self, question: Question, sample: Sample, answer: Answer, repeat: int, key: str, scheduler: Scheduler
    ) -> tuple[Verdict, ...]:
        """Every verdict on one answer: of each judge, in each order, as often as it votes. Failures are in them."""
        async with asyncio.TaskGroup() as asked:
            tasks = [
                asked.create_task(self._verdict(judge, question, showing, sample, answer, vote, key, scheduler))
                for judge in self.judges
                for showing in question.showings(sample, answer, repeat, judge.settings)
                for vote in range(judge.settings.votes)
            ]
        return tuple(task.result() for task in tasks)

    async def _verdict(
        self, judge: JudgeModel, question: Question, showing: Showing, sample: Sample, answer: Answer, vote: int,
        key: str, scheduler: Scheduler,
    ) -> Verdict:  # fmt: skip
        asked = "/".join(filter(None, (showing.contender, showing.opponent, showing.order)))
        reply = await judge.ask(
            showing.messages, question.form, lambda text: question.read(sample, answer, showing.order, text),
            "/".join(filter(None, (key, judge.lane_name, asked, str(vote or "")))), vote, scheduler,
        )  # fmt: skip
        return Verdict(
            judge=judge.name, verdict=reply.verdict, order=showing.order, contender=showing.contender,
            opponent=showing.opponent, vote=vote, fault=reply.fault, attempts=reply.attempts,
            text=reply.text or reply.detail,
        )  # fmt: skip


def read_again(question: Question, sample: Sample, answer: Answer, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The same verdicts by today's reader, from the texts of the replies. Pure: nobody is asked."""
    return tuple(
        one
        if one.fault
        else msgspec.structs.replace(one, verdict=question.read(sample, answer, one.order, judgement(one.text)))
        for one in verdicts
    )


def fault_of(scores: Scores, verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """(kind, what happened) when no score could be had; empty texts when one could."""
    if scores:
        return "", ""
    spoke = any(one.verdict is None and not one.fault for one in verdicts)
    faults = dict.fromkeys(f"{one.judge}: {one.fault}" for one in verdicts if one.fault)
    return UNJUDGED if spoke else JUDGE_FAILED, "; ".join(faults)
