"""evalcore rescore: score a run's answers again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from evalcore.commands.report import task_of


def rescore_(folder: Annotated[Path, Parameter(name="FOLDER", help="Folder of an evaluation.")], /) -> int:
    """Score the answers of a run again, without one request, and compute its reports."""
    from evalcore.report.console import print_reports
    from evalcore.rescore import rescore

    result = rescore(task_of(folder), folder)
    print_reports(list(result.reports.values()), result.folder, sys.stdout)
    return result.exit_code
