"""Overlays: the latencies behind a comparison, value by value, for whoever wants to draw them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perfbench.comparison.measure import LATENCIES
from perfbench.comparison.source import Source, read_source
from perfbench.metrics.columns import FloatArray
from perfbench.metrics.latency import PER_REQUEST, itl_ms
from perfbench.metrics.names import RESPONSE_OF
from perfbench.runfolder import read_series


def overlays(first: Path, second: Path) -> dict[str, tuple[FloatArray, FloatArray]]:
    """By name of the latency, as it is compared: values in ms of both sides, shapes (n,) and (m,), no NaN.

    Runs of a series are put together. A latency that one side lacks is left out. Raises what `read_source` raises.
    """
    sides = [_runs(first), _runs(second)]
    is_open = bool(sides[0][0].open_loop)
    found = {}
    for plain in LATENCIES:
        name = RESPONSE_OF.get(plain, plain) if is_open else plain
        one, other = (np.concatenate([_values(run, name) for run in runs]) for runs in sides)
        if one.size and other.size:
            found[name] = (one, other)
    return found


def _runs(path: Path) -> list[Source]:
    series = read_series(path)
    return [read_source(path)] if series is None else [read_source(path / run["folder"]) for run in series["runs"]]


def _values(run: Source, name: str) -> FloatArray:
    values = np.asarray(itl_ms(run.records) if name == "itl" else PER_REQUEST[name](run.records), np.float64)
    return values[~np.isnan(values)]
