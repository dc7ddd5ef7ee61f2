"""Scoring: reviews of the records of a perfbench run, made after it from what was kept.

Answers are read and scored as evalcore run does it, by rule: without reasoning, through the filters, programs in the
sandbox. A request that failed is unscored, which is not wrong; so is one that was cut off by the end of the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from evalcore.answers import prediction_of
from evalcore.plan import Plan
from evalcore.reviewing import Reviewer, open_reviewer
from evalcore.types import Review, Sample
from evalcore.underload.items import Exam
from perfbench.engine.request import Record
from perfbench.review import ItemReview

AT_ONCE = 256
"""Answers being scored at a time: slow scorers share the threads, and programs the sandbox."""
UNKNOWN = "unknown_item"
"""Fault of a record whose item the data does not hold (any more)."""
NOT_KEPT = "text_not_kept"
"""Fault of an answer that came, and whose text is not in the record."""


async def ready(exams: Sequence[Exam]) -> None:
    """Raises before any request when a sandbox or an extra is missing that scoring needs."""
    for exam in exams:
        (await open_reviewer(exam.task, exam.plans, asks=False)).close()


def reviewed(exams: Sequence[Exam], batches: Iterable[list[Record]]) -> Iterator[list[ItemReview]]:
    """One review for each record of an item, warm-up left out, in the order of the records."""
    with asyncio.Runner() as runner:
        desks = [(exam.named(), runner.run(open_reviewer(exam.task, exam.plans, asks=False))) for exam in exams]
        try:
            for batch in batches:
                wanted = [record for record in batch if record.item and not record.warmup]
                for begin in range(0, len(wanted), AT_ONCE):
                    yield runner.run(_some(wanted[begin : begin + AT_ONCE], desks))
        finally:
            for _, reviewer in desks:
                reviewer.close()


Desk = tuple[dict[str, tuple[Plan, Sample]], Reviewer]


async def _some(records: Sequence[Record], desks: Sequence[Desk]) -> list[ItemReview]:
    return list(await asyncio.gather(*(_one(record, desks) for record in records)))


async def _one(record: Record, desks: Sequence[Desk]) -> ItemReview:
    found = next(((known[record.item], reviewer) for known, reviewer in desks if record.item in known), None)
    if found is None:
        return _unscored(record, UNKNOWN)
    (plan, sample), reviewer = found
    if record.outcome == "ok" and record.text is None and not record.tool_calls:
        return _unscored(record, NOT_KEPT)
    prediction = prediction_of(record, plan.name, sample, 0, [])
    review = await reviewer.review_again(prediction, plan.benchmark, None)
    assert review is not None, "judged benchmarks are refused"
    return _short(record, review, plan)


def _short(record: Record, review: Review, plan: Plan) -> ItemReview:
    if review.status == "unscored":
        return _unscored(record, review.fault, review.group)
    headline = plan.benchmark.protocols[0]
    return ItemReview(
        key=record.key, index=record.index, item=record.item, benchmark=plan.name, subset=review.subset,
        group=review.group and f"{plan.name}/{review.subset}/{review.group}", status="scored", protocol=headline,
        value=review.scores[headline].value, scores={name: one.value for name, one in review.scores.items()},
        extracted=review.scores[headline].extracted, target=review.target, finish_reason=review.finish_reason,
    )  # fmt: skip


def _unscored(record: Record, fault: str, group: str = "") -> ItemReview:
    benchmark, subset, _ = record.item.split("/", 2)
    return ItemReview(
        key=record.key, index=record.index, item=record.item, benchmark=benchmark, subset=subset,
        group=group and f"{benchmark}/{subset}/{group}", status="unscored", fault=fault,
    )  # fmt: skip
