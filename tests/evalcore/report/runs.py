"""Reviews and run folders for tests of reports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from evalcore.outputs import Appender, EvalFolder
from evalcore.report.build import build_report
from evalcore.report.schema import Report
from evalcore.types import Review, Score


def review(sample_id: object, value: float | None = 1.0, **more: Any) -> Review:
    """A scored review, or (value None) an unscored one."""
    extracted = more.pop("extracted", "18")
    weight = more.pop("weight", 1.0)
    scores = {} if value is None else {"numeric": Score(value=value, extracted=extracted, weight=weight)}
    given: dict[str, Any] = {"text": "It is 18.", "finish_reason": "stop", "scores": scores, "target": "18"}
    given |= {"status": "scored"} if value is not None else {"status": "unscored", "fault": "http_500", "text": ""}
    given |= more
    key = f"{given.get('subset', 'main')}/{sample_id}/{given.get('repeat', 0)}"
    return Review(key=key, sample_id=str(sample_id), **given)


def bench(name: str = "quiz", average: str = "micro", **more: Any) -> Any:
    return SimpleNamespace(
        name=name, info=SimpleNamespace(title="A quiz"), protocols=("numeric",), average=average, **more
    )


def report_of(reviews: Iterable[Review], benchmark: Any = None, **more: Any) -> Report:
    return build_report(benchmark or bench(), reviews, model="m", **more)


def run_folder(path: Path, reviews: Iterable[Review], name: str = "quiz", **more: Any) -> tuple[EvalFolder, Report]:
    """A run folder with those reviews and the report of them."""
    (path / "configs").mkdir(parents=True)
    folder, kept, appender = EvalFolder.opened(path, "m"), list(reviews), Appender()
    for one in kept:
        appender.add(folder.reviews(name, one.subset), one)
    appender.close()
    report = report_of(kept, bench(name), **more)
    folder.report(name).parent.mkdir(parents=True)
    folder.report(name).write_bytes(report.dump())
    return folder, report
