"""Run: samples -> requests -> predictions -> reviews -> reports.

From a task to its run folder: the data is found, the simulator started if that is asked, the folder made, Ctrl-C
listened to; then evalcore.evaluation does the asking and scoring, and evalcore.conclude says what came of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from evalcore.course import Course
from evalcore.evaluation import Evaluation, log
from evalcore.interrupts import Interrupts, listening
from evalcore.outputs import EvalFolder
from evalcore.plan import plan_of, samples_of
from evalcore.progress import Progress
from evalcore.task import TaskConfig
from perfbench.settings import yamlfile

if TYPE_CHECKING:
    from evalcore.conclude import EvalResult


def run_task(task: TaskConfig, progress: Progress | None = None) -> EvalResult:
    """Carry a task out. Raises TaskError and DataError before any request is sent.

    Ctrl-C once cuts the run short and concludes with what is there; twice leaves at once. Neither is heard where Python
    hears no signals, outside the main thread.
    """
    import uvloop

    task.check_secrets()
    with ExitStack() as cleanup:
        interrupts = cleanup.enter_context(listening())
        plans = [plan_of(task, name) for name in task.datasets]
        url = task.api_url
        if url is None:
            from evalcore.mock import simulator

            samples = (
                (plan.benchmark, sample)
                for plan in plans for subset in plan.subsets for sample in samples_of(task, plan, subset)
            )  # fmt: skip
            url = cleanup.enter_context(simulator(samples, task.mock)).url
        folder = _folder(task)
        cleanup.enter_context(folder.held())
        _write_config(task, folder)
        cleanup.enter_context(_logging(folder, debug=task.debug))
        progress = progress or Progress()
        progress.folder = folder.path
        course = uvloop.run(_carry_out(Evaluation(task, plans, url, folder, progress), interrupts))
        from evalcore.conclude import conclude  # scipy comes with it, for which no first request should wait

        return conclude(task, folder, plans, course.requests, ended=course.ended)


async def _carry_out(evaluation: Evaluation, interrupts: Interrupts) -> Course:
    loop = asyncio.get_running_loop()

    def cut_short() -> None:
        loop.call_soon_threadsafe(evaluation.interrupt)

    interrupts.tell(cut_short)
    try:
        return await evaluation.run()
    finally:
        interrupts.is_computing = True


@contextmanager
def _logging(folder: EvalFolder, *, debug: bool) -> Iterator[None]:
    """Everything that evalcore says goes to the folder's log; secrets are never said."""
    folder.log().parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder.log(), encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


def _folder(task: TaskConfig) -> EvalFolder:
    if task.use_cache is not None:
        return EvalFolder.opened(Path(task.use_cache), task.name_of_model)
    return EvalFolder.new(task.work_dir, task.name_of_model)


def _write_config(task: TaskConfig, folder: EvalFolder) -> None:
    config = folder.config(task.fingerprint())
    config.parent.mkdir(parents=True, exist_ok=True)
    plain = yamlfile.escape(task.dump())  # read back, a prompt's ${NAME} is still what it was
    config.write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), encoding="utf-8")
