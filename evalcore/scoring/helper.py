"""The loop of a helper process: reads one question a line, answers each with one line.

What a text makes of a comparison or a check can take for ever or all memory. So each question is answered under an
interval timer of CPU time whose signal has its default action: the kernel ends the process, even within one long
operation, and however busy the machine is. `evalcore.scoring.helpers` starts these processes, and starts another when
one is gone.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable

MEMORY_BYTES = 2 << 30
READY = b"r"


def serve(answer: Callable[[bytes], bytes], limit_s: float) -> None:
    """Until standard input ends. Standard output speaks the protocol, so whatever libraries print goes nowhere.

    `answer` gets a line and gives one without a line end; it does not raise. What it imports at first use should have
    been imported before: that is on nobody's time.
    """
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    replies.write(READY + b"\n")
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        reply = answer(line)
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(reply + b"\n")
