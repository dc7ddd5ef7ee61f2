"""Talk: what is said between us and the first process inside a sandbox (inside.py), whatever the sandbox is.

One order goes in on stdin. Out on stdout come a line when the program begins and one when it is over, each behind a
token that the program is not told; whatever else comes out is noise.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson

from evalcore.errors import SandboxError
from evalcore.sandbox.base import Program, Status

INSIDE = Path(__file__).with_name("inside.py")
STATUSES: dict[str, Status] = {"passed": "passed", "failed": "failed", "timeout": "timeout"}
PROBE = Program(source="import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()\nopen('/tmp/probe', 'w').write('x')")
"""A harmless program that needs what the others may have: a process, a file."""


def order(program: Program, token: str, *, user: int | None, count_processes: bool) -> bytes:
    """What inside.py reads. `user` is who it is to become, None: stay who it is. `count_processes` False leaves their
    number to the sandbox, for the kernel's own limit counts those of a user and not those of a sandbox."""
    limits = program.limits
    allowed = {name: getattr(limits, name) for name in ("memory_bytes", "file_bytes", "open_files", "processes")}
    # Each process; several together may use more, and the wall clock ends them all.
    allowed["cpu_s"] = int(limits.wall_s) + 1
    if not count_processes:
        allowed["processes"] = None
    # Lone surrogates, which JSON from a server can hold, are not text: the program gets a question mark for them.
    source = program.source.encode("utf-8", "replace").decode()
    return orjson.dumps({"source": source, "token": token, "user": user, "limits": allowed})


async def begun(process: asyncio.subprocess.Process, token: str, within_s: float, remedy: str) -> None:
    """Return at the instant at which the program starts. Raises SandboxError if it never does."""
    assert process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.timeout(within_s):
            if await process.stdout.readline() == f"{token} began\n".encode():
                return
            complaint = (await process.stderr.read()).decode(errors="replace").strip()
    except TimeoutError:
        complaint = f"it had not started after {within_s:.0f} s"
    raise SandboxError(f"the sandbox does not start: {complaint[-500:] or 'it says nothing'}; {remedy}")


async def verdict(report: asyncio.StreamReader, token: str) -> str | None:
    """What the first process says after the token, None if it ends without a word. All else is the program's noise."""
    mark = f"{token} ".encode()
    while True:
        try:
            line = await report.readline()
        except ValueError:  # a line longer than any report
            continue
        if line.startswith(mark):
            return line[len(mark) :].decode(errors="replace").rstrip("\n")
        if not line:
            return None
