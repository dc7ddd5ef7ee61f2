"""perfbench run: load an endpoint and say what was measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from perfbench.commands.gates import STDOUT, Junit, Markdown, check, leave
from perfbench.commands.results import on_stdout
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.runfolder import SERIES, SUMMARY
from perfbench.scenario import GROUPS, Scenario
from perfbench.settings.flags import flags_of, with_flags

TALK = Group("What to print", sort_key=len(GROUPS))


def run(
    scenario_file: Annotated[
        Path | None, Parameter(name="SCENARIO", help="YAML file of the run; flags override it.")
    ] = None,
    /,
    *,
    as_json: Annotated[
        bool,
        Parameter(
            name="--json",
            negative="",
            show_default=False,
            group=TALK,
            help="Print summary.json on stdout, nothing else.",
        ),
    ] = False,
    live: Annotated[bool | None, Parameter(group=TALK, help="Dashboard on stderr (default: on a terminal).")] = None,
    quiet: Annotated[
        bool, Parameter(negative="", show_default=False, group=TALK, help="Say nothing but the result and errors.")
    ] = False,
    dry_run: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, group=TALK, help="Print the resolved scenario as YAML and send nothing."
        ),
    ] = False,
    junit: Junit = None,
    markdown: Markdown = None,
    **flags: Any,
) -> int:
    """Load an endpoint and measure it.

    Closed loop: --parallel requests are in flight, each slot sends its next when its last is over. Open loop:
    requests leave at --rate, whatever became of earlier ones.
    """
    if str(scenario_file).casefold() in ("true", "false", "yes", "no", "on", "off", "1", "0"):
        raise ScenarioError(
            f"{scenario_file} stands where a scenario file would; a switch takes no value: --stream or --no-stream"
        )
    given = {name: value for name, value in flags.items() if value is not None}
    scenario = Scenario.from_mapping(given) if scenario_file is None else Scenario.from_yaml(scenario_file, given)
    if dry_run:
        with on_stdout() as out:
            out.write(scenario.to_yaml())
        return ExitCode.DONE
    if as_json and markdown == STDOUT:
        raise ScenarioError("--json and --markdown - are both for stdout; give one of them a file")
    check(junit, markdown)
    if scenario.repeat > 1:
        return _several(scenario, junit, markdown, live=live, quiet=quiet, as_json=as_json)
    from perfbench.run import run_scenario

    result = run_scenario(scenario, live=live, quiet=quiet, give_way=True)
    told = leave(result.folder, junit, markdown)
    if told is not None:
        with on_stdout() as out:
            out.write(told)
    elif as_json:
        with on_stdout() as out:
            out.write((result.folder / SUMMARY).read_text(encoding="utf-8"))
        if not quiet:
            print(f"run folder: {result.folder}", file=sys.stderr)
    else:
        from perfbench.report.console import print_summary

        with on_stdout() as out:
            print_summary(result.summary, result.folder, out)
    return result.exit_code


def _several(
    scenario: Scenario, junit: Path | None, markdown: Path | None, *, live: bool | None, quiet: bool, as_json: bool
) -> int:
    from perfbench.series import run_series, text

    result = run_series(scenario, live=live, quiet=quiet)
    told = leave(result.folder, junit, markdown)
    with on_stdout() as out:
        if told is not None:
            out.write(told)
        else:
            out.write((result.folder / SERIES).read_text(encoding="utf-8") if as_json else text(result))
    return result.exit_code


with_flags(run, flags_of(Scenario, GROUPS))
