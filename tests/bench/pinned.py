"""Server and client on a core each, and the client's word for it as JSON."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.truthd import REPOSITORY, Truthd, build_truthd, running_truthd, why_not


def cores() -> tuple[int | None, int | None]:
    """(server's, client's); None where there are no two."""
    have = sorted(os.sched_getaffinity(0))
    return (have[0], have[1]) if len(have) > 1 else (None, None)


@contextmanager
def server() -> Iterator[Truthd]:
    """A truthd on its core. Exits with the reason where it cannot be built."""
    if reason := why_not():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as folder, running_truthd(build_truthd(Path(folder)), core=cores()[0]) as truthd:
        yield truthd


def client(module: str, arguments: Sequence[str], timeout_s: float = 300.0) -> tuple[Any, int, str]:
    """Run `python -m module` on the client's core; its stdout as JSON, its exit status, its stderr."""
    core = cores()[1]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, timeout=timeout_s, cwd=REPOSITORY, check=False,
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    try:
        said = orjson.loads(done.stdout)
    except orjson.JSONDecodeError:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr.decode()[-2000:]}") from None
    return said, done.returncode, done.stderr.decode()
