"""Docker: programs run in containers, by the command line of docker or podman, for machines where that is at hand and
bubblewrap is not.

A container for each program: no network, no capability, no way to get one, nothing writable but a small /tmp in memory,
a user of no account, and limits on memory, processes and files that the container's control group holds. It is killed
by its name when its time is up, for ending the client does not end the container. Starting one takes half a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from evalcore.errors import SandboxError
from evalcore.sandbox.base import MIB, Limits, Program, Result
from evalcore.sandbox.talk import INSIDE, PROBE, STATUSES, begun, order, verdict

COMMANDS = ("docker", "podman")
IMAGE = "python:3.11-slim"
NOBODY = "65534:65534"
START_S = 120.0  # a daemon on a busy machine takes seconds
ASK_S = 30.0
INSTALL = "install docker or podman, or take sandbox: bubblewrap"


@dataclass(frozen=True, slots=True)
class Docker:
    """The sandbox of a container engine. `command` None: docker, or podman where there is no docker."""

    image: str = IMAGE
    """Any image with `python3` in it."""
    command: str | None = None
    at_once: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    places: asyncio.Semaphore = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", asyncio.Semaphore(self.at_once))

    async def check(self) -> None:
        found = self._found()
        status, said = await _ask([found, "version", "--format", "{{.Server.Version}}"])
        if status != 0:
            raise SandboxError(
                f"{found} is here, but does not answer: {said}; start its daemon (systemctl start docker), "
                "and let this user talk to it (group docker)"
            )
        status, said = await _ask([found, "image", "inspect", "--format", "{{.Id}}", self.image])
        if status != 0:
            raise SandboxError(
                f"sandbox_image {self.image!r} is not on this machine: {said}; fetch it ({found} pull {self.image}), "
                "or name another one that has python3"
            )
        result = await self.run(PROBE)
        if result.status != "passed":
            raise SandboxError(
                f"a harmless program did not pass in a container of {self.image!r} ({result.detail}); "
                "name an image with python3 as sandbox_image"
            )

    async def run(self, program: Program) -> Result:
        found = self._found()
        async with self.places:
            name = f"evalcore-{secrets.token_hex(8)}"
            return await _run(found, name, [found, *container(self.image, name, program.limits)], program)

    def _found(self) -> str:
        for command in COMMANDS if self.command is None else (self.command,):
            found = shutil.which(command)
            if found is not None:
                return found
        wanted = " nor ".join(COMMANDS) if self.command is None else self.command
        raise SandboxError(f"model-written programs run only in a sandbox, and there is no {wanted} here: {INSTALL}")


def container(image: str, name: str, limits: Limits) -> list[str]:
    """The arguments of `docker run`: what the program gets, and that it gets nothing else."""
    return [
        *("run", "--rm", "--interactive", "--name", name, "--pull", "never", "--log-driver", "none"),
        *("--network", "none", "--hostname", "sandbox", "--ipc", "private", "--user", NOBODY),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"),
        # Without swap beyond it, or twice the memory could be had.
        *("--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)),
        *("--pids-limit", str(limits.processes), "--cpus", "1", "--shm-size", str(limits.file_bytes)),
        *("--ulimit", f"nofile={limits.open_files}:{limits.open_files}", "--ulimit", "core=0:0"),
        *("--tmpfs", f"/tmp:rw,nosuid,nodev,size={limits.disk_bytes},mode=1777", "--workdir", "/tmp"),
        *("--env", "HOME=/tmp", "--env", "LANG=C.UTF-8", "--entrypoint", "python3"),
        *(image, "-I", "-c", INSIDE.read_text()),
    ]


async def _run(command: str, name: str, arguments: Sequence[str], program: Program) -> Result:
    token = secrets.token_hex(16)
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    over = False
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what went wrong is asked for just below
            process.stdin.write(order(program, token, user=None, count_processes=False))
            await process.stdin.drain()
            process.stdin.close()
        await begun(process, token, START_S, "does `docker run` work here?")
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(program.limits.wall_s):
                said = await verdict(process.stdout, token)
                over = True
        except TimeoutError:
            said = f"timeout still running after {program.limits.wall_s:g} s"
        seconds = time.monotonic() - began_s
        if said is None:
            said = f"failed ended before its last line: {await _why(process, program.limits)}"
        word, _, detail = said.partition(" ")
        return Result(status=STATUSES[word], detail=detail, seconds=seconds)
    finally:
        if not over:
            await asyncio.shield(_kill(command, name))
        with contextlib.suppress(ProcessLookupError):
            process.kill()  # only the client; the container is gone, or ends with its first process
        await process.communicate()


async def _why(process: asyncio.subprocess.Process, limits: Limits) -> str:
    status = await process.wait()
    if status == 137:  # SIGKILL: the control group's answer to too much memory
        return f"killed; {limits.memory_bytes // MIB} MiB may not have been enough"
    return f"exit status {status}"


async def _kill(command: str, name: str) -> None:
    """End a container, and forget it. One that is gone already is fine."""
    for words in (("kill", name), ("rm", "--force", name)):
        await _ask([command, *words])


async def _ask(command: Sequence[str]) -> tuple[int, str]:
    """Exit status and what was said, the end of it. A command that hangs is ended, with status -1."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(ASK_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        return -1, f"no answer within {ASK_S:.0f} s"
    assert process.returncode is not None
    return process.returncode, " ".join(said.decode(errors="replace").split())[-300:] or "it says nothing"
