"""Engine processes: real ones, that work, fail, die, are halted, or lose their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfbench.engine.errors import ExitCode
from perfbench.engine.workers import WorkerEnd, Workers

PATIENCE_S = 60.0


def workers(entry: str, count: int = 2, payload: bytes = b"", on_progress: Any = lambda *_: None) -> Workers:
    return Workers(f"tests.engine.worker_entries:{entry}", payload, count, on_progress)


class Progress:
    """What the children said, and a way to wait until they all have."""

    def __init__(self) -> None:
        self.said: list[tuple[int, bytes]] = []
        self._more = asyncio.Event()

    def __call__(self, index: int, payload: bytes) -> None:
        self.said.append((index, payload))
        self._more.set()

    async def until(self, count: int) -> None:
        while len(self.said) < count:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), PATIENCE_S)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], object], what: str) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain until {what}"
        await asyncio.sleep(0.01)


async def run_to_the_end(entry: str, count: int = 2, payload: bytes = b"") -> tuple[list[WorkerEnd], Progress]:
    progress = Progress()
    async with workers(entry, count, payload, progress) as started:
        await started.ready()
        started.go(4711)
        return await asyncio.wait_for(started.ends(), PATIENCE_S), progress


async def test_every_child_knows_its_share_gets_the_word_and_answers():
    ends, progress = await run_to_the_end("echo", 3, b"job")
    assert [end.result for end in ends] == [b"%d 4711 job" % index for index in range(3)]
    assert [(end.index, end.error, end.exit_code) for end in ends] == [(index, "", 0) for index in range(3)]
    for index in range(3):
        said = [payload for worker, payload in progress.said if worker == index]
        assert said == [b"%d of 3: %d" % (index, number) for number in range(3)]


async def test_messages_of_any_size_arrive_whole_and_stray_prints_do_not_disturb_them():
    ends, progress = await run_to_the_end("chatty")
    assert [end.result for end in ends] == [b"x" * 3_000_000] * 2
    assert {len(payload) for _, payload in progress.said} == {200_000}
    for index in range(2):
        numbers = [payload[0] for worker, payload in progress.said if worker == index]
        assert numbers == sorted(numbers), "in order; some may be left out while the parent is behind"


async def test_a_child_that_raises_tells_where_and_the_others_finish():
    ends, _ = await run_to_the_end("one_raises", 3)
    assert [end.result for end in ends] == [b"fine", None, b"fine"]
    assert "ZeroDivisionError: a bug in worker 1" in ends[1].error
    assert "worker_entries.py" in ends[1].error
    assert ends[1].exit_code == ExitCode.BUG


async def test_an_error_of_the_user_arrives_as_its_message_and_not_as_a_traceback():
    ends, _ = await run_to_the_end("one_is_wrong")
    assert (ends[1].error, ends[1].exit_code) == ("prompts.txt: no such file", ExitCode.USAGE)
    assert ends[0].result == b"fine"


@pytest.mark.parametrize("when", [b"before ready", b"while it runs"])
async def test_a_child_that_is_killed_is_reported_and_the_others_finish(when):
    ends, _ = await run_to_the_end("one_is_killed", 3, when)
    assert [end.result for end in ends] == [b"fine", None, b"fine"]
    assert "worker 1 died (killed by SIGKILL)" in ends[1].error
    assert ends[1].exit_code == ExitCode.BUG


async def test_a_child_that_exits_without_a_word_is_reported():
    ends, _ = await run_to_the_end("without_input", 1)
    assert "worker 0 died (exit status 7)" in ends[0].error


async def test_halt_reaches_every_child_with_its_reason():
    progress = Progress()
    async with workers("until_halted", on_progress=progress) as started:
        await started.ready()
        started.go(0)
        await progress.until(2)
        started.halt("interrupted")
        started.halt("once more")
        ends = await asyncio.wait_for(started.ends(), PATIENCE_S)
    assert [end.result for end in ends] == [b"interrupted"] * 2


async def test_halt_before_go_ends_the_children_unstarted():
    async with workers("until_halted") as started:
        await started.ready()
        started.halt("interrupted")
        ends = await asyncio.wait_for(started.ends(), PATIENCE_S)
    assert [(end.result, end.exit_code) for end in ends] == [(None, ExitCode.INTERRUPTED)] * 2


async def test_halt_right_behind_go_is_heard():
    async with workers("until_halted") as started:
        await started.ready()
        started.go(0)
        started.halt("interrupted")
        ends = await asyncio.wait_for(started.ends(), PATIENCE_S)
    assert [end.result for end in ends] == [b"interrupted"] * 2


async def test_kill_ends_even_a_child_that_does_not_listen():
    progress = Progress()
    async with workers("stubborn", on_progress=progress) as started:
        await started.ready()
        started.go(0)
        await progress.until(2)
        started.halt("interrupted")
        started.kill()
        ends = await asyncio.wait_for(started.ends(), PATIENCE_S)
    assert ["killed by SIGKILL" in end.error for end in ends] == [True, True]


async def test_no_child_outlives_the_block():
    progress = Progress()
    with pytest.raises(ZeroDivisionError):
        async with workers("until_halted", on_progress=progress) as started:
            await started.ready()
            started.go(0)
            await progress.until(2)
            raise ZeroDivisionError
    pids = [int(payload) for _, payload in progress.said]
    assert not any(is_running(pid) for pid in pids)


async def test_a_failure_of_whoever_listens_does_not_leave_anybody_waiting():
    def broken(_index: int, _payload: bytes) -> None:
        raise ZeroDivisionError("a bug in the parent")

    async with workers("echo", on_progress=broken) as started:
        await asyncio.wait_for(started.ready(), PATIENCE_S)
        started.go(0)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(started.ends(), PATIENCE_S)


async def test_children_are_out_of_reach_of_the_terminal():
    progress = Progress()
    async with workers("until_halted", 1, on_progress=progress) as started:
        await started.ready()
        started.go(0)
        await progress.until(1)
        pid = int(progress.said[0][1])
        assert os.getsid(pid) != os.getsid(0)
        os.kill(pid, signal.SIGINT)
        await asyncio.sleep(0.1)
        assert is_running(pid)
        started.halt("interrupted")
        assert [end.result for end in await started.ends()] == [b"interrupted"]


async def test_modules_of_the_folder_it_runs_in_are_not_taken_for_pythons_own(tmp_path, monkeypatch):
    for name in ("random", "types", "queue", "msgspec"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not me')\n")
    monkeypatch.chdir(tmp_path)
    ends, _ = await run_to_the_end("echo", 1)
    assert ends[0].error == ""


_PARENT = """
import asyncio, sys
from perfbench.engine.workers import Workers

async def main():
    entry, payload = sys.argv[1], sys.argv[2].encode()
    async with Workers(entry, payload, 2, lambda _, pid: print(pid.decode(), flush=True)) as workers:
        await workers.ready()
        workers.go(0)
        await workers.ends()

asyncio.run(main())
"""


async def test_children_whose_parent_is_killed_stop_by_themselves(tmp_path):
    note = tmp_path / "reason"
    parent = subprocess.Popen(  # noqa: ASYNC220 (returns at once; the reading is in a thread)
        [sys.executable, "-c", _PARENT, "tests.engine.worker_entries:until_halted", str(note)],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    try:
        assert parent.stdout is not None
        pids = [int(await asyncio.to_thread(parent.stdout.readline)) for _ in range(2)]
        assert all(is_running(pid) for pid in pids)
    finally:
        parent.kill()
        parent.wait()
    await until(lambda: not any(is_running(pid) for pid in pids), "the orphans have stopped")
    assert note.read_text() == "orphaned"
