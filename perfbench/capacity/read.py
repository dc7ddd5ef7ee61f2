"""Read: a run, a sweep or a search as traces of one endpoint, to fit a model to."""

from __future__ import annotations

from pathlib import Path

from perfbench.capacity.folder import POINTS, PROBES, SLO, SWEEP, read
from perfbench.capacity.queueing import FEWEST, Trace, trace_of
from perfbench.capacity.slo import SearchRecord
from perfbench.engine.errors import ScenarioError
from perfbench.report.summary import load, read_scenario
from perfbench.report.text import open_loop
from perfbench.runfolder import RUN, RunFolder


def traces_in(folder: Path) -> list[Trace]:
    """The runs in a folder of `run`, `sweep` or `slo`. Raises ScenarioError where there are none worth reading."""
    if not folder.is_dir():
        raise ScenarioError(f"there is no folder {str(folder)!r}; name the folder of a run, a sweep or a search")
    inner = POINTS if (folder / SWEEP).is_file() else PROBES if (folder / SLO).is_file() else None
    runs = [folder] if inner is None else sorted(path for path in (folder / inner).iterdir() if path.is_dir())
    found = [trace for path in runs if (path / RUN).is_file() and (trace := _trace(RunFolder(path))) is not None]
    if not found:
        raise ScenarioError(f"{folder} holds no run with {FEWEST} successful requests; measure more before planning")
    return found


def _trace(run: RunFolder) -> Trace | None:
    if not run.has_records():
        return None
    columns, info = load(run), run.info()
    if info is None or int(columns.ok.sum()) < FEWEST:
        return None
    return trace_of(columns, info.began_ns, open_loop=open_loop(read_scenario(run)))


def slo_of(folder: Path) -> str | None:
    """The SLO that the runs in a folder were made with."""
    if (folder / SLO).is_file():
        return read(folder / SLO, SearchRecord, "slo").wishes.slo
    found = read_scenario(RunFolder(folder)).get("slo")
    return None if found is None else str(found)
