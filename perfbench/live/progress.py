"""Progress: the one place that decides how a run is shown: on a terminal by the dashboard, elsewhere by plain lines,
with --quiet not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from perfbench.live.base import PROGRESS_FILE, Progress, RunStart
from perfbench.live.snapshot import Snapshot


class Silent:
    """--quiet: nothing but notes, because those are warnings."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self, info: RunStart) -> None:
        pass

    def update(self, snapshots: Sequence[Snapshot], now_ns: int) -> None:
        pass

    def note(self, text: str) -> None:
        from perfbench.report.text import harmless

        print(harmless(text, 1000), file=self._stream, flush=True)

    def stop(self) -> None:
        pass


def open_progress(live: bool | None, quiet: bool, stream: TextIO) -> Progress:
    """The progress to show on `stream`. `live` None: the dashboard if that is a terminal that can move its cursor.

    It is told to the file that the environment names, too, if it names one.
    """
    shown = _shown(live, quiet, stream)
    file = os.environ.get(PROGRESS_FILE)
    if not file:
        return shown
    from perfbench.live.progressfile import Both, ProgressFile

    return Both(shown, ProgressFile(Path(file)))


def _shown(live: bool | None, quiet: bool, stream: TextIO) -> Progress:
    if quiet:
        return Silent(stream)
    if live is None:
        live = stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    if live:
        from perfbench.live.dashboard import Dashboard

        return Dashboard(stream)
    from perfbench.live.plain import PlainLines

    return PlainLines(stream)
