"""Pair: two paths to a comparison of what lies there."""

from __future__ import annotations

from pathlib import Path

from perfbench.comparison.comparable import incomparable
from perfbench.comparison.compare import MARGIN, Comparison, compare
from perfbench.comparison.repeated import compare_series
from perfbench.comparison.source import Source, read_source
from perfbench.engine.errors import ScenarioError
from perfbench.runfolder import read_series


def compare_paths(first: Path, second: Path, *, margin: float = MARGIN, force: bool = False) -> Comparison:
    """Compare two runs, or two series of runs. Raises ScenarioError when there is none, or when they are not comparable
    and nothing forces it: every reason is named."""
    series = read_series(first), read_series(second)
    if (series[0] is None) != (series[1] is None):
        one, other = (first, second) if series[0] is not None else (second, first)
        raise ScenarioError(
            f"{one} is a series of runs and {other} is one run: compare it with one of them ({one / 'run_1'}), or "
            "repeat the other as often"
        )
    if series[0] is None or series[1] is None:
        one_run, other_run = read_source(first), read_source(second)
        return compare(one_run, other_run, margin=margin, refused=_refused(one_run, other_run, force))
    runs = [
        [read_source(folder / run["folder"]) for run in found["runs"]]
        for folder, found in zip((first, second), series, strict=True)
        if found is not None
    ]
    refused = _refused(runs[0][0], runs[1][0], force)
    return compare_series(
        series[0], series[1], (runs[0], runs[1]), (str(first), str(second)), margin=margin, refused=refused
    )  # fmt: skip


def _refused(one: Source, other: Source, force: bool) -> list[str]:
    reasons = incomparable(one, other)
    if reasons and not force:
        raise ScenarioError(
            "\n  ".join(
                [f"{one.name} and {other.name} cannot be compared:", *reasons, "--force compares them all the same"]
            )
        )
    return reasons
