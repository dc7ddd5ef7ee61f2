"""Source: a run to be compared, from wherever it was recorded: our own folder, or a file of another tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfbench.comparison.foreign.table import read_foreign
from perfbench.engine.errors import ScenarioError
from perfbench.metrics.columns import Columns, columns
from perfbench.runfolder import SCENARIO, RunFolder
from perfbench.settings import yamlfile


@dataclass(frozen=True, slots=True)
class Source:
    """One run. `facts` are what its scenario says, under the names of scenario keys; a name that is missing is unknown,
    not absent."""

    name: str
    tool: str
    records: Columns
    facts: Mapping[str, Any]
    lacking: tuple[str, ...] = ()
    """What the records do not hold, in words."""
    warnings: tuple[str, ...] = field(default=())

    @property
    def open_loop(self) -> bool | None:
        """None where nobody said."""
        return self.facts["rate"] is not None if "rate" in self.facts else None


@dataclass(frozen=True, slots=True)
class About:
    """What a comparison says of a side: a run, or several runs of the same."""

    name: str
    tool: str
    requests: int
    runs: int = 1
    lacking: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def about(runs: Sequence[Source], name: str) -> About:
    first = runs[0]
    warnings = tuple(dict.fromkeys(warning for run in runs for warning in run.warnings))
    requests = sum(run.records.size for run in runs)
    return About(name, first.tool, requests, len(runs), first.lacking, warnings)


def read_source(path: Path) -> Source:
    """The run in a folder of ours, or in a file of another tool. Raises ScenarioError naming the place and what is
    wrong with it."""
    if path.is_dir():
        folder, warnings = RunFolder(path), list[str]()
        records = columns(folder.records(warnings))
        records = records.where(~records.warmup)
        if not records.size:
            raise ScenarioError(f"{path} holds no request; let the run write some before it is compared")
        facts: dict[str, Any] = {}
        file = folder.file(SCENARIO)
        if file.is_file():
            facts = {"rate": None, "parallel": None, **yamlfile.read(file, {}).values}
        return Source(str(path), "perfbench", records, facts, warnings=tuple(warnings))
    place, _, number = str(path).rpartition("#") if "#" in path.name and not path.exists() else (str(path), "", "")
    if not Path(place).is_file():
        raise ScenarioError(
            f"there is neither a run folder nor a file {str(path)!r}; name the folder of a run, or a file that vllm "
            "bench --save-detailed, aiperf (profile_export.jsonl) or guidellm wrote"
        )
    found = read_foreign(Path(place), number)
    records = columns([found.records])
    if not records.size:
        raise ScenarioError(f"{path} holds no request")
    return Source(str(path), found.tool, records, found.facts, found.lacking)
