"""evalcore report: the reports of a run, once more, from its reviews."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from evalcore.errors import TaskError
from evalcore.task import TaskConfig

if TYPE_CHECKING:
    from evalcore.conclude import EvalResult


def report_(
    folder: Annotated[Path, Parameter(name="FOLDER", help="Folder of an evaluation, finished or not.")],
    /,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print the reports as JSON on stdout.")
    ] = False,
) -> int:
    """Compute the reports of a run again."""
    from evalcore.conclude import report_again

    return told(report_again(task_of(folder), folder), as_json=as_json)


def told(result: EvalResult, *, as_json: bool) -> int:
    """Print the reports; returns what the shell learns."""
    if as_json:
        sys.stdout.write("[" + ",\n".join(report.dump().decode() for report in result.reports.values()) + "]\n")
    else:
        from evalcore.report.console import print_reports

        print_reports(list(result.reports.values()), result.folder, sys.stdout)
    return result.exit_code


def task_of(folder: Path) -> TaskConfig:
    """The task that a folder holds; of several (a run gone on with), the newest."""
    files = sorted((folder / "configs").glob("task_config_*.yaml"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise TaskError(f"{str(folder)!r} is not the folder of an evaluation; it has no configs/task_config_*.yaml")
    return TaskConfig.from_yaml(files[-1])
