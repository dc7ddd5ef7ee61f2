"""Growth: what the engine holds in memory, per stream in flight and per request that is over.

    python -m tests.bench.growth [--streams 5000]

One engine process, without the parent: the entry that `perfbench run` starts, on a link that leads nowhere. Streams get
ten tokens a second. Memory is resident set size, so the interpreter's own slack is in it. What summary,
comparison and export need a record is measured behind it, from runs made up (`afterwards.py`).
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.afterwards import COMMANDS, bytes_a_request, make_run
from tests.bench.pinned import client, server

PAGE_KB = 4


@dataclass(frozen=True, slots=True)
class Growth:
    streams: int
    requests: int
    failed: int
    before_kb: int
    """Everything imported and built, nothing sent."""
    peak_kb: int
    after_kb: int
    cyclic_garbage: int
    """Objects that only a collector could free, after the run: there is none on duty during it."""

    @property
    def kb_per_stream(self) -> float:
        return (self.peak_kb - self.before_kb) / self.streams


class _Link:
    """Starts at once, and tells nobody."""

    index, of = 0, 1

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready = ready

    async def go(self) -> int:
        self._ready()
        return time.perf_counter_ns()

    def on_halt(self, act: Callable[[str], None]) -> None: ...

    def progress(self, payload: bytes) -> None: ...


def _resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


def _run_here(url: str, model: str, streams: int, number: int, tokens: int) -> Growth:
    from perfbench.load import LoadJob, run_share
    from perfbench.report.summary import load
    from perfbench.runfolder import RunFolder
    from perfbench.scenario import Scenario

    before = peak = 0

    def ready() -> None:
        nonlocal before
        before = _resident_kb()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.05):
            peak = max(peak, _resident_kb())

    with tempfile.TemporaryDirectory() as folder:
        load_of = {"parallel": streams, "number": number, "max_tokens": tokens, "seed": 1}
        scenario = Scenario.from_mapping({"url": url, "model": model, **load_of}, "bench")
        over = threading.Event()
        watcher = threading.Thread(target=watch)
        watcher.start()
        link: Any = _Link(ready)
        uvloop.run(run_share(LoadJob(scenario, (url,), Path(folder)).encode(), link))
        over.set()
        watcher.join()
        after, garbage = _resident_kb(), gc.collect()
        ok = load(RunFolder(Path(folder))).ok
    return Growth(streams, int(ok.size), int((~ok).sum()), before, peak, after, garbage)


def measure(url: str, model: str, streams: int, number: int, tokens: int) -> Growth:
    """In a process of its own, on the client's core."""
    said, _, _ = client("tests.bench.growth", ["--here", url, model, str(streams), str(number), str(tokens)])
    return Growth(**said)


def main() -> None:
    if sys.argv[1:2] == ["--here"]:
        url, model, *numbers = sys.argv[2:]
        print(json.dumps(asdict(_run_here(url, model, *map(int, numbers)))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=5000)
    streams = parser.parse_args().streams
    with server() as truthd:
        g = measure(truthd.url, "sim:ttft=100,itl=100", streams, 2 * streams, 150)
        print(f"{streams} streams of 150 tokens at 10 a second: {g.requests} requests, {g.failed} failed,")
        peak = f"{g.before_kb / 1024:.0f} MB before, {g.peak_kb / 1024:.0f} MB at most"
        print(f"  {peak}: {g.kb_per_stream:.1f} KB a stream;")
        print(f"  {g.cyclic_garbage} objects of cyclic garbage")
        few, many = (measure(truthd.url, "sim:ttft=0,itl=0", 64, number, 16) for number in (20_000, 120_000))
        per_request = (many.peak_kb - few.peak_kb) * 1024 / (many.requests - few.requests)
        print(f"120 000 requests instead of 20 000: {per_request:.0f} bytes a request more at most")
    with tempfile.TemporaryDirectory() as folder:
        short, long = (make_run(Path(folder) / str(number), number) for number in (100_000, 400_000))
        for what in COMMANDS:
            print(f"{what}: {bytes_a_request(what, short, long, 300_000):.0f} bytes a request more at the peak")


if __name__ == "__main__":
    main()
