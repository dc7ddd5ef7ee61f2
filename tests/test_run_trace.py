"""Whole replays: what the server saw, when, and what of it had been there before, against the trace."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfbench.engine.request import Record
from perfbench.run import run_scenario
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario
from perfbench.workload.traces.reading import Part, TraceTable, read_trace
from tests.evalcore.shared import shared
from tests.truthd import Truthd

MS = 1_000_000
BLOCK = 512
QUICK = "sim:ttft=5,itl=0.2,n=4"


def replay(folder: Path, truthd: Truthd, trace: Path, **keys: Any) -> tuple[list[Record], dict[str, Any], int]:
    """Records in order of the trace, the summary, and instant zero."""
    given = {"url": truthd.url, "model": QUICK, "seed": 3, "outputs_dir": str(folder), "trace": str(trace), **keys}
    done = run_scenario(Scenario.from_mapping(given, environment={}), live=False, quiet=True)
    run = RunFolder(done.folder)
    records = sorted((record for batch in run.records() for record in batch), key=lambda record: record.index)
    return records, done.summary, run.info().began_ns


def prompt(record: Record) -> list[str]:
    """The words of a prompt as it was sent; each is a token."""
    return str(json.loads(record.prompt or "")["messages"][0]["content"]).split(" ")


def shared_tokens(prompts: list[list[str]]) -> int:
    """Tokens in blocks that had been sent before, behind the same blocks."""
    seen: set[bytes] = set()
    repeated = 0
    for words in prompts:
        chain = hashlib.sha256()
        for at in range(0, len(words), BLOCK):
            block = words[at : at + BLOCK]
            chain.update(" ".join(block).encode())
            repeated += len(block) if chain.digest() in seen else 0
            seen.add(chain.digest())
    return repeated


def shared_by_hashes(table: TraceTable) -> int:
    """The same by what the trace says; a last block that is not full counts where it is equally long."""
    seen: set[tuple[int, int]] = set()
    repeated = 0
    for row in range(len(table)):
        left = table.input_tokens[row]
        for block in table.blocks_of(row):
            size = min(BLOCK, left)
            repeated += size if (block, size) in seen else 0
            seen.add((block, size))
            left -= size
    return repeated


@pytest.fixture
def bursts(tmp_path: Path) -> Path:
    """Heaps of six requests, 100 ms apart, in blocks as Mooncake's: all begin alike, and three chats grow."""
    path, rows = tmp_path / "trace.jsonl", []
    for heap in range(15):
        for one in range(6):
            ids = [0, one % 3 + 1, *range(10 + 100 * one, 10 + 100 * one + heap // 4), 10_000 + 10 * heap + one]
            tokens = BLOCK * (len(ids) - 1) + 1 + 20 * one
            rows.append({"timestamp": 2000 * heap, "input_length": tokens, "output_length": 1 + one, "hash_ids": ids})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_two_workers_send_what_the_trace_says_when_it_says_so(tmp_path, truthd, bursts):
    records, summary, zero_ns = replay(tmp_path / "out", truthd, bursts, speed=20, workers=2, keep_texts=True)
    table = read_trace(bursts)
    assert [record.intended_ns - zero_ns for record in records] == [at // 20 for at in table.at_ns]
    assert {record.worker for record in records} == {0, 1}
    assert {record.outcome for record in records} == {"ok"}
    assert array("i", [len(prompt(record)) for record in records]) == table.input_tokens
    assert [record.wanted_input_tokens for record in records] == table.input_tokens.tolist()
    assert [record.output_tokens for record in records] == table.output_tokens.tolist()
    repeated = shared_tokens([prompt(record) for record in records])
    assert repeated == shared_by_hashes(table)
    assert 0.3 < repeated / sum(table.input_tokens) < 0.95
    log = truthd.log()
    assert Counter(row["tokens"] for row in log) == Counter(table.output_tokens)
    arrived_ns = np.sort([row["complete_ns"] for row in log])
    assert (arrived_ns >= np.array(table.at_ns) // 20 + zero_ns).all()
    assert (summary["arrivals"]["law"], summary["requests"]["planned"]) == ("as the trace", 90)
    assert summary["arrivals"]["ks_p"] is None  # no law was tested
    assert summary["workload"]["trace"]["requests"] == 90


def test_a_part_with_a_warm_up_and_a_cap(tmp_path, truthd, bursts):
    records, summary, zero_ns = replay(
        tmp_path / "out", truthd, bursts, speed=40, trace_from="4s", trace_duration="8s", warmup="100ms", parallel=4
    )
    assert [record.intended_ns - zero_ns for record in records] == [
        50 * MS * heap for heap in range(4) for _ in range(6)
    ]
    assert [record.warmup for record in records] == [True] * 12 + [False] * 12
    assert (summary["requests"]["planned"], summary["requests"]["succeeded"], summary["run"]["ended"]) == (
        12,
        12,
        "number",
    )
    assert summary["concurrency"]["max"] <= 4


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    ["azure_2023_conv.csv.gz", "azure_2023_code_first_half.csv.gz", "mooncake_conversation_trace.jsonl.gz"],
)
def test_twenty_minutes_of_real_traces_at_twenty_times_their_speed(tmp_path, truthd, name):
    """Arrivals within 5 ms (p99) at the server, unless the client says that the machine was not its own."""
    path = shared(f"perf/traces/{name}")
    table = read_trace(path, part=Part(0, 1200 * 1000 * MS))
    records, summary, zero_ns = replay(tmp_path / "out", truthd, path, speed=20, trace_duration="20m")
    log = truthd.log()
    assert len(log) == len(records) == len(table)
    assert [record.output_tokens for record in records] == table.output_tokens.tolist()
    assert [record.wanted_input_tokens for record in records] == table.input_tokens.tolist()
    assert Counter(row["tokens"] for row in log) == Counter(table.output_tokens)
    due_ns = np.array([round(at_ns / 20) for at_ns in table.at_ns]) + zero_ns
    assert np.array_equal([record.intended_ns for record in records], due_ns)
    late_ms = (np.sort([row["first_byte_ns"] for row in log]) - due_ns) / 1e6
    assert late_ms.min() >= 0
    if summary["client"]["verdict"] != "ok":
        pytest.skip(f"the machine was busy, and the client says so: {summary['client']['reasons']}")
    assert np.quantile(late_ms, 0.99) <= 5.0
