"""truthd, the ground-truth endpoint, as tests use it: compile it, start it, read what truly happened.

Its source is no part of this project: `PERFBENCH_TRUTHD_SOURCE` names it, else `../shared/tools/truthd.c` beside the
checkout is taken. Tests that need it skip with a reason when there is neither source nor a C compiler.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
START_LIMIT_S = 20.0


def truthd_source() -> Path:
    named = os.environ.get("PERFBENCH_TRUTHD_SOURCE")
    return Path(named) if named else REPOSITORY.parent / "shared" / "tools" / "truthd.c"


def why_not() -> str | None:
    """Why truthd cannot be built here, or None when it can."""
    source = truthd_source()
    if not source.is_file():
        return f"truthd's source is not at {source}; PERFBENCH_TRUTHD_SOURCE names another place"
    if shutil.which("cc") is None:
        return "no C compiler (cc) to build truthd with"
    return None


def build_truthd(folder: Path) -> Path:
    binary = folder / "truthd"
    subprocess.run(["cc", "-O2", "-w", "-o", str(binary), str(truthd_source()), "-lm"], check=True)
    return binary


class Truthd:
    """A running truthd. All instants in its log are ns on the clock that `time.perf_counter_ns` reads."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> list[dict[str, Any]]:
        """One row a request, in arrival order: numbers as int, `outcome` as text ("open" while it runs)."""
        rows = csv.DictReader(io.StringIO(_fetch(f"{self.root}/log").decode()))
        return [{name: value if name == "outcome" else int(value) for name, value in row.items()} for row in rows]

    def reset(self) -> None:
        """Forget the log. Only between tests: a request in flight would lose its row."""
        _fetch(f"{self.root}/reset", b"")


@contextmanager
def running_truthd(
    binary: Path, *, core: int | None = None, key: str | None = None, seed: int | None = None
) -> Iterator[Truthd]:
    """Start one on a free port, pinned to a core if one is named; stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(binary), "--port", str(port)]
    command += ["--key", key] if key is not None else []
    command += ["--seed", str(seed)] if seed is not None else []
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        if core is not None:
            os.sched_setaffinity(process.pid, {core})
        _await_health(port, process)
        yield Truthd(port, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_health(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + START_LIMIT_S
    while True:
        try:
            _fetch(f"http://127.0.0.1:{port}/health")
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"truthd ended at once with status {process.returncode}") from None
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.01)


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the environment is not for loopback


def _fetch(url: str, data: bytes | None = None) -> bytes:
    with _direct.open(urllib.request.Request(url, data=data), timeout=10) as answer:
        body: bytes = answer.read()
        return body
