"""perfbench compare: what changed between two runs, and whether it is real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, ScenarioError
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
    as_markdown: Annotated[
        bool, Parameter(name="--markdown", negative="", show_default=False, help="Print GitHub-flavoured markdown.")
    ] = False,
) -> int:  # fmt: skip
    """Say what changed between two runs, by how much, and whether it is more than chance.

    Tests every figure from the raw records, aware of requests that queue behind each other, and corrects for their
    number. Folders of repeated runs (--repeat) are compared run by run.
    """
    allowed = _share("--margin", margin)
    threshold = None if fail_on_regression is None else _share("--fail-on-regression", fail_on_regression)
    if as_json and as_markdown:
        raise ScenarioError("--json and --markdown are two forms of the same; keep one")
    import orjson

    from perfbench.comparison.pair import compare_paths
    from perfbench.comparison.show import markdown, print_comparison

    comparison = compare_paths(first, second, margin=allowed, force=force)
    with on_stdout() as out:
        if as_json:
            found = comparison.as_json()
            beyond = [] if threshold is None else [each.metric for each in comparison.regressions(threshold)]
            found |= {"fail_on_regression": threshold, "regressions": beyond}
            out.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
        elif as_markdown:
            out.write(markdown(comparison, threshold))
        else:
            print_comparison(comparison, threshold, out)
    if threshold is None:
        return ExitCode.DONE
    if comparison.regressions(threshold):
        return ExitCode.GATE_MISSED
    return ExitCode.DONE if comparison.decided else ExitCode.INCONCLUSIVE


def _share(name: str, text: str) -> float:
    try:
        return share(text)
    except ValueError as error:
        raise ScenarioError(f"{name}: {error}") from None
