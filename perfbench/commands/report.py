"""perfbench report: summary and report of a run, once more, from its records alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perfbench.commands.pages import write_page
from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, PerfbenchError, ScenarioError
from perfbench.runfolder import REVIEWS, SUMMARY, RunFolder


def report(
    folder: Annotated[
        Path,
        Parameter(
            name="FOLDER", help="Folder of a run, finished or not; with --compat also a file of another tool."
        ),
    ],
    /,
    *,
    as_json: Annotated[
        bool,
        Parameter(name="--json", negative="", show_default=False, help="Print summary.json on stdout, nothing else."),
    ] = False,
    compat: Annotated[
        str | None,
        Parameter(
            metavar="TOOL", show_default=False,
            help="Print the figures by that tool's definitions instead, and change nothing in the folder: vllm.",
        ),
    ] = None,
) -> int:  # fmt: skip
    """Recompute summary.json and report.html of a run from requests.jsonl.

    Works on what a killed run left behind; answers of benchmarks are scored where that was not done yet. Of a sweep, a
    search or a plan: write its page anew.
    """
    if compat is not None:
        return _by_their_definitions(compat, folder, as_json=as_json)
    if not folder.is_dir():
        raise ScenarioError(
            f"there is no folder {str(folder)!r}; name the folder of a run, as `perfbench run` prints it"
        )
    from perfbench.capacity.folder import PLAN, SLO, SWEEP

    if files := [file for name in (SWEEP, SLO, PLAN) if (file := folder / name).is_file()]:
        return _pages(files, as_json=as_json)
    from perfbench.report.html import write_report
    from perfbench.report.summary import write_summary

    run = RunFolder(folder)
    failed = _score(run)
    summary = write_summary(run)
    write_report(run, summary)
    from perfbench.report.console import print_summary

    with on_stdout() as out:
        if as_json:
            out.write(run.file(SUMMARY).read_text(encoding="utf-8"))
        else:
            print_summary(summary, folder, out)
    return failed


def _score(run: RunFolder) -> int:
    """Make the reviews that a run's end did not: it was killed, or what scores was missing. What is there is kept."""
    from perfbench.report.summary import read_scenario
    from perfbench.scored import score

    if run.file(REVIEWS).is_file():
        return ExitCode.DONE
    try:
        score(run, read_scenario(run))
    except PerfbenchError as error:
        print(f"perfbench: the answers cannot be scored: {error}", file=sys.stderr)
        return error.exit_code
    return ExitCode.DONE


def _pages(files: list[Path], *, as_json: bool) -> int:
    """Of a folder that holds several runs, or a plan: what its files say, as pages."""
    pages = [write_page(file) for file in files]
    with on_stdout() as out:
        if as_json:
            out.write(files[0].read_text(encoding="utf-8"))
        else:
            out.writelines(f"page: {page}\n" for page in pages)
    return ExitCode.DONE


def _by_their_definitions(tool: str, place: Path, *, as_json: bool) -> int:
    import orjson

    from perfbench.comparison.source import read_source
    from perfbench.report import compat

    records = read_source(place).records
    if not records.sent.any():
        raise ScenarioError(f"in {place} nothing was sent, so there are no figures")
    found = compat.figures(tool, records)
    with on_stdout() as out:
        if as_json:
            out.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
        else:
            out.write(compat.text(found))
    return ExitCode.DONE
