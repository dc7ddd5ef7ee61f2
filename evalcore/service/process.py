"""Process: one job's process, from its files to how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from evalcore.service.settings import TOKEN_VARIABLE
from perfbench.live.base import PROGRESS_FILE

TASK, LOG, PROGRESS, RESULT = "task.yaml", "log", "progress.jsonl", "result.json"
LONGEST_ERROR = 4000
"""Characters of what a command said went wrong."""
NICENESS = 10
END_BYTES = 1 << 16
FIGURES, START = b'{"event":"figures"', b'{"event":"start"'
Commands: TypeAlias = Callable[[str, str, Path, str | None], list[str]]
"""What a job of that kind and form executes; for a test, something quicker."""


@dataclass(frozen=True, slots=True)
class JobFiles:
    """The folder of a job, in the state of the service. Its name is made by us."""

    folder: Path

    @property
    def task(self) -> Path:
        return self.folder / TASK

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def progress(self) -> Path:
        return self.folder / PROGRESS

    @property
    def result(self) -> Path:
        return self.folder / RESULT

    def error(self) -> str:
        """What the command said last, if it said what was wrong."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 4 * LONGEST_ERROR))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return ""
        lines = text.splitlines()
        for number in range(len(lines) - 1, -1, -1):
            if lines[number].startswith(("evalcore: ", "perfbench: ")):
                return "\n".join(lines[number:])[:LONGEST_ERROR].partition(": ")[2]
        return ""

    def printed(self) -> dict[str, Any] | None:
        """The JSON that the command has printed; None while it runs, and where it failed."""
        try:
            found = orjson.loads(self.result.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        return found if isinstance(found, dict) else None

    def last_figures(self) -> dict[str, Any] | None:
        """The last line of figures, from the end of the file."""
        try:
            with self.progress.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - END_BYTES))
                lines = file.read().split(b"\n")
        except OSError:
            return None
        for line in reversed(lines):
            if line.startswith(FIGURES):
                found: dict[str, Any] = orjson.loads(line)
                return found
        return None


class Tail:
    """What a progress file says, read as it grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0
        self.figures: dict[str, Any] | None = None
        self.folder: str | None = None
        self.model = ""
        """That the endpoint named, where the body named none."""
        self.begun = 0
        """Runs of a sweep or a series that have begun."""

    def read(self) -> bool:
        """Take what is new; whether there was anything."""
        lines, self._at = whole_lines(self._file, self._at)
        for line in lines:
            if line.startswith(FIGURES):
                self.figures = orjson.loads(line)
                assert self.figures is not None
                self.folder = self.figures.get("folder") or self.folder
            elif line.startswith(START):
                self.begun += 1
                start = orjson.loads(line)
                self.folder, self.model = start.get("folder") or self.folder, start.get("model") or self.model
        return bool(lines)


def whole_lines(file: Path, at: int, most_bytes: int = 1 << 20) -> tuple[list[bytes], int]:
    """(the whole lines from that byte on, some of them if they are many; the byte after them)."""
    try:
        with file.open("rb") as source:
            source.seek(at)
            data = source.read(most_bytes)
    except OSError:
        return [], at
    whole = data.rfind(b"\n") + 1
    return data[:whole].splitlines(), at + whole


def command_of(kind: str, form: str, files: Path, resume: str | None) -> list[str]:
    """What is executed. `resume`: the run folder to go on with."""
    if kind == "eval":
        going_on = [] if resume is None else ["--use-cache", resume]
        return ["evalcore", "run", str(files / TASK), "--json", *going_on]
    if form == "sweep":
        what = [str(files / TASK)] if resume is None else ["--resume", resume]
        return ["perfbench", "sweep", *what, "--json", "--no-live"]
    return ["perfbench", "run", str(files / TASK), "--json", "--no-live"]


class Launcher:
    """Starts processes from a thread of its own, which keeps the priority that the service was started with.

    The service itself gives way to load tests (`give_way`), and what a thread starts inherits its priority.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="launcher")
        self._thread.submit(os.getpid).result()  # so that it is there before anything gives way

    async def start(self, words: list[str], **more: Any) -> subprocess.Popen[bytes]:
        def begin() -> subprocess.Popen[bytes]:
            return subprocess.Popen(words, **more)

        return await asyncio.get_running_loop().run_in_executor(self._thread, begin)

    def close(self) -> None:
        self._thread.shutdown()


def give_way() -> None:
    """Lower the priority of this thread, and of those that it starts; where threads have one of their own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class JobProcess:
    """A process that runs, in a session of its own: a Ctrl-C at the service's terminal is for the service."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        self.started = started_of(process.pid)
        self.told = 0
        """Times it was told to stop."""
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._wait, args=(asyncio.get_running_loop(),), daemon=True).start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self._process.wait()
        if self._process.stdin is not None:  # held open for as long as there is somebody to be told of our end
            self._process.stdin.close()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended.set_result, code)

    @classmethod
    async def start(
        cls, launcher: Launcher, files: JobFiles, words: list[str], secrets: Mapping[str, str]
    ) -> JobProcess:  # fmt: skip
        """Raises OSError when no process can be had."""
        environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
        environment |= {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TERM": "dumb",
            PROGRESS_FILE: str(files.progress), **secrets,
        }  # fmt: skip
        files.progress.unlink(missing_ok=True)
        with files.result.open("wb") as result, files.log.open("ab") as log:
            command = [sys.executable, "-P", "-m", "evalcore.service.child", *words]
            process = await launcher.start(
                command, stdin=subprocess.PIPE, stdout=result, stderr=log, env=environment, start_new_session=True
            )
        return cls(process)

    async def wait(self) -> int:
        """The exit code; negative: the signal that killed it."""
        return await self._ended

    def interrupt(self) -> None:
        """As Ctrl-C: once, it stops and keeps what is finished; twice, it leaves at once."""
        self.told += 1
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        kill_group(self.pid)


def kill_group(pid: int) -> None:
    """A process of ours and all that it has started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def started_of(pid: int) -> str | None:
    """When the kernel started that process, in its own ticks; None where it does not say, or there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    after_name = text.rpartition(")")[2].split()
    return None if after_name[0] == "Z" else after_name[19]


def is_ours(pid: int | None, started: str | None) -> bool:
    """Whether the process that was started as `pid` is still there."""
    return pid is not None and started is not None and started_of(pid) == started
