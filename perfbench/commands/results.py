"""Results: how a command writes them on stdout, whoever reads them there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from perfbench.engine.errors import SinkFailed


@contextmanager
def on_stdout() -> Iterator[TextIO]:
    """stdout, flushed at the end. A reader who has enough (`| head`) changes nothing about what a command ends with.

    Raises SinkFailed where stdout cannot be written for any other reason.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer goes nowhere, or it would fail once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise SinkFailed(f"stdout cannot be written: {error.strerror}") from None
