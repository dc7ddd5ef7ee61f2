"""Watch: how much memory a tree of processes holds together.

The kernel limits each process; sixteen of them may still take sixteen times as much, so what they hold together is
looked at from outside while they run. Linux only, as the sandbox is.
"""

from __future__ import annotations

import os
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


def resident_bytes(pid: int) -> int:
    """Private resident memory of `pid` and all that descends from it; what has ended by now counts nothing."""
    total, waiting = 0, [pid]
    while waiting:
        current = waiting.pop()
        waiting += children(current)
        try:
            _, resident, shared, *_ = (PROC / str(current) / "statm").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += (int(resident) - int(shared)) * PAGE_BYTES
    return total


def children(pid: int) -> list[int]:
    """Processes that `pid` started, by any of its threads; none when it has ended."""
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
