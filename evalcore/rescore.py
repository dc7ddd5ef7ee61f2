"""Rescore: reviews made again from predictions, without one request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from evalcore.conclude import EvalResult, conclude
from evalcore.outputs import Appender, EvalFolder, read_predictions
from evalcore.plan import Plan, plan_of
from evalcore.reviewing import open_reviewer
from evalcore.task import TaskConfig


def rescore(task: TaskConfig, path: Path) -> EvalResult:
    """Review a folder's predictions again, without one request. Verdicts of judges are kept, not asked for again."""
    folder = EvalFolder.opened(path, task.name_of_model)
    plans = {name: plan_of(task, name, need_data=False) for name in task.datasets}
    asyncio.run(_rescore(task, folder, plans))
    return conclude(task, folder, list(plans.values()), 0)


async def _rescore(task: TaskConfig, folder: EvalFolder, plans: Mapping[str, Plan]) -> None:
    reviewer = await open_reviewer(task, list(plans.values()))
    try:
        for file in folder.prediction_files():
            first = next(read_predictions(file), None)
            plan = plans.get(first.benchmark) if first is not None else None
            if first is None or plan is None or reviewer.is_judged(plan.benchmark):
                continue
            reviews = folder.reviews(plan.name, first.sample.subset)
            draft = Appender()
            fresh = reviews.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            for prediction in read_predictions(file):
                draft.add(fresh, await reviewer.review(prediction, plan.benchmark, None))
            draft.close()
            fresh.replace(reviews)
    finally:
        reviewer.close()
