"""Conclude: from a folder's reviews to its reports and page, and to what the shell learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from evalcore.asked import Asked, read_asked
from evalcore.course import INTERRUPTED, read_course
from evalcore.endpoint import options_of
from evalcore.outputs import EvalFolder
from evalcore.plan import Plan, plan_of
from evalcore.report.build import build_report
from evalcore.report.html import write_page
from evalcore.report.schema import Report
from evalcore.reviewing import Reviewer
from evalcore.task import TaskConfig
from perfbench.engine.errors import ExitCode

DOUBTFUL_SHARE = 0.05  # of the scored answers; --strict ends with 3 above it


@dataclass(frozen=True, slots=True)
class EvalResult:
    folder: Path
    reports: Mapping[str, Report]
    exit_code: ExitCode
    requests: int
    """That this run sent, retries not counted."""
    ended: str = ""
    """Why the run stopped asking before everything was asked; empty: it did not."""


def report_again(task: TaskConfig, path: Path) -> EvalResult:
    """Compute a folder's reports from its reviews."""
    plans = [plan_of(task, name, need_data=False) for name in task.datasets]
    return conclude(task, EvalFolder.opened(path, task.name_of_model), plans, 0)


def conclude(task: TaskConfig, folder: EvalFolder, plans: list[Plan], requests: int, ended: str = "") -> EvalResult:
    """Compute the reports from what is in the folder, and what the shell learns. `ended`: why the run was cut short."""
    reviewer = Reviewer(task)
    planned = orjson.loads(folder.plan().read_bytes()) if folder.plan().is_file() else {}
    how, course = read_asked(folder.path), read_course(folder.course())
    went = {} if course is None else course.settings()
    # Where answers of an earlier time are among them, nothing took that long.
    window_s = None if course is None or course.reused or course.cached else course.window_s
    reports: dict[str, Report] = {}
    for plan in plans:
        asked = how.get(plan.name, Asked())
        report = build_report(
            plan.benchmark, folder.reviews_of(plan.name, plan.subsets), model=task.name_of_model,
            expected=asked.protocols or reviewer.protocols(plan.benchmark),
            planned=planned.get(plan.name), window_s=window_s,
            settings={**_settings(task, plan), **reviewer.settings(plan.benchmark), **asked.settings, **went},
        )  # fmt: skip
        target = folder.report(plan.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(report.dump())
        reports[plan.name] = report
    reviewer.close()
    write_page(folder, reports)
    coverage = min((report.coverage for report in reports.values()), default=0.0)
    code = ExitCode.DONE
    if ended == INTERRUPTED:
        code = ExitCode.INTERRUPTED
    elif ended and coverage < (1.0 if task.min_coverage is None else task.min_coverage):
        code = ExitCode.INCONCLUSIVE
    elif coverage < task.needed_coverage:
        code = ExitCode.TARGET if coverage == 0 else ExitCode.INCONCLUSIVE
    elif task.strict and any(_is_doubtful(report) for report in reports.values()):
        code = ExitCode.GATE_MISSED
    return EvalResult(folder.path, reports, code, requests, ended)


def _is_doubtful(report: Report) -> bool:
    """Whether too many answers were cut, empty or unreadable for the score to mean what it says."""
    found = report.integrity
    return max(found.truncated, found.empty, found.unparsed) > DOUBTFUL_SHARE * found.scored


def _settings(task: TaskConfig, plan: Plan) -> dict[str, Any]:
    """What moves scores more than models do."""
    options = options_of(task, plan.benchmark)
    asked = {"few_shot": plan.few_shot, "max_tokens": options.max_tokens, "temperature": options.temperature}
    taken = {"limit": task.limit, "limit_mode": task.limit_mode, "repeats": task.repeats, "seed": task.seed}
    shaped = plan.args.model_dump(include={"shuffle_choices", "prompt_template", "system_prompt"})
    shaped |= plan.args.model_dump(mode="json", include={"filters", "shuffle"}, exclude_defaults=True)
    return {**asked, "chat": True, **taken, **shaped}
