"""Calibrate: what the client of this machine adds to TTFT and TPOT, by number of streams.

The built-in simulator logs when each request was complete and when its first and last token were written, on the
clock that our own stamps are taken from. Each record of a reused connection is paired with its row of that log (the
simulator's request id is the row's number). What our figure has more than the truth is the client's, the network
stack's, or the time that a request lay unread before the simulator, so for TTFT it is an upper bound.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import orjson

from perfbench.engine.errors import NoData
from perfbench.engine.request import Record
from perfbench.metrics.percentile import percentile
from perfbench.run import run_scenario
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

TTFT_MS, ITL_MS, TOKENS = 200.0, 100.0, 40  # ten tokens a second per stream: a thousand streams do not drown the server
ROUNDS = 3  # requests per stream; the first of each is left out, for in it the simulator accepts the connection
LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Added:
    """What the client added to one figure, ms."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """One number of streams."""

    streams: int
    requests: int
    events_per_s: float
    ttft_ms: Added
    """First output, from written, minus the same in the server's log."""
    tpot_ms: Added
    cpu_share: float
    loop_lag_p99_ms: float
    verdict: str


def calibrate(streams: Sequence[int]) -> list[Calibration]:
    """Load the simulator with so many streams at a time, one number after the other. About fifteen seconds each."""
    found = []
    for count in streams:
        print(f"{count} streams, {1000 / ITL_MS:g} tokens a second each ...", file=sys.stderr, flush=True)
        config = SimulatorConfig(ttft_ms=TTFT_MS, itl_ms=ITL_MS, tokens=TOKENS)
        with SimulatorProcess(config) as simulator, tempfile.TemporaryDirectory() as outputs:
            found.append(_measure(simulator.url, count, Path(outputs)))
    return found


def _measure(url: str, streams: int, outputs: Path) -> Calibration:
    scenario = Scenario.from_mapping(
        {
            "url": url, "model": "sim", "parallel": streams, "number": ROUNDS * streams, "duration": LONGEST_S,
            "outputs_dir": outputs, "seed": 1, "name": "calibration", "prompt_tokens": 64,
        },
        "calibrate", environment={},
    )  # fmt: skip
    result = run_scenario(scenario, live=False, quiet=True)
    with urllib.request.urlopen(url.removesuffix("/v1") + "/log", timeout=30) as reply:
        truth = {f"sim-{row['id']}": row for row in csv.DictReader(io.TextIOWrapper(reply, "utf-8"))}
    ok = [record for batch in RunFolder(result.folder).records() for record in batch if record.outcome == "ok"]
    records = [record for record in ok if record.reused]
    added = np.array([_added_ms(record, truth[record.request_id]) for record in records])
    if added.size == 0:
        raise NoData(f"not one of {ROUNDS * streams} requests to the simulator succeeded at {streams} streams")
    client = result.summary["client"]
    return Calibration(
        streams=streams, requests=len(records),
        events_per_s=sum(record.chunks for record in ok) / result.summary["window_s"],
        ttft_ms=_spread(added[:, 0]), tpot_ms=_spread(added[:, 1]), cpu_share=client["cpu_share"],
        loop_lag_p99_ms=client["loop_lag_ms"]["p99"], verdict=client["verdict"],
    )  # fmt: skip


def _added_ms(record: Record, row: dict[str, str]) -> tuple[float, float]:
    """(TTFT, TPOT): ours minus the server's."""
    complete_ns, first_ns, last_ns = (int(row[name]) for name in ("complete_ns", "first_token_ns", "last_token_ns"))
    assert record.written_ns is not None and record.first_output_ns is not None and record.last_output_ns is not None
    ttft_ns = (record.first_output_ns - record.written_ns) - (first_ns - complete_ns)
    tpot_ns = ((record.last_output_ns - record.first_output_ns) - (last_ns - first_ns)) / max(record.chunks - 1, 1)
    return ttft_ns / 1e6, tpot_ns / 1e6


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> Added:
    return Added(percentile(values, 0.5), percentile(values, 0.99), float(values.max()))


def show(calibrations: Sequence[Calibration], out: TextIO, *, as_json: bool) -> None:
    """A table for people, or JSON for programs."""
    if as_json:
        out.write(orjson.dumps([asdict(c) for c in calibrations], option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title="what this client adds, ms", caption="at most, against the simulator's own log", box=None, pad_edge=False
    )
    for column in ("streams", "events/s", "TTFT p50", "p99", "max", "TPOT p50", "p99", "CPU", "verdict"):
        table.add_column(column, justify="left" if column == "verdict" else "right")
    for c in calibrations:
        table.add_row(
            str(c.streams), f"{c.events_per_s:.0f}", f"{c.ttft_ms.p50:.2f}", f"{c.ttft_ms.p99:.2f}",
            f"{c.ttft_ms.max:.2f}", f"{c.tpot_ms.p50:.3f}", f"{c.tpot_ms.p99:.3f}", f"{c.cpu_share:.0%}", c.verdict,
        )  # fmt: skip
    Console(file=out).print(table)
