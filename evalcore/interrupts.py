"""Interrupts: what Ctrl-C does to a run. Once: it asks no more and concludes. Twice: the process is gone at once.

Nothing is lost by the second, for every answer is written when it comes. One handler serves all of a run, since between
two of them a signal would be lost. Outside the main thread Python hands out no signals, and none are taken.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perfbench.engine.errors import ExitCode

LEAVING = b"evalcore: interrupted; what was answered is kept, --use-cache goes on with it\n"
COMPUTING = b"the run is over and its reports are being computed; once more to leave at once\n"
TERMINAL = b"\x1b[?25h"  # a dashboard hides the cursor


class Interrupts:
    """What was heard so far, and who is to be told of the first."""

    def __init__(self) -> None:
        self.count = 0
        self.is_computing = False
        self._tell: Callable[[], None] | None = None

    def tell(self, first: Callable[[], None]) -> None:
        """From now on the first interrupt calls this; until then it is a KeyboardInterrupt."""
        self._tell = first
        if self.count:
            first()

    def heard(self, number: int, _frame: object) -> None:
        self.count += 1
        if number == signal.SIGHUP:  # the terminal is gone, and writing to it would be an error
            for descriptor in (1, 2):
                if os.isatty(descriptor):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        if self.count > 1:
            os.write(2, (TERMINAL if os.isatty(2) else b"") + LEAVING)
            os._exit(ExitCode.INTERRUPTED)
        if self.is_computing:
            os.write(2, COMPUTING)
        elif self._tell is not None:
            self._tell()
        else:
            raise KeyboardInterrupt


@contextmanager
def listening() -> Iterator[Interrupts]:
    """Signals go to these interrupts within the block."""
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupts.heard) for number in numbers}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
