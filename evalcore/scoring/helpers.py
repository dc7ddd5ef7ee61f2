"""Helper processes for scoring that a text may make slow, with a time limit that holds in any thread.

`ask` may be called from several threads at once, never from an event loop: it waits. A process that takes too long,
or dies, is replaced, and whoever asked is told that there is no answer. Helpers start when they are first needed and
end when their standard input does.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import time

from evalcore.errors import TaskError
from evalcore.scoring.helper import READY

_WALL_S = 60.0  # a last resort, generous because a busy machine must not change a score
_START_S = 120.0
_PROGRAM = "import sys; sys.path[:] = {path!r}; from {module} import main; main({limit_s!r})"


class GaveUp(Exception):
    """No answer came ("time limit", or that the helper died of memory or depth); the helper has to be replaced."""


class HelperPool:
    """At most `size` helpers; whoever asks takes a free one, or waits for one.

    `module` has a `main(limit_s)` that calls `helper.serve`; `limit_s` is CPU seconds for one question. `remedy` is
    told when a helper does not start.
    """

    def __init__(self, module: str, size: int, limit_s: float, remedy: str) -> None:
        self._program = _PROGRAM.format(path=sys.path, module=module, limit_s=limit_s)
        self._wall_s = _WALL_S + limit_s
        self._remedy = remedy
        self._free: queue.LifoQueue[_Helper | None] = queue.LifoQueue()
        self._size = size
        for _ in range(size):
            self._free.put(None)

    def ask_line(self, question: bytes) -> bytes:
        """The answer to one line; neither has a line end. Raises GaveUp when there is none."""
        helper = self._free.get()
        try:
            helper = helper or _Helper(self._program, self._wall_s, self._remedy)
            return helper.ask(question)
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


def pool_size() -> int:
    return max(1, min(8, os.cpu_count() or 1))


class _Helper:
    def __init__(self, program: str, wall_s: float, remedy: str) -> None:
        self._wall_s = wall_s
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if self._line(_START_S) != READY:
            self.kill()
            raise TaskError(f"a helper process of scoring did not start; {remedy}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, question: bytes) -> bytes:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise GaveUp("the helper died") from None
        line = self._line(self._wall_s)
        if line is None:
            raise GaveUp("time limit")
        if not line:
            by_timer = self._process.wait() == -signal.SIGPROF
            raise GaveUp("time limit" if by_timer else "the helper died")
        return line

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
            read = os.read(self._process.stdout.fileno(), 1 << 16)
            if not read:
                return b""
            line += read
        return line.strip()
