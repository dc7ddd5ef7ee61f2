"""Records as lines: whole, in order, bounded loss, and readable whatever happens to the disk or the process."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from perfbench.engine.errors import SinkFailed
from perfbench.engine.sinks import jsonl
from perfbench.engine.sinks.jsonl import JsonlSink

PATIENCE_S = 60.0


class Line(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


def numbers_in(file: Path) -> list[int]:
    """Of the whole lines; raises if one of them is not JSON."""
    data = file.read_bytes()
    return [json.loads(line)["number"] for line in data[: data.rfind(b"\n") + 1].splitlines()]


async def until(condition, what: str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain until {what}"
        await asyncio.sleep(0.005)


async def test_lines_are_whole_and_in_the_order_of_adding(tmp_path):
    file = tmp_path / "records.jsonl"
    sink = JsonlSink(file)
    for number in range(1000):
        sink.add(Line(number, 'text with "quotes"\nand a line feed \u2028 \x00'))
    await sink.close()
    assert file.read_bytes().count(b"\n") == 1000
    assert numbers_in(file) == list(range(1000))


async def test_order_is_kept_while_the_thread_writes_all_the_time(tmp_path):
    file = tmp_path / "records.jsonl"
    sink = JsonlSink(file, flush_every_s=0.0)
    for number in range(30_000):
        sink.add(Line(number, "x" * (number % 50)))
        if number % 100 == 0:
            await asyncio.sleep(0)  # let go of the interpreter now and then, in the middle of whatever the thread does
    await sink.close()
    assert numbers_in(file) == list(range(30_000))


async def test_lines_get_to_the_file_by_themselves_while_the_run_goes_on(tmp_path):
    file = tmp_path / "records.jsonl"
    sink = JsonlSink(file)
    for number in range(3):
        sink.add(Line(number))
        await until(lambda expected=number + 1: len(numbers_in(file)) == expected, "the line is in the file")
    await sink.close()


async def test_what_is_there_already_is_appended_to(tmp_path):
    file = tmp_path / "records.jsonl"
    for number in range(3):
        sink = JsonlSink(file)
        sink.add(Line(number))
        await sink.close()
    assert numbers_in(file) == [0, 1, 2]


async def test_a_line_that_a_killed_process_left_torn_does_not_spoil_the_next_one(tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_bytes(b'{"number":0}\n{"numb')
    sink = JsonlSink(file)
    sink.add(Line(1))
    await sink.close()
    assert file.read_bytes().splitlines() == [b'{"number":0}', b'{"numb', b'{"number":1,"text":""}']


async def test_closing_twice_is_closing_once_even_if_the_first_was_interrupted(tmp_path):
    sink = JsonlSink(tmp_path / "records.jsonl")
    for number in range(1000):
        sink.add(Line(number))
    first = asyncio.create_task(sink.close())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(sink.close(), sink.close(), first, return_exceptions=True)
    assert numbers_in(tmp_path / "records.jsonl") == list(range(1000))


async def test_an_empty_run_leaves_an_empty_file(tmp_path):
    sink = JsonlSink(tmp_path / "records.jsonl")
    await sink.close()
    assert (tmp_path / "records.jsonl").read_bytes() == b""


@pytest.mark.parametrize("where", ["missing/records.jsonl", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, where):
    with pytest.raises(SinkFailed, match=r"cannot write .*: (No such file|Is a directory)"):
        JsonlSink(tmp_path / where)


def test_a_disk_that_does_not_keep_up_ends_the_run_before_memory_does(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "MOST_PENDING_BYTES", 10_000)
    sink = JsonlSink(tmp_path / "records.jsonl", flush_every_s=PATIENCE_S)
    with pytest.raises(SinkFailed, match="behind"):
        for number in range(10_000):
            sink.add(Line(number))
    asyncio.run(sink.close())
    assert numbers_in(tmp_path / "records.jsonl")[:100] == list(range(100))


_KILLED = """
import os, signal, sys, time, msgspec
from pathlib import Path
from perfbench.engine.sinks.jsonl import JsonlSink

class Line(msgspec.Struct):
    number: int
    text: str = ""

file = Path(sys.argv[1])
sink = JsonlSink(file)
for number in range(5000):
    sink.add(Line(number, "x" * 100))
while not file.exists() or file.read_bytes().count(b"\\n") < 5000:
    time.sleep(0.01)                      # a flush interval passes, and what came before it is in the file
for number in range(5000, 10_000):
    sink.add(Line(number, "x" * 100))
os.kill(os.getpid(), signal.SIGKILL)      # within the next one, most likely
"""


def test_kill_9_loses_only_what_came_since_the_last_flush(tmp_path):
    file = tmp_path / "records.jsonl"
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(file)], timeout=PATIENCE_S, check=False)
    assert killed.returncode == -signal.SIGKILL
    numbers = numbers_in(file)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 5000


_STEADY = """
import asyncio, sys, time, msgspec
from pathlib import Path
from perfbench.engine.sinks.jsonl import JsonlSink

class Line(msgspec.Struct):
    number: int
    at_ns: int

async def main():
    sink = JsonlSink(Path(sys.argv[1]))
    for number in range(10**9):
        sink.add(Line(number, time.perf_counter_ns()))
        if number % 50 == 0:
            await asyncio.sleep(0.001)

asyncio.run(main())
"""


def test_a_process_killed_at_any_moment_leaves_a_readable_file(tmp_path):
    """Whole lines without a gap up to somewhere near the kill, and at most one torn line after them."""
    file = tmp_path / "records.jsonl"
    child = subprocess.Popen([sys.executable, "-c", _STEADY, str(file)])
    try:
        give_up_s = time.monotonic() + PATIENCE_S
        while not file.exists() or file.stat().st_size < 200_000:
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    numbers = numbers_in(file)
    assert numbers == list(range(len(numbers)))


_FULL = """
import asyncio, resource, sys, msgspec
from pathlib import Path
from perfbench.engine.errors import SinkFailed
from perfbench.engine.sinks.jsonl import JsonlSink

class Line(msgspec.Struct):
    number: int
    text: str = ""

async def main():
    if sys.argv[2]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    sink = JsonlSink(Path(sys.argv[1]), flush_every_s=0.01)
    added = 0
    try:
        while True:
            sink.add(Line(added, "x" * (added % 300)))
            added += 1
            await asyncio.sleep(0.0002)
    except SinkFailed as error:
        print("add:", error)
    try:
        await sink.close()
    except SinkFailed as error:
        print("close:", error)
    print(added)

asyncio.run(main())
"""


def _fill(file: Path, most_bytes: int | None) -> tuple[list[str], int]:
    done = subprocess.run(
        [sys.executable, "-c", _FULL, str(file), str(most_bytes or "")],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    *said, added = done.stdout.splitlines()
    return said, int(added)


def _assert_full(file: Path, said: list[str], added: int) -> None:
    data = file.read_bytes()
    assert data.endswith(b"\n")
    numbers = numbers_in(file)
    assert numbers == list(range(len(numbers)))
    assert 0 < len(numbers) <= added
    assert [line.split(":")[0] for line in said] == ["add", "close"], "both say so, none of them hides it"
    assert all(f"cannot write {file}" in line and f"the {len(data)} bytes before are whole" in line for line in said)


def test_a_file_that_may_not_grow_is_cut_back_to_whole_lines(tmp_path):
    file = tmp_path / "records.jsonl"
    said, added = _fill(file, 100_003)
    assert file.stat().st_size <= 100_003
    _assert_full(file, said, added)
    assert "File too large" in said[0]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "perfbench-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here; that takes root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_fails_the_sink_and_keeps_the_file_readable(small_disk):
    file = small_disk / "records.jsonl"
    said, added = _fill(file, None)
    assert file.stat().st_size > 200_000
    _assert_full(file, said, added)
    assert "No space left on device" in said[0]


def test_file_size_limits_are_as_these_tests_assume():
    """Python ignores SIGXFSZ, so that a write beyond the limit is an error and not the end of the process."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert os.name == "posix"
