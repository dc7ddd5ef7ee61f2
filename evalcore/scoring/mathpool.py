"""Helper processes that compare formulas, with a time limit that holds in any thread.

`ask` may be called from several threads at once, never from an event loop: it waits. A process that takes too long,
or dies, is replaced, and the comparison counts as not the same, with the reason beside it. Helpers start when they are
first needed, are shared by the whole process, and end with it (their standard input does).
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import queue
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache

from evalcore.errors import TaskError
from evalcore.scoring.mathworker import READY, SAME

LIMIT_S = 5.0
"""CPU seconds for one comparison, the limit of lm-evaluation-harness's minerva_math, there of wall time."""
_WALL_S = 60.0  # a last resort, generous because a busy machine must not change a score
_START_S = 120.0
_PROGRAM = "import sys; sys.path[:] = {path!r}; from evalcore.scoring.mathworker import main; main({limit_s!r})"


@dataclass(frozen=True, slots=True)
class Reply:
    same: bool
    gave_up: str = ""
    """Why there was no verdict: "time limit", or that the helper died (memory, depth); empty: there is one."""


class GaveUp(Exception):
    """No verdict came; the helper has to be replaced."""


@lru_cache(maxsize=1)
def require_math() -> None:
    """Raises TaskError naming the extra when Math-Verify or sympy is not installed."""
    for package in ("math_verify", "sympy", "antlr4"):
        if not _installed(package):
            raise TaskError(
                f"comparing formulas needs the package {package}, which is not installed; "
                "install the extra `math` (pip install 'perfbench[math]')"
            )


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # its place among the modules was taken by something that is none
        return False


def ask(how: str, gold: str, answer: str) -> Reply:
    """Whether the two are the same, `how` one of mathworker's ways. Blocks until there is a verdict, or none."""
    try:
        return Reply(_verdict(os.getpid(), how, gold, answer))
    except GaveUp as reason:
        return Reply(False, str(reason))


@lru_cache(maxsize=20_000)  # several samples of one question mostly end in the same answer
def _verdict(pid: int, how: str, gold: str, answer: str) -> bool:
    return _pool(pid).ask(how, gold, answer)


@lru_cache(maxsize=1)
def _pool(pid: int) -> MathPool:
    """By process id, so that a forked process never talks to its parent's helpers."""
    pool = MathPool(size=max(1, min(8, os.cpu_count() or 1)))
    atexit.register(pool.close)
    return pool


class MathPool:
    """At most `size` helpers; whoever asks takes a free one, or waits for one."""

    def __init__(self, size: int, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._free: queue.LifoQueue[_Helper | None] = queue.LifoQueue()
        self._size = size
        for _ in range(size):
            self._free.put(None)

    def ask(self, how: str, gold: str, answer: str) -> bool:
        """Raises GaveUp when there was no verdict."""
        helper = self._free.get()
        try:
            helper = helper or _Helper(self._limit_s)
            return helper.ask(how, gold, answer)
        except BaseException:  # also an interrupt: half a conversation cannot be taken up again
            if helper is not None:
                helper.kill()
            helper = None
            raise
        finally:
            self._free.put(helper)

    def pids(self) -> list[int]:
        """Process ids of the helpers that are free now."""
        return [helper.pid for helper in list(self._free.queue) if helper is not None]

    def close(self) -> None:
        """Ends the helpers that are free; one that is busy ends with its standard input."""
        for _ in range(self._size):
            try:
                helper = self._free.get_nowait()
            except queue.Empty:
                return
            if helper is not None:
                helper.kill()


class _Helper:
    def __init__(self, limit_s: float) -> None:
        program = _PROGRAM.format(path=sys.path, limit_s=limit_s)
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if self._line(_START_S) != READY:
            self.kill()
            raise TaskError(
                "the helper process that compares formulas did not start; `python -c 'import math_verify, antlr4'` "
                "says why, and pip install 'perfbench[math]' installs what fits"
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, how: str, gold: str, answer: str) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([how, gold, answer]).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise GaveUp("the helper died") from None
        line = self._line(_WALL_S)
        if line is None:
            raise GaveUp("time limit")
        if not line:
            by_timer = self._process.wait() == -signal.SIGPROF
            raise GaveUp("time limit" if by_timer else "the helper died")
        return line == SAME

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was still to be written has nobody to read it
                pipe.close()

    def _line(self, within_s: float) -> bytes | None:
        """What the helper says, without the line end; empty when it has ended; None when it says nothing in time."""
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        line, until_s = b"", time.monotonic() + within_s
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, until_s - time.monotonic()) * 1000):
                return None
            read = os.read(self._process.stdout.fileno(), 64)
            if not read:
                return b""
            line += read
        return line.strip()
