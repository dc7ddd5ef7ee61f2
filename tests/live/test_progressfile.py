"""The progress file: what other processes learn of a run."""

from __future__ import annotations

import io
import json

import pytest

from perfbench.live.base import PROGRESS_FILE, RunStart
from perfbench.live.progress import Silent, open_progress
from perfbench.live.progressfile import BOUNDS_MS, Both, ProgressFile, pause_s
from perfbench.live.snapshot import Snapshot, pack

INFO = RunStart(target="u", model="m", shape="burst", began_ns=0, planned=4, folder="outputs/x")
SECOND_NS = 1_000_000_000


def lines(file):
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def snapshot(at_s, ok, *ttft_ms):
    return Snapshot(
        worker=0, at_ns=round(at_s * SECOND_NS), dispatched=ok, started=ok, finished=ok, ok=ok,
        ttft_ns=pack(round(ms * 1e6) for ms in ttft_ms),
    )  # fmt: skip


def test_a_run_is_told_from_its_start_to_its_stop(tmp_path):
    progress = ProgressFile(tmp_path / "p.jsonl")
    progress.start(INFO)
    progress.update([snapshot(0.5, 2, 3.0, 70_000.0)], SECOND_NS // 2)
    progress.update([snapshot(0.75, 3)], SECOND_NS * 3 // 4)
    progress.note("mind the step")
    progress.stop()
    progress.stop()
    told = lines(tmp_path / "p.jsonl")
    assert [line["event"] for line in told] == ["start", "figures", "note", "figures", "stop"]
    assert (told[0]["folder"], told[0]["planned"]) == ("outputs/x", 4)
    assert (told[1]["done"], told[1]["planned"], told[1]["fraction"]) == (2, 4, 0.5)
    assert told[3]["done"] == 3
    counts = told[1]["histograms"]["ttft"]["counts"]
    assert (counts[BOUNDS_MS.index(5)], counts[-1], sum(counts)) == (1, 1, 2)
    assert told[1]["histograms"]["ttft"]["sum_ms"] == 70_003.0


@pytest.mark.parametrize(("elapsed_s", "pause"), [(0, 1.0), (300, 1.0), (900, 3.0), (86_400, 5.0)])
def test_lines_come_less_often_as_time_goes_by(elapsed_s, pause):
    assert pause_s(elapsed_s) == pause


def test_the_environment_names_the_file_and_what_is_shown_stays(tmp_path, monkeypatch):
    assert type(open_progress(None, True, io.StringIO())) is Silent
    monkeypatch.setenv(PROGRESS_FILE, str(tmp_path / "p.jsonl"))
    out = io.StringIO()
    progress = open_progress(None, False, out)
    assert type(progress) is Both
    progress.start(INFO)
    progress.stop()
    assert "burst" in out.getvalue()
    assert lines(tmp_path / "p.jsonl")[0]["shape"] == "burst"


def test_a_file_that_cannot_be_written_costs_the_run_nothing(tmp_path):
    progress = ProgressFile(tmp_path / "nowhere" / "p.jsonl")
    progress.start(INFO)
    progress.update([snapshot(1, 1)], SECOND_NS)
    progress.stop()
