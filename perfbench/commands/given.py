"""Given: what commands that run several scenarios have in common with `run`: its flags, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from perfbench.engine.errors import ScenarioError
from perfbench.scenario import GROUPS, Scenario
from perfbench.settings import yamlfile

SERIES = Group("Series of runs", sort_key=-1)
TALK = Group("What to print", sort_key=len(GROUPS))
AsJson = Annotated[
    bool,
    Parameter(
        name="--json", negative="", show_default=False, group=TALK, help="Print the JSON on stdout, nothing else."
    ),
]
Live = Annotated[
    bool | None, Parameter(group=TALK, show_default=False, help="Dashboard on stderr during each run (default: no).")
]
Quiet = Annotated[
    bool, Parameter(negative="", show_default=False, group=TALK, help="Say nothing but the result and errors.")
]
ScenarioFile = Annotated[Path | None, Parameter(name="SCENARIO", help="YAML file of the runs; flags override it.")]
Resume = Annotated[
    Path | None,
    Parameter(
        group=SERIES, metavar="FOLDER",
        help="Go on with one that was interrupted or ran out of time. What it was asked for is in the folder.",
    ),
]  # fmt: skip


KEPT_NOWHERE = ("api_key", "api_key_file", "api_key_env", "headers", "extra_args", "model_args", "url")
"""What the folder of a series does not hold, or not whole; so it may be said again."""


def said(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were given."""
    return {name: value for name, value in flags.items() if value is not None}


def taken(flags: dict[str, Any], file: Path | None, *names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the other flags that were given, what flags or else the file say of these names, None where neither does)."""
    given = said(flags)
    found = {name: given.pop(name, None) for name in names}
    if file is not None:
        values = yamlfile.read(file, os.environ, set(given)).values
        found = {name: values.get(name) if value is None else value for name, value in found.items()}
    return given, found


def scenario(file: Path | None, given: Mapping[str, Any]) -> Scenario:
    return Scenario.from_mapping(given) if file is None else Scenario.from_yaml(file, given)


def refuse_in_series(base: Scenario, over: str, series: str) -> None:
    """What a run may be told but a series of them decides itself. Raises ScenarioError."""
    if base.shape is not None:
        raise ScenarioError(f"shape changes the load within a run, and a {series} needs it level; take it out")
    if base.repeat > 1:
        raise ScenarioError(f"repeat is for a single run, and a {series} is many; take it out")
    if over == "parallel" and base.replays:
        raise ScenarioError(
            f"trace says when requests leave, so that parallel is no load to go over; say --no-trace-times, or let the "
            f"{series} go over a rate"
        )


def refuse_beside_resume(given: Mapping[str, Any], file: Path | None) -> None:
    """What was asked for is in the folder. Raises ScenarioError where it is said again."""
    strange = sorted(set(given) - set(KEPT_NOWHERE))
    if file is not None or strange:
        what = "a scenario file" if file is not None else f"--{strange[0].replace('_', '-')}"
        raise ScenarioError(
            f"{what} beside --resume: what was asked for is in the folder; begin a new one to change it"
        )
