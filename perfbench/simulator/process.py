"""The simulator in a process of its own, so that it does not share a loop with the client that is measured.

The child reads its configuration from stdin (keys stay out of the process list), says on stdout where it listens, and
ends when stdin does: that is how it learns that the parent has ended it, or has died. Run as a module, this file is the
child. It is in a session of its own, so that Ctrl-C reaches the parent alone, which lets requests in flight finish.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
from types import TracebackType

from perfbench.engine.child import child_command, child_environment
from perfbench.engine.errors import PerfbenchError, ScenarioError
from perfbench.simulator.config import SimulatorConfig

START_LIMIT_S = 30.0  # importing takes half a second, on a busy machine several
STOP_LIMIT_S = 3.0


class SimulatorFailed(PerfbenchError):
    """The child did not come up, for no fault of the user's."""


class SimulatorProcess:
    """`with SimulatorProcess(config) as simulator: ... simulator.url`. Raises ScenarioError for what the user can mend.

    `__enter__` returns once requests are answered; `url` is "http://HOST:PORT/v1".
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._child: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("the simulator is not running")
        return self._child.pid

    def __enter__(self) -> SimulatorProcess:
        self._child = subprocess.Popen(
            child_command(__name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
            env=child_environment(),
        )  # fmt: skip
        try:
            self.url = self._await_ready(self._child)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, gently first. Returns when it is gone; may be called again."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None and child.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it had ended before it read everything
            child.stdin.close()
        for force in (None, child.terminate, child.kill):
            if force is not None:
                force()
            try:
                child.wait(STOP_LIMIT_S)
                break
            except subprocess.TimeoutExpired:
                continue
        child.stdout.close()

    def _await_ready(self, child: subprocess.Popen[bytes]) -> str:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(self._config.model_dump_json().encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            raise SimulatorFailed(
                "the simulator ended before it read its configuration; see its message above"
            ) from None
        readable, _, _ = select.select([child.stdout], [], [], START_LIMIT_S)
        if not readable:
            raise SimulatorFailed(f"the simulator did not come up within {START_LIMIT_S:g} s")
        line = child.stdout.readline()
        if not line:
            raise SimulatorFailed("the simulator ended before it listened; see its message above")
        answer: dict[str, str] = json.loads(line)
        if "error" in answer:
            raise ScenarioError(answer["error"])
        return answer["url"]


def _say(**fields: str) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _child_main() -> None:
    import asyncio
    import os

    import uvloop

    from perfbench.simulator.server import serve

    configured = b""
    while not configured.endswith(b"\n"):
        if not (more := os.read(0, 1 << 16)):
            return  # the parent died at once
        configured += more
    config = SimulatorConfig.model_validate_json(configured)

    async def until_stdin_ends() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def read_stdin() -> None:
            if not os.read(0, 1 << 16):
                ended.set()

        loop.add_reader(0, read_stdin)
        serving = asyncio.ensure_future(serve(config, lambda url: _say(url=url)))
        watching = asyncio.ensure_future(ended.wait())
        await asyncio.wait((serving, watching), return_when=asyncio.FIRST_COMPLETED)
        loop.remove_reader(0)
        watching.cancel()
        serving.cancel()
        await asyncio.gather(serving)

    try:
        uvloop.run(until_stdin_ends())
    except ScenarioError as error:
        _say(error=str(error))
    except asyncio.CancelledError:
        pass  # told to stop


if __name__ == "__main__":
    _child_main()
