"""Sandbox: where programs written by models are run, and nowhere else.

The contract: a `Program` with its limits goes in, a `Result` comes out, whatever the program does. A program that
fork-bombs, fills memory or disk, opens sockets or never ends is contained and scored as failed; a sandbox that itself
does not work raises `SandboxError` and is never mistaken for a program that failed.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import msgspec

MIB = 2**20
Status: TypeAlias = Literal["passed", "failed", "timeout"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one program may use. Counts are per program, sizes in bytes."""

    wall_s: float = 3.0
    """From the first line of the program to its last; starting the sandbox is not counted. 3 s: openai/human-eval."""
    memory_bytes: int = 1024 * MIB
    """Address space of each process, and resident memory of all of them together."""
    processes: int = 32
    """Processes and threads at one time, the program's own included."""
    file_bytes: int = 16 * MIB
    """Of each file written."""
    disk_bytes: int = 64 * MIB
    """Of all files together: the home folder, which is /tmp, is memory and goes away with the program."""
    open_files: int = 64


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """Python source that has passed when it has run to its end without an exception; tests are part of it."""

    source: str
    limits: Limits = Limits()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a program."""

    status: Status
    detail: str = ""
    """Why not: the exception, the signal, or the limit that was met. Text of the program's, so escape it."""
    seconds: float = 0.0


class Sandbox(Protocol):
    async def check(self) -> None:
        """Run a harmless program. Raises SandboxError with the remedy when that does not work."""

    async def run(self, program: Program) -> Result:
        """Run it and wait for its end. At most as many run at once as there are cores; the others wait."""
