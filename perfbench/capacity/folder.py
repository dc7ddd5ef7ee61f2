"""Capacity folders: what a sweep, a search and a plan leave behind, under which names.

    scenario.yaml     what was given, with the load left out of it (keys are redacted)
    sweep.json        or slo.json, or plan.json: written anew after every point or probe, whole or not at all
    points/NAME/      one ordinary run folder a point (`probes/NAME/` in a search)

All three files have a `schema` and a `kind`. Their keys are those of the values that are written: `sweep.Sweep`,
`record.SearchRecord`, `plan.Plan`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from perfbench.engine.errors import ScenarioError
from perfbench.runfolder import RUN, SCENARIO, write_whole

SWEEP, SLO, PLAN = "sweep.json", "slo.json", "plan.json"
POINTS, PROBES = "points", "probes"
T = TypeVar("T")


def new_folder(outputs: Path, what: str) -> Path:
    """outputs/YYYYMMDD_HHMMSS_WHAT, with a number behind it when that is taken. Raises ScenarioError."""
    stamp = f"{datetime.now():%Y%m%d_%H%M%S}_{what}"
    for number in range(1000):
        folder = outputs / (stamp if number == 0 else f"{stamp}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise ScenarioError(
                f"outputs_dir {str(outputs)!r} cannot be written: {error.strerror}; name a folder that can"
            ) from None
    raise ScenarioError(f"outputs_dir {str(outputs)!r} is full of folders of this second")


def run_folder(parent: Path, name: str) -> Path:
    """parent/NAME for a run to come; NAME_2 when an earlier try, that was interrupted, has left one."""
    for number in range(1, 1000):
        folder = parent / (name if number == 1 else f"{name}_{number}")
        if not folder.exists():
            return folder
    raise ScenarioError(f"{parent} holds a thousand tries of {name}; begin a new folder")


def write(file: Path, value: Any) -> None:
    """Replace the file by the value, whole or not at all. Raises SinkFailed."""
    write_whole(file, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read(file: Path, kind: type[T], command: str) -> T:
    """The value in a file. Raises ScenarioError naming what the folder holds instead."""
    if not file.is_file():
        there = [name for name in (SWEEP, SLO, PLAN, RUN) if (file.parent / name).is_file()]
        what = (
            f"it holds {there[0]}"
            if there
            else "it is no folder of perfbench"
            if file.parent.is_dir()
            else "there is no such folder"
        )
        raise ScenarioError(
            f"{file.parent} holds no {file.name} ({what}); name a folder that `perfbench {command}` made"
        )
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ScenarioError(f"{file} cannot be read: {error}; it was written by another version, or by hand") from None


def scenario_file(folder: Path) -> Path:
    """The scenario.yaml of a folder. Raises ScenarioError."""
    file = folder / SCENARIO
    if not file.is_file():
        raise ScenarioError(f"{folder} holds no {SCENARIO}; without it nothing can be resumed")
    return file
