"""Load: what one engine process does with its share of a scenario.

`run_share` is the entry that perfbench.engine.workers calls: it builds the lane, the workload and the sinks that the
scenario describes, waits for the common start, runs its share of the schedule through the scheduler, and tells the
parent how it goes four times a second.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import pickle
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.engine.errors import ScenarioError
from perfbench.engine.flow import Flow
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.limits import Limits
from perfbench.engine.pacing import ARRIVALS, ClosedLoop, Pacer, ShapedArrivals, ShapedLoop
from perfbench.engine.probe import ClientProbe
from perfbench.engine.redact import secrets_in
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.scheduler import Scheduler, Share, Stop
from perfbench.engine.sinks.jsonl import JsonlSink
from perfbench.engine.transport.base import open_transport
from perfbench.engine.workers import Link
from perfbench.live.snapshot import Snapshot, SnapshotMaker, keep_telling
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario
from perfbench.settings.warmup import Warmup
from perfbench.workload import open_workload
from perfbench.workload.ahead import BuiltAhead
from perfbench.workload.base import Workload
from perfbench.workload.quality import evals_of
from perfbench.workload.requests import Requests
from perfbench.workload.tokens import token_counter
from perfbench.workload.trace import Replay

MOST_CONNECTIONS = 1 << 16  # that room is made for beforehand (half a megabyte); more are no error
HOPELESS_AFTER = 10
HOPELESS = frozenset(
    {"dns", "connect_refused", "connect_failed", "timeout_connect", "tls"}
    | {f"http_{status}" for status in (400, 401, 403, 404, 405, 410, 415, 422, 501)}
)


@dataclass(frozen=True, slots=True)
class LoadJob:
    """What the parent settled before it started the engine processes. Crosses a pipe between our own processes."""

    scenario: Scenario
    """Complete: its model too is known."""
    urls: tuple[str, ...]
    folder: Path

    def encode(self) -> bytes:
        return pickle.dumps(self)


class ShareResult(msgspec.Struct, frozen=True):
    """How one share of a run ended."""

    reason: str
    ended_ns: int
    dispatched: int


class Tripwire:
    """A sink that ends a run whose endpoint plainly is none: the first requests all failed in a way that lasts."""

    def __init__(self, trip: Callable[[str], None]) -> None:
        self._trip = trip
        self._failures = 0
        self._armed = True

    def add(self, record: Record) -> None:
        if not self._armed:
            return
        if record.error not in HOPELESS:
            self._armed = False
            return
        self._failures += 1
        if self._failures == HOPELESS_AFTER:
            self._armed = False
            self._trip(f"aborted: the first {HOPELESS_AFTER} requests all failed ({record.error})")

    async def close(self) -> None:
        pass


async def run_share(payload: bytes, link: Link) -> bytes:
    """Carry out one share; returns an encoded ShareResult."""
    job: LoadJob = pickle.loads(payload)
    scenario, folder = job.scenario, RunFolder(job.folder)
    _make_room_for_connections()
    share = Share(link.index, link.of)
    workload = open_workload(scenario)
    requests: Callable[[int], Request | Flow] = Requests(scenario, workload)
    if isinstance(workload.arrivals, Replay):
        requests = BuiltAhead(requests, workload.arrivals, share.of)
    pacer = _pacer(scenario, workload)
    snapshots = SnapshotMaker(share.index, open_loop=scenario.open_loop)
    tripwire = Tripwire(lambda reason: scheduler.stop(reason))
    records = JsonlSink(folder.records_of(share.index, share.of))
    client = JsonlSink(folder.client_of(share.index, share.of))
    cap = scenario.parallel if scenario.open_loop else None
    scheduler = Scheduler(
        {"default": _lane(scenario, job.urls, share)}, [records, snapshots, tripwire],
        most_in_flight=None if cap is None else _part(cap, share), worker=share.index, seed=scenario.seed or 0,
    )  # fmt: skip
    probe = ClientProbe(share.index, client.add, lambda: scheduler.in_flight)

    def tell(snapshot: Snapshot) -> None:
        link.progress(msgspec.msgpack.encode(snapshot))

    link.on_halt(scheduler.stop)
    _hush_collector()
    async with scheduler:
        began_ns = await link.go()
        watching = asyncio.create_task(probe.run())
        showing = asyncio.create_task(keep_telling(tell, snapshots, scheduler, probe))
        try:
            warmup = scenario.warmup or Warmup()
            stop = Stop(scenario.number, scenario.duration, scenario.grace, warmup.number, warmup.seconds)
            ended = await scheduler.run(requests, pacer, stop, began_ns=began_ns, share=share)
        finally:
            for task in (showing, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await client.close()
    return msgspec.msgpack.encode(ShareResult(ended.reason, ended.at_ns, ended.dispatched))


def _pacer(scenario: Scenario, workload: Workload) -> Pacer | ClosedLoop | ShapedLoop:
    seed = scenario.seed or 0
    if workload.arrivals is not None:
        if scenario.shape is not None:
            raise ScenarioError(
                f"shape and workload {scenario.workload_name} both say when requests leave; take one of them out"
            )
        return workload.arrivals
    curve, law = scenario.curve, ARRIVALS[scenario.arrival or "poisson"]
    if curve is not None and scenario.open_loop:
        return ShapedArrivals(law(1.0, scenario.burstiness or 1.0, seed), curve)
    if curve is not None:
        return ShapedLoop(curve)
    if scenario.rate is None:
        return ClosedLoop(scenario.parallel or 1, scenario.ramp_up_s, seed)
    return law(scenario.rate, scenario.burstiness or 1.0, seed)


def _lane(scenario: Scenario, urls: tuple[str, ...], share: Share) -> Lane:
    endpoint = scenario.endpoint(urls)
    bodies = [scenario.extra_args, *(part.extra_args for part in (scenario.mix or {}).values())]
    return Lane(
        transport=open_transport(scenario.transport, endpoint),
        limits=Limits(
            requests_per_s=None if scenario.rps is None else scenario.rps / share.of,
            tokens_per_min=None if scenario.tpm is None else scenario.tpm / share.of,
        ),
        retry=RetryPolicy(attempts=1 + scenario.retries),
        deadlines=Deadlines(scenario.first_byte_timeout, scenario.idle_timeout, scenario.total_timeout),
        keep=Keep(texts=scenario.keep_texts or bool(evals_of(scenario.dump())), chunks=scenario.keep_chunks),
        count_tokens=None if scenario.tokenizer is None else token_counter(scenario.tokenizer),
        secrets=(*endpoint.secrets(), *(secret for fields in bodies for secret in secrets_in(fields))),
    )


def _part(cap: int, share: Share) -> int:
    """This process's part of a cap; the parts add up to it."""
    return cap // share.of + (share.index < cap % share.of)


def _hush_collector() -> None:
    """No automatic collections: with 1 000 streams each is a stall of 5 to 10 ms, booked as the server's.

    The engine makes no reference cycles on its way (tests/bench/growth.py shows it), so counting references is enough.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def _make_room_for_connections() -> None:
    """A connection is a file: take as many as we may have, and let the kernel make its table of them now.

    Growing the table of a process with threads waits for every CPU (synchronize_rcu, 10 to 30 ms), and it would grow
    in the middle of the ramp-up: at the 256th connection, the 512th, ...
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    with suppress(OSError):
        os.close(fcntl.fcntl(0, fcntl.F_DUPFD, min(soft, MOST_CONNECTIONS) - 1))
