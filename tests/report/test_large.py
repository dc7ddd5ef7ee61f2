"""Charts of a run of a million requests: few enough points that a phone opens the page, and soon enough made."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import orjson
import pytest

from perfbench.metrics.columns import Columns, columns
from perfbench.metrics.throughput import window_ns
from perfbench.report import series
from perfbench.report.charts import Data, charts
from tests.report.runs import BEGAN_NS, S, make_run

TIMES = 1000


def many(small: Columns, times: int, apart_ns: int) -> Columns:
    """The same requests again and again, each time later."""
    names = [field.name for field in fields(Columns)]
    values = {name: getattr(small, name) for name in names}
    shift = np.repeat(np.arange(times, dtype=np.int64) * apart_ns, small.size)
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            values[name] = np.tile(value, times)
            if name.endswith("_ns"):
                happened = values[name] > 0
                values[name] = np.where(happened, values[name] + shift, values[name])
    return Columns(**values)


@pytest.mark.slow
def test_the_charts_of_a_million_requests_are_small(tmp_path):
    small = columns(make_run(tmp_path, 1000, rate=100.0).records())
    large = many(small, TIMES, 10 * S)
    assert large.size == 1_000_000
    from_ns, to_ns = window_ns(large)
    data = Data(
        columns=large, samples=[], latency_ms={}, zero_ns=BEGAN_NS, bins=series.bins(from_ns, to_ns), steady_ns=None,
        stationary=True, open_loop=True, arrival="poisson",
    )  # fmt: skip
    found = charts(data)
    assert {"ttft", "itl", "over-time", "concurrency", "faults"} <= {chart.key for chart in found}
    text = orjson.dumps({chart.key: chart.figure for chart in found})
    assert len(text) < 1_000_000
    assert max(len(trace["x"]) for chart in found for trace in chart.figure["data"]) <= series.MOST_POINTS
