"""perfbench export: what a folder says, in the form that another program reads."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.runfolder import replacing


def export(
    folder: Annotated[Path, Parameter(name="FOLDER", help="Of a run, a sweep or a search; or a plan.json.")],
    /,
    *,
    format_: Annotated[
        str | None,
        Parameter(
            name="--format", metavar="NAME",
            help="csv, json, parquet (rows); openmetrics, prometheus (metrics); junit, markdown (for CI).",
        ),
    ] = None,
    what: Annotated[
        str | None,
        Parameter(
            metavar="ROWS", show_default=False,
            help="requests: a row each (default of csv and parquet); figures: a row each (default of json).",
        ),
    ] = None,
    output: Annotated[
        Path | None, Parameter(metavar="FILE", show_default=False, help="Write there, whole or not at all.")
    ] = None,
) -> int:  # fmt: skip
    """Write what a run, a sweep, a search or a plan says as rows, metrics or test cases.

    JUnit: a missed condition is a failure, an inconclusive one an error. The exit code says only whether it was
    written.
    """
    from perfbench.export.formats import choose
    from perfbench.export.held import held

    if format_ is None:
        raise ScenarioError("--format is missing; give csv, json, parquet, openmetrics, prometheus, junit or markdown")
    chosen, rows = choose(format_, what)
    if chosen.binary and output is None and sys.stdout.isatty():
        raise ScenarioError(f"{format_} is no text for a terminal; name a file with --output")
    found = held(folder)
    if output is not None:
        with replacing(output) as new, new.open("wb") as file:
            chosen.write(found, rows, file)
        return ExitCode.DONE
    with on_stdout() as out:
        out.flush()
        buffer: BinaryIO | None = getattr(out, "buffer", None)
        if buffer is None:  # a stdout that takes text alone
            whole = io.BytesIO()
            chosen.write(found, rows, whole)
            out.write(whole.getvalue().decode())
        else:
            chosen.write(found, rows, buffer)
            buffer.flush()
    return ExitCode.DONE
