"""evalcore run: evaluate a model on benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from evalcore.live import open_progress
from evalcore.task import GROUPS, TaskConfig
from perfbench.settings.flags import flags_of, with_flags


def run_(
    task_file: Annotated[Path | None, Parameter(name="TASK", help="YAML file of the task; flags override it.")] = None,
    /,
    *,
    parallel: Annotated[
        str | None, Parameter(help="Requests in flight, or auto; the same as --eval-batch-size.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print the reports as JSON on stdout.")
    ] = False,
    quiet: Annotated[bool, Parameter(negative="", show_default=False, help="Show no progress.")] = False,
    **flags: Any,
) -> int:
    """Evaluate a model on benchmarks."""
    given = {name: value for name, value in {**flags, "parallel": parallel}.items() if value is not None}
    task = TaskConfig.from_mapping(given) if task_file is None else TaskConfig.from_yaml(task_file, given)
    from evalcore.report.console import print_reports
    from evalcore.run import run_task

    with open_progress(task, quiet, sys.stderr) as progress:
        result = run_task(task, progress)
    if result.ended:
        print(f"evalcore: asked no more, because: {result.ended}; "
              f"to go on: the same with --use-cache {result.folder}", file=sys.stderr)  # fmt: skip
    if as_json:
        sys.stdout.write("[" + ",\n".join(report.dump().decode() for report in result.reports.values()) + "]\n")
    else:
        print_reports(list(result.reports.values()), result.folder, sys.stdout)
    return result.exit_code


with_flags(run_, flags_of(TaskConfig, GROUPS))
