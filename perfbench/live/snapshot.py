"""Snapshot: what one engine process tells the parent about its run, four times a second.

This is the only thing that crosses from the measuring side to the showing side, so it is small: counters of the whole
run, and the latencies of the requests that finished since the snapshot before, as packed int64 (`pack`, `unpack`).
`SnapshotMaker` is a sink: it stands beside the one that writes records and costs about a microsecond per record.
Nothing here is a result; results are computed from the records.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from perfbench.engine.probe import ClientProbe
    from perfbench.engine.request import Record
    from perfbench.engine.scheduler import Scheduler

SNAPSHOT_EVERY_S = 0.25
MOST_REQUESTS = 10_000
"""Latencies carried by one snapshot at most (0.5 MB of them); counters stay exact beyond that."""
MOST_GAPS = 4_096


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One engine process at one instant. Counters are of the whole run, latencies of the time since the last snapshot.

    All `_ns` values are durations on the clock of the records, except `at_ns`, which is an instant of it. Latencies
    are those of successful requests; ttft, tpot and e2e count from written (service base), response_* from intended,
    and the latter are sent in open loop only.
    """

    worker: int
    at_ns: int
    dispatched: int = 0
    started: int = 0
    finished: int = 0
    """ok + failed + cancelled: requests that left and are over."""
    ok: int = 0
    failed: int = 0
    cancelled: int = 0
    unsent: int = 0
    in_flight: int = 0
    waiting: int = 0
    """Due, but held back by a limit."""
    output_tokens: int = 0
    """Of requests that are over."""
    errors: dict[str, int] = {}
    ttft_ns: bytes = b""
    tpot_ns: bytes = b""
    e2e_ns: bytes = b""
    response_ttft_ns: bytes = b""
    response_e2e_ns: bytes = b""
    itl_ns: bytes = b""
    """A systematic sample of the gaps between output chunks: every n-th, whatever request it belongs to."""
    loop_lag_max_ns: int = 0
    """Longest that the event loop took to take up an event, since the last snapshot."""
    send_lag_max_ns: int = 0
    """Furthest behind its schedule that a request was handed over since the last snapshot."""
    cpu_share: float = 0.0
    """CPU time of the process over wall time since the last snapshot; 1.0 is one core."""


def pack(durations_ns: Iterable[int]) -> bytes:
    return array("q", durations_ns).tobytes()


def unpack(packed: bytes) -> array[int]:
    durations_ns = array("q")
    durations_ns.frombytes(packed)
    return durations_ns


class SnapshotMaker:
    """Counts records as they pass by, and hands out what came since the last time."""

    def __init__(self, worker: int, *, open_loop: bool) -> None:
        self._worker = worker
        self._open_loop = open_loop
        self._ok = self._failed = self._cancelled = self._unsent = self._output_tokens = 0
        self._errors: dict[str, int] = {}
        self._gap_stride, self._gap_skip = 1, 0
        self._begin()

    def _begin(self) -> None:
        self._ttft, self._tpot, self._e2e = array("q"), array("q"), array("q")
        self._response_ttft, self._response_e2e, self._gaps = array("q"), array("q"), array("q")
        self._send_lag_max_ns = 0

    def add(self, record: Record) -> None:
        """A request is over."""
        if record.dispatched_ns is not None:
            self._send_lag_max_ns = max(self._send_lag_max_ns, record.dispatched_ns - record.intended_ns)
        self._output_tokens += record.output_tokens or 0
        if record.outcome == "ok":
            self._ok += 1
            if len(self._e2e) < MOST_REQUESTS:
                self._add_latencies(record)
            return
        if record.outcome == "failed":
            self._failed += 1
        elif record.outcome == "cancelled":
            self._cancelled += 1
        else:
            self._unsent += 1
        self._errors[record.error] = self._errors.get(record.error, 0) + 1

    def _add_latencies(self, record: Record) -> None:
        written_ns, first_ns, last_ns = record.written_ns, record.first_output_ns, record.last_output_ns
        if written_ns is None:
            return
        self._e2e.append(record.finished_ns - written_ns)
        if self._open_loop:
            self._response_e2e.append(record.finished_ns - record.intended_ns)
        if not record.stream or first_ns is None or last_ns is None:
            return
        self._ttft.append(first_ns - written_ns)
        if self._open_loop:
            self._response_ttft.append(first_ns - record.intended_ns)
        if record.output_tokens is not None and record.output_tokens > 1:
            self._tpot.append((last_ns - first_ns) // (record.output_tokens - 1))
        if record.itl_ns and len(self._gaps) < MOST_GAPS:
            self._gaps.extend(record.itl_ns[self._gap_skip :: self._gap_stride])
            # Where the next request's sample begins, so that the stride runs on across requests of any length.
            self._gap_skip = (self._gap_skip - len(record.itl_ns)) % self._gap_stride

    def take(
        self,
        at_ns: int,
        *,
        dispatched: int,
        started: int,
        in_flight: int,
        waiting: int,
        loop_lag_max_ns: int,
        cpu_share: float,
    ) -> Snapshot:
        """The snapshot of this instant; the next one begins."""
        snapshot = Snapshot(
            worker=self._worker, at_ns=at_ns, dispatched=dispatched, started=started,
            finished=self._ok + self._failed + self._cancelled,
            ok=self._ok, failed=self._failed, cancelled=self._cancelled, unsent=self._unsent,
            in_flight=in_flight, waiting=waiting, output_tokens=self._output_tokens, errors=dict(self._errors),
            ttft_ns=self._ttft.tobytes(), tpot_ns=self._tpot.tobytes(), e2e_ns=self._e2e.tobytes(),
            response_ttft_ns=self._response_ttft.tobytes(), response_e2e_ns=self._response_e2e.tobytes(),
            itl_ns=self._gaps[:MOST_GAPS].tobytes(), loop_lag_max_ns=loop_lag_max_ns,
            send_lag_max_ns=self._send_lag_max_ns, cpu_share=cpu_share,
        )  # fmt: skip
        if len(self._gaps) >= MOST_GAPS:
            self._gap_stride *= 2
        elif len(self._gaps) < MOST_GAPS // 4 and self._gap_stride > 1:
            self._gap_stride //= 2
        self._gap_skip %= self._gap_stride
        self._begin()
        return snapshot

    async def close(self) -> None:
        """Nothing to do; a sink has this method."""


async def keep_telling(
    tell: Callable[[Snapshot], None], maker: SnapshotMaker, scheduler: Scheduler, probe: ClientProbe
) -> None:
    """Take a snapshot four times a second until cancelled, and once more then."""
    wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    going = True
    while going:
        try:
            await asyncio.sleep(SNAPSHOT_EVERY_S)
        except asyncio.CancelledError:
            going = False
        before_ns, wall_ns = wall_ns, time.perf_counter_ns()
        before_cpu_ns, cpu_ns = cpu_ns, time.process_time_ns()
        tell(
            maker.take(
                wall_ns, dispatched=scheduler.counts.dispatched, started=scheduler.counts.started,
                in_flight=scheduler.in_flight, waiting=scheduler.waiting, loop_lag_max_ns=probe.take_longest_lag_ns(),
                cpu_share=(cpu_ns - before_cpu_ns) / max(wall_ns - before_ns, 1),
            )
        )  # fmt: skip
