"""Pair: two paths to a comparison of what lies there."""

from __future__ import annotations

from pathlib import Path

from perfbench.comparison.comparable import incomparable
from perfbench.comparison.compare import MARGIN, Comparison, compare
from perfbench.comparison.source import read_source
from perfbench.engine.errors import ScenarioError


def compare_paths(first: Path, second: Path, *, margin: float = MARGIN, force: bool = False) -> Comparison:
    """Compare two runs. Raises ScenarioError when there is none, or when they are not comparable and nothing forces it:
    every reason is named."""
    one, other = read_source(first), read_source(second)
    refused = incomparable(one, other)
    if refused and not force:
        raise ScenarioError(
            "\n  ".join([f"{first} and {second} cannot be compared:", *refused, "--force compares them all the same"])
        )
    return compare(one, other, margin=margin, refused=refused)
