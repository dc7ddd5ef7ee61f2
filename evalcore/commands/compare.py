"""evalcore compare: is the difference of two runs real?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perfbench.engine.errors import ExitCode


def compare_(
    first: Annotated[Path, Parameter(name="FOLDER_A", help="Folder of an evaluation.")],
    second: Annotated[Path, Parameter(name="FOLDER_B", help="Folder of another, on the same samples.")],
    /,
) -> int:
    """Compare two runs sample by sample: differences, whether they are real, and the flips."""
    from evalcore.report.compare import compare, print_comparison

    print_comparison(compare(first, second), sys.stdout)
    return ExitCode.DONE
