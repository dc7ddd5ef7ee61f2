"""The program of a math helper process: reads one comparison a line, answers each with one byte and a line end.

Comparing formulas can take for ever or all memory. So each comparison runs under an interval timer of CPU time whose
signal has its default action: the kernel ends the process, even within one long operation on integers, and however
busy the machine is. `evalcore.scoring.mathpool` starts these processes, and starts another when one is gone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

MEMORY_BYTES = 2 << 30
SAME, DIFFERENT, READY = b"1", b"0", b"r"


def main(limit_s: float) -> None:
    """Until standard input ends. Standard output speaks the protocol, so whatever libraries print goes nowhere."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    ways = {"verify": _verified, "simplify": _simplified}
    for way in ways.values():
        way("\\frac{1}{2}", "x+0.5")  # what is imported or built at first use is not on anybody's time
    replies.write(READY + b"\n")
    for line in sys.stdin.buffer:
        how, gold, answer = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        try:
            same = ways[how](gold, answer)
        except (Exception, RecursionError, MemoryError):  # no formula, or none that can be compared
            same = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write((SAME if same else DIFFERENT) + b"\n")


def _verified(gold: str, answer: str) -> bool:
    from math_verify import parse, verify

    # Its own time limits are signals of the main thread that can be missed; ours is around all of it.
    known, said = (parse(f"${text}$", parsing_timeout=None) for text in (gold, answer))
    return bool(verify(known, said, timeout_seconds=None))


def _simplified(gold: str, answer: str) -> bool:
    import sympy
    from sympy.parsing.latex import parse_latex

    return bool(sympy.simplify(parse_latex(answer) - parse_latex(gold)) == 0)
