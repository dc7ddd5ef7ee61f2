"""Runs made up for the checks: a clean server under a closed or an open loop, record by record, to be spoilt by a test.

Rows are the fields of records, so that a test changes what it needs to; `findings_of` computes the real summary of
them, as of any run folder.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from perfbench.engine.probe import ClientSample
from perfbench.engine.request import Record
from perfbench.report.summary import summarise
from perfbench.runfolder import CLIENT, REQUESTS, RUN, SCENARIO, RunFolder, RunInfo

S, MS = 1_000_000_000, 1_000_000
BEGAN_NS = 1000 * S
URL = "http://127.0.0.1:9/v1"
UNIQUE = {"name": "synthetic", "reuse": "none", "unique": True, "sessions": False}
Row = dict[str, Any]


def answered(index: int, intended_ns: int, rng: random.Random, *, ttft_ms: float = 100.0, gap_ms: float = 10.0,
             tokens: int = 20, **given: Any) -> Row:  # fmt: skip
    """A whole streamed reply, a chunk a token; what varies by itself is what a server's would."""
    written_ns = intended_ns + 60_000
    first_ns = written_ns + round(ttft_ms * rng.lognormvariate(0, 0.15) * MS)
    gaps = [round(gap_ms * rng.uniform(0.9, 1.1) * MS) for _ in range(tokens - 1)]
    last_ns = first_ns + sum(gaps)
    row = {
        "key": str(index), "index": index, "intended_ns": intended_ns, "dispatched_ns": intended_ns + 20_000,
        "started_ns": intended_ns + 30_000, "written_ns": written_ns, "first_byte_ns": first_ns,
        "first_output_ns": first_ns, "first_answer_ns": first_ns, "last_output_ns": last_ns,
        "finished_ns": last_ns + 100_000, "outcome": "ok", "status": 200, "url": URL, "input_tokens": 140,
        "wanted_input_tokens": 128, "output_tokens": tokens, "token_source": "usage", "chunks": tokens, "itl_ns": gaps,
        "finish_reasons": ["stop"], "reused": True,
    }  # fmt: skip
    return row | given


def failed(row: Row, kind: str = "http_503", after_ms: float = 50.0, **given: Any) -> Row:
    """The same request, not answered."""
    kept = {name: row[name] for name in ("key", "index", "intended_ns", "dispatched_ns", "started_ns", "written_ns",
                                         "url", "reused")}  # fmt: skip
    return {**kept, "finished_ns": row["written_ns"] + round(after_ms * MS), "outcome": "failed", "error": kind} | given


def closed(count: int = 400, seed: int = 0, parallel: int = 8, *, each: Callable[[int], Row] | None = None,
           **given: Any) -> list[Row]:  # fmt: skip
    """A closed loop: a slot sends its next request when its last is over. `each`: fields by index, over `given`."""
    rng = random.Random(seed)
    slots = [BEGAN_NS + slot * MS for slot in range(parallel)]
    rows: list[Row] = []
    for index in range(count):
        free_ns = heapq.heappop(slots)
        fields = given | (each(index) if each is not None else {})
        row = answered(index, free_ns, rng, **({"reused": index >= parallel} | fields))
        heapq.heappush(slots, row["finished_ns"])
        rows.append(row)
    return rows


def opened(count: int = 400, seed: int = 0, rate: float = 20.0, **given: Any) -> list[Row]:
    """Poisson arrivals at a server that is never full."""
    rng = random.Random(seed)
    at_ns, rows = float(BEGAN_NS), []
    for index in range(count):
        at_ns += rng.expovariate(rate) * S
        rows.append(answered(index, round(at_ns), rng, **({"reused": index >= 20} | given)))
    return rows


def findings_of(folder: Path, rows: Iterable[Row], *, workload: dict[str, Any] | None = None, lag_ms: float = 0.1,
                clock: tuple[int, int] | None = None, **scenario: Any) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Findings of the run's summary by name. Without a rate, a closed loop of 8. `clock`: how far the monotonic and the
    wall clock moved, in ns."""
    return {one["name"]: one for one in summary_of(folder, rows, workload=workload, lag_ms=lag_ms, clock=clock,
                                                   **scenario)["findings"]}  # fmt: skip


def summary_of(folder: Path, rows: Iterable[Row], *, workload: dict[str, Any] | None = None, lag_ms: float = 0.1,
               clock: tuple[int, int] | None = None, **scenario: Any) -> dict[str, Any]:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    run, encode = RunFolder(folder), msgspec.json.Encoder().encode
    records = [Record(**row) for row in rows]
    run.file(REQUESTS).write_bytes(b"".join(encode(record) + b"\n" for record in records))
    end_ns = max(record.finished_ns for record in records)
    samples = [
        ClientSample(worker=0, from_ns=at, to_ns=at + S, lag_ns=[round(lag_ms * MS)] * 50, cpu_ns=S // 5)
        for at in range(BEGAN_NS - S, end_ns + S, S)
    ]
    run.file(CLIENT).write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    settings = ({"arrival": "poisson"} if "rate" in scenario else {"parallel": 8}) | {"model": "m"} | scenario
    settings = {name: value for name, value in settings.items() if value is not None}
    run.file(SCENARIO).write_text(yaml.safe_dump(settings), encoding="utf-8")
    moved = clock or (end_ns - BEGAN_NS, end_ns - BEGAN_NS)
    info = RunInfo(
        started_at="2026-03-02T14:05:09+01:00", clock_monotonic_ns=BEGAN_NS, clock_unix_ns=7 * S, began_ns=BEGAN_NS,
        ended_clock_monotonic_ns=BEGAN_NS + moved[0], ended_clock_unix_ns=7 * S + moved[1], planned=len(records),
        ended="number", ended_ns=end_ns, dispatched=len(records), workload=UNIQUE if workload is None else workload,
    )  # fmt: skip
    run.file(RUN).write_bytes(encode(info))
    return summarise(run, settings)
