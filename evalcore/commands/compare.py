"""evalcore compare: is the difference of two runs real?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter

from perfbench.engine.errors import ExitCode


def compare_(
    first: Annotated[Path, Parameter(name="FOLDER_A", help="Folder of an evaluation.")],
    second: Annotated[Path, Parameter(name="FOLDER_B", help="Folder of another, on the same samples.")],
    /,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print it all as JSON on stdout.")
    ] = False,
) -> int:
    """Compare two runs sample by sample: differences, whether they are real, and the flips."""
    from evalcore.report.compare import compare, print_comparison

    found = compare(first, second)
    if as_json:
        sys.stdout.write(orjson.dumps([one.as_json() for one in found], option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        print_comparison(found, sys.stdout)
    return ExitCode.DONE
