"""Bubblewrap: programs run in Linux namespaces of their own (containers/bubblewrap), as a user without any right.

Inside there is a read-only /usr and interpreter, an empty /tmp in memory of limited size as home, and nothing else: no
network but an unconnected loopback, no /proc, no /etc, no home folder, no other process. Limits per process are the
kernel's (setrlimit); the memory of all together is watched from here; the wall clock ends everything at once, because
the first process of a namespace takes all others with it.

Started by an ordinary user it needs user namespaces. Started by root it uses none: the program becomes a numbered user
of no account, another one for each place, so that the limit of processes counts this program's only.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evalcore.errors import SandboxError
from evalcore.sandbox.base import MIB, Limits, Program, Result
from evalcore.sandbox.seccomp import filter_program
from evalcore.sandbox.talk import INSIDE, PROBE, STATUSES, begun, order, verdict
from evalcore.sandbox.watch import children, resident_bytes

INSTALL = "apt-get install bubblewrap (or the package of that name elsewhere)"
PERMIT = (
    "inside a container it needs the right to make namespaces: docker run --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --cap-add SYS_ADMIN, or run the evaluation outside of it"
)
FIRST_USER = 61_184  # 61184-65519 is the block that systemd sets aside for users that exist only while a service runs
USERS = 4_096
START_S = 30.0  # a sandbox takes some 30 ms to start; a machine that needs this long is out of order
LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The sandbox of the system's `bwrap`."""

    at_once: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """A program that waits for a core would time out through no fault of its own."""
    bwrap: str = "bwrap"
    places: asyncio.Semaphore = field(init=False, repr=False, compare=False)
    users: itertools.cycle[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", asyncio.Semaphore(self.at_once))
        # Two runs of evalcore at one time should not share the same numbers.
        first = os.getpid() * self.at_once % USERS
        numbers = [FIRST_USER + (first + place) % USERS for place in range(USERS)]
        object.__setattr__(self, "users", itertools.cycle(numbers))

    async def check(self) -> None:
        result = await self.run(PROBE)
        if result.status != "passed":
            raise SandboxError(f"a harmless program did not pass in the sandbox ({result.detail}); {PERMIT}")

    async def run(self, program: Program) -> Result:
        found = shutil.which(self.bwrap)
        if found is None:
            raise SandboxError(
                f"model-written programs run only in a sandbox, and {self.bwrap!r} is not here: {INSTALL}"
            )
        async with self.places:
            user = next(self.users) if os.geteuid() == 0 else None
            return await _run([found, *wrapping(program.limits, user is None)], program, user)


def wrapping(limits: Limits, own_users: bool) -> list[str]:
    """The arguments of bwrap: what is visible inside, and that nothing else is."""
    return [
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *(("--unshare-user", "--uid", "65534", "--gid", "65534", "--disable-userns") if own_users else ()),
        *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"),
        *("--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8"),
        *_system(),
        *("--dev", "/dev", "--perms", "1777", "--size", str(limits.file_bytes), "--tmpfs", "/dev/shm"),
        *("--remount-ro", "/dev", "--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", "/tmp"),
        *("--remount-ro", "/"),
        *(os.path.realpath(sys.executable), "-I", "-c", INSIDE.read_text()),
    ]


def _system() -> list[str]:
    """Read-only /usr, the folders that older layouts keep beside it, and the interpreter's own tree."""
    mounts = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib32", "lib64"):
        beside = Path("/", name)
        if beside.is_symlink():
            mounts += ["--symlink", str(beside.readlink()), str(beside)]
        elif beside.is_dir():
            mounts += ["--ro-bind", str(beside), str(beside)]
    base = os.path.realpath(sys.base_prefix)
    if base == "/usr" or base.startswith("/usr/"):
        return mounts
    for parent in reversed(Path(base).parents[:-1]):  # those that bwrap makes by itself only its owner may enter
        mounts += ["--perms", "0755", "--dir", str(parent)]
    return [*mounts, "--ro-bind", base, base]


async def _run(command: list[str], program: Program, user: int | None) -> Result:
    token = secrets.token_hex(16)
    with _filter() as (arguments, inherited):
        process = await asyncio.create_subprocess_exec(
            *(command[0], *arguments, *command[1:]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=inherited,
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what went wrong is asked for just below
            process.stdin.write(order(program, token, user=user, count_processes=True))
            await process.stdin.drain()
            process.stdin.close()
        await begun(process, token, START_S, PERMIT)
        return await _outcome(process, program.limits, token)
    finally:
        _end(process)
        await process.communicate()  # drains the pipes too: some loops call a process ended only after them


@contextlib.contextmanager
def _filter() -> Iterator[tuple[list[str], list[int]]]:
    """The filter of system calls as arguments, and the file that bwrap reads it from."""
    refusals = filter_program()
    if refusals is None:
        yield [], []
        return
    with os.fdopen(os.memfd_create("seccomp"), "w+b") as file:
        file.write(refusals)
        file.seek(0)  # flushes too
        yield ["--seccomp", str(file.fileno())], [file.fileno()]


async def _outcome(process: asyncio.subprocess.Process, limits: Limits, token: str) -> Result:
    assert process.stdout is not None
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as watching:
        watch = watching.create_task(_hold_to(process, limits.memory_bytes))
        try:
            async with asyncio.timeout(limits.wall_s):
                said = await verdict(process.stdout, token)
                status = await process.wait() if said is None else 0
        except TimeoutError:
            said, status = f"timeout still running after {limits.wall_s:g} s", 0
        finally:
            overfull = watch.done()
            watch.cancel()
    if said is None:
        why = f"{limits.memory_bytes // MIB} MiB are not enough" if overfull else f"exit status {status}"
        said = f"failed ended before its last line: {why}"
    word, _, detail = said.partition(" ")
    return Result(status=STATUSES[word], detail=detail, seconds=time.monotonic() - began_s)


async def _hold_to(process: asyncio.subprocess.Process, memory_bytes: int) -> None:
    """Return, and end the process, once it and its children together hold more than that."""
    while resident_bytes(process.pid) <= memory_bytes:  # noqa: ASYNC110 - the kernel sends no event for it
        await asyncio.sleep(LOOK_EVERY_S)
    _end(process)


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the first process of the namespace, so that bwrap outside buries them all; failing that, bwrap itself."""
    if process.returncode is None:
        inner = children(process.pid)
        with contextlib.suppress(ProcessLookupError):
            for pid in inner or [process.pid]:
                os.kill(pid, signal.SIGKILL)
