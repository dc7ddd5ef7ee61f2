"""Rescore: reviews made again from predictions, without one request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from evalcore.conclude import EvalResult, conclude
from evalcore.outputs import Appender, EvalFolder, LineIndex, read_predictions
from evalcore.plan import Plan, plan_of
from evalcore.reviewing import open_reviewer
from evalcore.task import TaskConfig
from evalcore.types import Review


def rescore(task: TaskConfig, path: Path) -> EvalResult:
    """Review a folder's predictions again, without one request. What judges said is read again, not asked for again;
    what they never said anything of stays without a review."""
    folder = EvalFolder.opened(path, task.name_of_model)
    plans = {name: plan_of(task, name, need_data=False) for name in task.datasets}
    with folder.held():
        asyncio.run(_rescore(task, folder, plans))
        return conclude(task, folder, list(plans.values()), 0)


async def _rescore(task: TaskConfig, folder: EvalFolder, plans: Mapping[str, Plan]) -> None:
    reviewer = await open_reviewer(task, list(plans.values()), asks=False)
    try:
        for file in folder.prediction_files():
            first = next(read_predictions(file), None)
            plan = plans.get(first.benchmark) if first is not None else None
            if first is None or plan is None:
                continue
            reviews = folder.reviews(plan.name, first.sample.subset)
            earlier = LineIndex([reviews] if reviews.is_file() else [], Review, lambda one: bool(one.verdicts), [])
            draft = Appender()
            fresh = reviews.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            for prediction in read_predictions(file):
                review = await reviewer.review_again(prediction, plan.benchmark, earlier.get(prediction.key))
                if review is not None:
                    draft.add(fresh, review)
            draft.close()
            if fresh.is_file():  # else nothing of it was ever judged
                fresh.replace(reviews)
    finally:
        reviewer.close()
