"""Door: what perfbench may ask of evalcore (its protocol is perfbench.workload.quality.Quality)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from evalcore.underload.items import EvalItems, Exam
from perfbench.engine.request import Record
from perfbench.review import ItemReview
from perfbench.workload.base import Workload
from perfbench.workload.quality import Asked


def items(asked: Asked) -> Workload:
    return EvalItems(Exam(asked), asked)


def check(asked: Sequence[Asked]) -> None:
    from evalcore.underload.scoring import ready

    asyncio.run(ready([Exam(one) for one in asked]))


def reviews(asked: Sequence[Asked], batches: Iterable[list[Record]]) -> Iterator[list[ItemReview]]:
    from evalcore.underload.scoring import reviewed

    yield from reviewed([Exam(one) for one in asked], batches)


def fall(points: Mapping[float, Sequence[ItemReview]]) -> dict[str, Any]:
    from evalcore.underload.fall import fall as whether

    return whether(points)
