"""The run folder is read whatever a run left: torn lines, garbage, shards, and a join that was cut off anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from perfbench import runfolder
from perfbench.engine.errors import ScenarioError
from perfbench.engine.probe import ClientSample
from perfbench.engine.request import Attempt, Record
from perfbench.runfolder import CLIENT, REQUESTS, RunFolder, RunInfo


def a_record(index: int, **more: object) -> Record:
    return Record(key=str(index), index=index, intended_ns=1000 + index, finished_ns=2000 + index, outcome="ok", **more)


def lines(*records: msgspec.Struct) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


def read(folder: RunFolder) -> tuple[list[int], list[str]]:
    warnings: list[str] = []
    return sorted(record.index for batch in folder.records(warnings) for record in batch), warnings


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


@pytest.fixture(params=[1 << 24, 100, 7], ids=["large reads", "reads of about a line", "tiny reads"], autouse=True)
def read_bytes(request, monkeypatch):
    monkeypatch.setattr(runfolder, "_READ_BYTES", request.param)


def test_what_was_written_is_what_is_read(folder):
    records = [
        a_record(0),
        a_record(
            1, earlier=[Attempt(started_ns=1, finished_ns=2, error="reset")], itl_ns=[1, 2, 3], text="ein Stück\n"
        ),
    ]
    folder.file(REQUESTS).write_bytes(lines(*records))
    assert [record for batch in folder.records() for record in batch] == records


def test_an_empty_file_holds_no_records(folder):
    folder.file(REQUESTS).write_bytes(b"")
    assert folder.has_records()
    assert read(folder) == ([], [])


def test_a_folder_without_records_is_named(folder):
    assert not folder.has_records()
    with pytest.raises(ScenarioError, match=r"holds no requests\.jsonl; is it the folder of a run"):
        folder.record_files()


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_a_torn_last_line_is_dropped_and_named(folder, cut):
    torn = lines(a_record(2))[:cut]
    folder.file(REQUESTS).write_bytes(lines(a_record(0), a_record(1)) + torn)
    found, warnings = read(folder)
    assert found == [0, 1]
    assert warnings == [f"requests.jsonl: the last line is torn ({len(torn)} bytes) and was dropped"]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"}}}garbage{{{\n", id="no JSON"),
        pytest.param(b'{"key":"x"}\n', id="JSON, but no record"),
        pytest.param(b"\x00" * 40 + b"\n", id="zeros, as a crash of the machine leaves them"),
        pytest.param(b'{"key":"\xff\xfe"}\n', id="no UTF-8"),
        pytest.param(b"half a line\rof a Mac\r\n", id="carriage returns"),
    ],
)
def test_a_garbage_line_costs_only_itself(folder, garbage):
    folder.file(REQUESTS).write_bytes(lines(a_record(0), a_record(1)) + garbage + lines(a_record(2)))
    found, warnings = read(folder)
    assert found == [0, 1, 2]
    assert len(warnings) == 1
    assert warnings[0].startswith("requests.jsonl line 3 was dropped: ")


def test_many_garbage_lines_are_named_together(folder):
    folder.file(REQUESTS).write_bytes(lines(a_record(0)) + b"garbage\n" * 1000 + lines(a_record(1)))
    found, warnings = read(folder)
    assert found == [0, 1]
    assert len(warnings) == 1
    assert warnings[0].startswith("requests.jsonl line 2 was dropped: ")
    assert warnings[0].endswith(", and so were 999 after it")


def test_blank_lines_are_nothing(folder):
    folder.file(REQUESTS).write_bytes(b"\n" + lines(a_record(0)) + b"\n\n" + lines(a_record(1)) + b"\n")
    assert read(folder) == ([0, 1], [])


def test_a_field_from_the_future_is_no_reason_to_drop_a_line(folder):
    line = lines(a_record(0)).replace(b'{"key"', b'{"colour":"red","key"')
    folder.file(REQUESTS).write_bytes(line)
    assert read(folder) == ([0], [])


# -- shards ------------------------------------------------------------------------------------------------------------


def write_shards(folder: RunFolder, *shards: bytes) -> None:
    for worker, data in enumerate(shards):
        folder.records_of(worker, len(shards)).write_bytes(data)
        sample = ClientSample(worker=worker, from_ns=0, to_ns=1, lag_ns=[], cpu_ns=0)
        folder.client_of(worker, len(shards)).write_bytes(lines(sample))


def test_a_worker_that_is_alone_writes_the_one_file(folder):
    assert folder.records_of(0, 1) == folder.file(REQUESTS)
    assert folder.records_of(0, 2) != folder.records_of(1, 2) != folder.file(REQUESTS)
    assert folder.client_of(0, 1) == folder.file(CLIENT)


def test_shards_are_read_as_they_are_and_joined(folder):
    write_shards(folder, *(lines(a_record(index), a_record(index + 12)) for index in range(12)))
    assert read(folder) == (list(range(24)), [])
    folder.join_shards()
    assert sorted(file.name for file in folder.path.iterdir()) == [CLIENT, REQUESTS]
    assert read(folder) == (list(range(24)), [])
    assert sorted(sample.worker for sample in folder.client_samples()) == list(range(12))
    folder.join_shards()
    assert read(folder) == (list(range(24)), [])


@pytest.mark.parametrize("joined", [False, True])
def test_a_torn_shard_costs_nobody_else(folder, joined):
    write_shards(folder, lines(a_record(0)) + b'{"key":"to', lines(a_record(1)), b"", b'{"ke', lines(a_record(4)))
    if joined:
        folder.join_shards()
    found, warnings = read(folder)
    assert found == [0, 1, 4]
    assert len(warnings) == (1 if joined else 2)  # one a file


class Crash(Exception):
    pass


STEPS = [
    pytest.param((shutil, "copyfileobj"), 0, id="before anything is copied"),
    pytest.param((shutil, "copyfileobj"), 1, id="after one shard is copied"),
    pytest.param((Path, "replace"), 0, id="before the new file is in its place"),
    pytest.param((Path, "unlink"), 0, id="before a shard is removed"),
    pytest.param((Path, "unlink"), 1, id="after one shard is removed"),
    pytest.param((Path, "unlink"), 3, id="between requests and client samples"),
]


@pytest.mark.parametrize(("step", "after"), STEPS)
def test_a_join_that_is_cut_off_anywhere_loses_and_doubles_nothing(folder, step, after, monkeypatch):
    write_shards(folder, *(lines(a_record(index)) for index in range(3)))
    owner, name = step
    original, calls = getattr(owner, name), 0

    def crashing(*arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Crash
        return original(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, crashing)
        with pytest.raises(Crash):
            folder.join_shards()
    for _ in range(2):
        assert read(folder) == ([0, 1, 2], [])
        assert sorted(sample.worker for sample in folder.client_samples()) == [0, 1, 2]
        folder.join_shards()  # once more, and it is whole


# -- run.json ----------------------------------------------------------------------------------------------------------


def test_facts_of_the_run_are_read_back(folder):
    info = RunInfo(
        started_at="2026-03-01T12:00:00+01:00", clock_monotonic_ns=5, clock_unix_ns=6, began_ns=7, planned=8,
        workers=2, ended="number", ended_ns=9, dispatched=10, notes=["a worker died"], environment={"python": "3.11"},
    )  # fmt: skip
    assert folder.info() is None
    folder.write_info(info)
    folder.write_info(info)
    assert folder.info() == info
    assert [file.name for file in folder.path.iterdir()] == ["run.json"]
