"""evalcore report: the reports of a run, once more, from its reviews."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from evalcore.errors import TaskError
from evalcore.task import TaskConfig


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
    from evalcore.report.console import print_reports

    result = report_again(task_of(folder), folder)
    if as_json:
        sys.stdout.write("[" + ",\n".join(report.dump().decode() for report in result.reports.values()) + "]\n")
    else:
        print_reports(list(result.reports.values()), result.folder, sys.stdout)
    return result.exit_code


def task_of(folder: Path) -> TaskConfig:
    """The task that a folder holds; of several (a run gone on with), the newest."""
    files = sorted((folder / "configs").glob("task_config_*.yaml"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise TaskError(f"{str(folder)!r} is not the folder of an evaluation; it has no configs/task_config_*.yaml")
    return TaskConfig.from_yaml(files[-1])
