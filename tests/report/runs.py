"""Small runs made up for report tests: records, samples and scenario in a folder."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import yaml

from perfbench.engine.probe import ClientSample
from perfbench.engine.request import Record
from perfbench.runfolder import CLIENT, REQUESTS, RUN, SCENARIO, RunFolder, RunInfo

S, MS = 1_000_000_000, 1_000_000
BEGAN_NS = 1000 * S
HOSTILE = (
    "</script><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"
    "{{ 7 * 7 }}\u2028\u202e[bold red]\x1b[31m<!--"
)


def make_run(path: Path, count: int = 400, *, rate: float | None = None, words: str = "", **scenario: Any) -> RunFolder:
    """A run of `count` requests, about one in ten failed. `words`: what the server, model and user say everywhere."""
    rng = random.Random(count)
    path.mkdir(parents=True, exist_ok=True)
    folder, encode = RunFolder(path), msgspec.json.Encoder().encode
    arrival_ns, records = float(BEGAN_NS), []
    for index in range(count):
        arrival_ns += rng.expovariate(rate or 100) * S
        records.append(_record(index, round(arrival_ns), rng, words))
    folder.file(REQUESTS).write_bytes(b"".join(encode(record) + b"\n" for record in records))
    samples = [
        ClientSample(worker=0, from_ns=at, to_ns=at + S, lag_ns=[MS // 2] * 50, cpu_ns=S // 3)
        for at in range(BEGAN_NS, records[-1].finished_ns, S)
    ]
    folder.file(CLIENT).write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    settings = {"name": words or "made-up", "url": ["http://127.0.0.1:9/v1"], "model": words or "some-model"}
    settings |= {"parallel": 8} if rate is None else {"rate": rate, "arrival": "poisson"}
    settings |= {"headers": {"X-Team": words or "perf", "Authorization": "REDACTED"}} | scenario
    folder.file(SCENARIO).write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    info = RunInfo(
        started_at="2026-03-02T14:05:09+01:00", clock_monotonic_ns=BEGAN_NS, clock_unix_ns=0, began_ns=BEGAN_NS,
        planned=count, ended="number", ended_ns=round(arrival_ns), dispatched=count,
        environment={"host": words or "bench-1", "cpus": 2}, notes=[words] if words else [],
    )  # fmt: skip
    folder.file(RUN).write_bytes(encode(info))
    return folder


def _record(index: int, intended_ns: int, rng: random.Random, words: str) -> Record:
    times = {
        "key": str(index), "index": index, "intended_ns": intended_ns, "dispatched_ns": intended_ns + 10_000,
        "started_ns": intended_ns + 20_000, "written_ns": intended_ns + 30_000, "model": words or "some-model",
    }  # fmt: skip
    first_ns = times["written_ns"] + round(rng.lognormvariate(0, 0.4) * 100 * MS)
    if index % 10 == 9:
        kind = words if words and index % 20 == 19 else "http_503"
        detail = words or "overloaded, try later"
        return Record(**times, finished_ns=first_ns, outcome="failed", error=kind, error_detail=detail, status=503)
    gaps = [rng.randint(15, 25) * MS for _ in range(9)]
    last_ns = first_ns + sum(gaps)
    return Record(
        **times, first_byte_ns=first_ns, first_output_ns=first_ns, first_answer_ns=first_ns, last_output_ns=last_ns,
        finished_ns=last_ns + MS, status=200, input_tokens=20, output_tokens=10, token_source="usage", chunks=10,
        itl_ns=gaps, outcome="ok", reused=index > 8,
    )  # fmt: skip
