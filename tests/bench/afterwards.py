"""Afterwards: what reading a run costs in memory, by the record: summary and page, comparison, export.

The records are written here, not measured. Each command runs in a process of its own, whose peak is what the kernel
says of it; two lengths and the difference between them leave out the interpreter and its packages.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from perfbench.engine.request import Record
from perfbench.runfolder import REQUESTS, SCENARIO
from tests.truthd import REPOSITORY

BATCH = 10_000
COMMANDS: dict[str, tuple[str, ...]] = {
    "summary and page": ("report", "{folder}"),
    "compare": ("compare", "{folder}", "{folder}", "--json"),
    "export csv": ("export", "{folder}", "--format", "csv", "--output", "{folder}/rows.csv"),
    "export parquet": ("export", "{folder}", "--format", "parquet", "--output", "{folder}/rows.parquet"),
}


def make_run(folder: Path, requests: int) -> Path:
    """A run folder with so many plain requests, 64 in flight; the same for the same number."""
    folder.mkdir()
    (folder / SCENARIO).write_text("url: http://127.0.0.1:1/v1\nmodel: m\nparallel: 64\nstream: false\n")
    rng, encode = np.random.default_rng(1), msgspec.json.Encoder().encode_lines
    with (folder / REQUESTS).open("wb") as file:
        for first in range(0, requests, BATCH):
            took_ns = rng.exponential(1e6, BATCH).astype(int).tolist()
            numbers = range(first, min(first + BATCH, requests))
            file.write(encode([_record(index, took) for index, took in zip(numbers, took_ns, strict=False)]))
    return folder


def _record(index: int, took_ns: int) -> Record:
    begun_ns = 1_000_000_000 + index // 64 * 1_500_000 + index % 64 * 20_000
    return Record(
        key=str(index), index=index, worker=0, lane="default", model="m", dialect="chat", stream=False,
        url="http://127.0.0.1:1/v1", reused=True, intended_ns=begun_ns, dispatched_ns=begun_ns, started_ns=begun_ns,
        written_ns=begun_ns + 5_000, first_byte_ns=begun_ns + took_ns, finished_ns=begun_ns + took_ns + 9_000,
        outcome="ok", status=200, input_tokens=20, output_tokens=8, token_source="usage", finish_reasons=["length"],
    )  # fmt: skip


def peak_bytes(arguments: Sequence[str]) -> int:
    """Of `perfbench` with these arguments: the most that was resident. Raises RuntimeError when it fails."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", *arguments], cwd=REPOSITORY, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"perfbench {arguments[0]} ended with {process.returncode}")
    return used.ru_maxrss * 1024


def bytes_a_request(what: str, few: Path, many: Path, more: int) -> float:
    """How much more one record more costs at the peak of a command, between a folder and one with `more` more."""
    peaks = [peak_bytes([each.format(folder=folder) for each in COMMANDS[what]]) for folder in (few, many)]
    return (peaks[1] - peaks[0]) / more
