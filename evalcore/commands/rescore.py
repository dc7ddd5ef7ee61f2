"""evalcore rescore: score a run's answers again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from evalcore.commands.report import task_of, told


def rescore_(
    folder: Annotated[Path, Parameter(name="FOLDER", help="Folder of an evaluation.")],
    /,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print the reports as JSON on stdout.")
    ] = False,
) -> int:
    """Score the answers of a run again, without one request, and compute its reports."""
    from evalcore.rescore import rescore

    return told(rescore(task_of(folder), folder), as_json=as_json)
