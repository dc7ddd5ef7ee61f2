"""Process: one job's process, from its files to how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from evalcore.service.settings import TOKEN_VARIABLE
from perfbench.live.base import PROGRESS_FILE

TASK, LOG, PROGRESS, RESULT = "task.yaml", "log", "progress.jsonl", "result.json"
LONGEST_ERROR = 4000
"""Characters of what a command said went wrong."""
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


class JobProcess:
    """A process that runs, in a session of its own: a Ctrl-C at the service's terminal is for the service."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid
        self.started = started_of(process.pid)
        self.told = 0
        """Times it was told to stop."""

    @classmethod
    async def start(cls, files: JobFiles, words: list[str], secrets: Mapping[str, str]) -> JobProcess:
        """Raises OSError when no process can be had."""
        environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
        environment |= {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TERM": "dumb",
            PROGRESS_FILE: str(files.progress), **secrets,
        }  # fmt: skip
        files.progress.unlink(missing_ok=True)
        with files.result.open("wb") as result, files.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "evalcore.service.child", str(os.getpid()), *words,
                stdin=asyncio.subprocess.DEVNULL, stdout=result, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip
        return cls(process)

    async def wait(self) -> int:
        """The exit code; negative: the signal that killed it."""
        return await self._process.wait()

    def interrupt(self) -> None:
        """As Ctrl-C: once, it stops and keeps what is finished; twice, it leaves at once."""
        self.told += 1
        if self._process.returncode is None:
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
