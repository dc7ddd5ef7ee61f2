"""perfbench compare: what changed between two runs, and whether it is real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from perfbench.commands.gates import STDOUT, Junit, Markdown, check, leave_both
from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.runfolder import write_whole
from perfbench.settings.units import share


def compare(
    first: Annotated[
        Path, Parameter(name="FIRST", help="Folder of a run, or a file of vllm bench, aiperf or guidellm.")
    ],
    second: Annotated[Path, Parameter(name="SECOND", help="The run to compare with it.")],
    /,
    *,
    fail_on_regression: Annotated[
        str | None,
        Parameter(
            metavar="SHARE", show_default=False,
            help="Exit 3 when a figure is worse, beyond chance and by more than that, e.g. 5%.",
        ),
    ] = None,
    margin: Annotated[
        str, Parameter(metavar="SHARE", show_default=False, help="Smaller differences are the same (default: 5%).")
    ] = "5%",
    force: Annotated[
        bool,
        Parameter(negative="", show_default=False, help="Compare even what is not comparable; the result says why."),
    ] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON on stdout, nothing else.")
    ] = False,
    html: Annotated[
        Path | None,
        Parameter(metavar="FILE", show_default=False, help="Write a page with every figure and the distributions."),
    ] = None,
    junit: Junit = None,
    markdown: Markdown = None,
) -> int:  # fmt: skip
    """Say what changed between two runs, by how much, and whether it is more than chance.

    Tests every figure from the raw records, aware of requests that queue behind each other, and corrects for their
    number. Folders of repeated runs (--repeat) are compared run by run.
    """
    allowed = _share("--margin", margin)
    threshold = None if fail_on_regression is None else _share("--fail-on-regression", fail_on_regression)
    if as_json and markdown == STDOUT:
        raise ScenarioError("--json and --markdown - are both for stdout; give one of them a file")
    if junit is not None and threshold is None:
        raise ScenarioError("--junit needs to know what a regression is: add --fail-on-regression 5%")
    check(html, junit, markdown)
    import orjson

    from perfbench.comparison.pair import compare_paths
    from perfbench.comparison.show import markdown as as_markdown
    from perfbench.comparison.show import print_comparison, said
    from perfbench.export.cases import comparison_suite

    comparison = compare_paths(first, second, margin=allowed, force=force)
    beyond = [] if threshold is None else [each.metric for each in comparison.regressions(threshold)]
    found = comparison.as_json() | {"fail_on_regression": threshold, "regressions": beyond}
    if html is not None:
        _write_page(found, said(comparison, threshold), first, second, html)
    told = leave_both(
        junit,
        lambda: [comparison_suite(found, beyond, "compare")],
        markdown,
        lambda: as_markdown(comparison, threshold),
    )
    with on_stdout() as out:
        if told is not None:
            out.write(told)
        elif as_json:
            out.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
        else:
            print_comparison(comparison, threshold, out)
            out.write("" if html is None else f"page: {html}\n")
    if threshold is None:
        return ExitCode.DONE
    if comparison.regressions(threshold):
        return ExitCode.GATE_MISSED
    return ExitCode.DONE if comparison.decided else ExitCode.INCONCLUSIVE


def _write_page(found: dict[str, Any], said: str, first: Path, second: Path, html: Path) -> None:
    from perfbench.comparison.overlays import overlays
    from perfbench.report.page import render
    from perfbench.report.pages.compare import compare_page

    write_whole(html, render(compare_page(found, said, overlays(first, second))).encode())


def _share(name: str, text: str) -> float:
    try:
        return share(text)
    except ValueError as error:
        raise ScenarioError(f"{name}: {error}") from None
