"""Seccomp: system calls that a program inside the sandbox has no honest use for, as a filter that bwrap loads.

The other walls leave two gaps. A program may make a user namespace of its own, be its root, and mount memory that no
limit counts; and System V shared memory is held by no process, so watching processes misses it. Both end here, with
the calls that have been ways out of sandboxes before. A filter is classic BPF: see the kernel's
Documentation/userspace-api/seccomp_filter.rst; numbers are those of its system call tables.
"""

from __future__ import annotations

import errno
import platform
import struct

REFUSED: dict[str, tuple[int, int]] = {  # numbers on x86_64, aarch64
    "add_key": (248, 217),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "msgget": (68, 186),
    "perf_event_open": (298, 241),
    "pivot_root": (155, 41),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "setns": (308, 268),
    "shmget": (29, 194),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
CLONE = (56, 220)
CLONE3 = 435
CLONE_NEWUSER = 0x10000000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_*
X32 = 0x40000000

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCH_AT, FIRST_ARGUMENT_AT = 0, 4, 16
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000


def filter_program(machine: str = platform.machine()) -> bytes | None:
    """The filter for bwrap's --seccomp; None on machines whose numbers are not known here."""
    if machine not in MACHINES:
        return None
    column, architecture = MACHINES[machine]
    steps = [
        _step(LOAD, ARCH_AT),
        _step(EQUAL, architecture, 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER_AT),
        _step(AT_LEAST, X32, 0, 1),  # the x32 numbers would be a second door to the same calls
        _step(RETURN, KILL),
    ]
    for numbers in REFUSED.values():
        steps += [_step(EQUAL, numbers[column], 0, 1), _step(RETURN, REFUSE | errno.EPERM)]
    # Flags of clone3 stand in memory where no filter can look; without it the C library takes clone.
    steps += [_step(EQUAL, CLONE3, 0, 1), _step(RETURN, REFUSE | errno.ENOSYS)]
    steps += [
        _step(EQUAL, CLONE[column], 0, 3),
        _step(LOAD, FIRST_ARGUMENT_AT),
        _step(ANY_BIT, CLONE_NEWUSER, 0, 1),
        _step(RETURN, REFUSE | errno.EPERM),
        _step(RETURN, ALLOW),
    ]
    return b"".join(steps)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction; the last two say how many to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
