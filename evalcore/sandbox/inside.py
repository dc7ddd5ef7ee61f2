"""The first process inside a sandbox: takes its orders on stdin, gives up every right, runs the program, reports.

Handed to the interpreter as text (`python -I -c`), so it imports nothing but the standard library. The report goes to a
copy of stdout and carries a token that the program is not told; a program that ends early by `os._exit(0)` therefore
has not passed. A program bent on finding the token in this interpreter's memory can: the sandbox protects the machine
from the program, the token protects the score from accidents, and neither is a proof against a cheat.
"""

from __future__ import annotations

import json
import os
import resource
import sys


def main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    report_to = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # a program that asks for input gets an end of file, and what it prints is not kept
        os.dup2(nowhere, standard)
    os.chdir("/tmp")
    limit(order["limits"])
    if order["user"] is not None:  # started by root: become a user of no account, which also drops every capability
        os.setgroups([])
        os.setresgid(order["user"], order["user"], order["user"])
        os.setresuid(order["user"], order["user"], order["user"])
    token: str = order["token"]
    os.write(report_to, f"{token} began\n".encode())
    verdict = outcome(order["source"])
    os.write(report_to, f"{token} {verdict}\n".encode("utf-8", "backslashreplace"))
    os._exit(0)  # threads that the program left behind end here


def limit(limits: dict[str, int | None]) -> None:
    """Hard limits: they can be lowered from here on, never raised. None leaves one to the sandbox."""
    for which, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
    ):
        if most is not None:
            resource.setrlimit(which, (most, most))


def outcome(source: str) -> str:
    """`passed`, or `failed` with the exception. Globals start empty as in openai/human-eval: `__name__` is not main."""
    try:
        exec(compile(source, "<program>", "exec"), {})
    except BaseException as fault:  # SystemExit and KeyboardInterrupt too: the end was not reached
        try:
            told = f"{type(fault).__name__}: {fault}"
        except BaseException:  # an exception whose text raises
            told = type(fault).__name__
        return "failed " + " ".join(told.split())[:300]
    return "passed"


if __name__ == "__main__":
    main()
