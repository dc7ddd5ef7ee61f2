"""Held: what a folder holds, and the JSON of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from perfbench.engine.errors import ScenarioError
from perfbench.report.summary import read_scenario, summarise
from perfbench.runfolder import SERIES, SUMMARY, RunFolder

Kind = Literal["run", "sweep", "slo", "plan", "series"]
FILES: dict[str, Kind] = {"sweep.json": "sweep", "slo.json": "slo", SERIES: "series"}
PLAN = "plan.json"
"""May stand beside any of them, and is named itself."""


@dataclass(frozen=True, slots=True)
class Held:
    kind: Kind
    folder: Path
    found: Mapping[str, Any]
    """summary.json of a run; else sweep.json, slo.json, plan.json, series.json."""

    def runs(self) -> list[tuple[str, float | None, Path]]:
        """(name, load, folder) of every run in it that was finished, in order of load where it has one."""
        if self.kind == "run":
            return [(self.folder.name, None, self.folder)]
        if self.kind == "series":
            return [(str(run["folder"]), None, self.folder / str(run["folder"])) for run in self.found["runs"]]
        if self.kind == "sweep":
            rows = [(point["folder"], point["load"]) for point in self.found["points"]]
        elif self.kind == "slo":
            rows = [(judged["probe"]["folder"], judged["probe"]["load"]) for judged in self.found["probes"]]
        else:
            rows = []
        known = [(str(name), load, self.folder / str(name)) for name, load in rows if name is not None]
        return sorted(known, key=lambda run: run[1])


def held(place: Path) -> Held:
    """What lies there: the folder of a run, a sweep, a search or a series, or a plan.json. Raises ScenarioError."""
    if place.name == PLAN and place.is_file():
        return Held("plan", place.parent, _json(place))
    if not place.is_dir():
        raise ScenarioError(f"there is no folder {str(place)!r}; name that of a run, a sweep or a search, or a {PLAN}")
    for name, kind in FILES.items():
        if (place / name).is_file():
            return Held(kind, place, _json(place / name))
    run = RunFolder(place)
    if run.has_records():
        return Held("run", place, summary_of(place))
    if (place / PLAN).is_file():
        return Held("plan", place, _json(place / PLAN))
    raise ScenarioError(f"{place} holds no run, no sweep, no search and no plan; name a folder that perfbench made")


def summary_of(folder: Path) -> Mapping[str, Any]:
    """summary.json of a run; computed from its records where it is missing."""
    file = folder / SUMMARY
    if file.is_file():
        return _json(file)
    run = RunFolder(folder)
    return summarise(run, read_scenario(run))


def _json(file: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ScenarioError(f"{file} is not whole: {error}; perfbench report {file.parent} writes it anew") from None
    return found
