"""evalcore run: evaluate a model on benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import Parameter

from evalcore.commands.report import told
from evalcore.live import open_progress
from evalcore.task import GROUPS, TaskConfig
from perfbench.engine.errors import ExitCode
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
    dry_run: Annotated[
        bool, Parameter(negative="", show_default=False, help="Send nothing: tell requests, tokens, time and price.")
    ] = False,
    quiet: Annotated[bool, Parameter(negative="", show_default=False, help="Show no progress.")] = False,
    **flags: Any,
) -> int:
    """Evaluate a model on benchmarks."""
    given = {name: value for name, value in {**flags, "parallel": parallel}.items() if value is not None}
    task = TaskConfig.from_mapping(given) if task_file is None else TaskConfig.from_yaml(task_file, given)
    if dry_run:
        return _dry_run(task, as_json)
    from evalcore.run import run_task

    with open_progress(task, quiet, sys.stderr) as progress:
        result = run_task(task, progress)
    if result.ended:
        print(f"evalcore: asked no more, because: {result.ended}; "
              f"to go on: the same with --use-cache {result.folder}", file=sys.stderr)  # fmt: skip
    return told(result, as_json=as_json)


def _dry_run(task: TaskConfig, as_json: bool) -> int:
    from evalcore.forecast import forecast
    from evalcore.report.forecast import print_forecast

    found = forecast(task)
    if as_json:
        sys.stdout.write(orjson.dumps(found.plain(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        print_forecast(found, sys.stdout)
    return ExitCode.DONE


with_flags(run_, flags_of(TaskConfig, GROUPS))
