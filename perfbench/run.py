"""Run: a scenario from its description to its run folder.

The parent's side: it starts the simulator if that is the target, makes sure that something answers, starts the engine
processes, shows progress, hears Ctrl-C, and computes summary and report from what was written. It sends no load
itself. Whatever happens on the way, what was measured is kept and summarised.
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import msgspec

import perfbench
from perfbench.engine.errors import ExitCode, PerfbenchError, ScenarioError, SinkFailed
from perfbench.engine.workers import WorkerEnd, Workers
from perfbench.live.base import Progress, RunStart
from perfbench.live.progress import open_progress
from perfbench.live.snapshot import SNAPSHOT_EVERY_S, Snapshot
from perfbench.load import LoadJob, ShareResult
from perfbench.preflight import find_target
from perfbench.report.text import load_shape
from perfbench.runfolder import SCENARIO, SERVER, RunFolder, RunInfo, write_whole
from perfbench.scenario import Scenario
from perfbench.scored import score
from perfbench.workload import bounded, described, open_workload
from perfbench.workload.quality import check_scoring

PARENT_NICENESS = 10
OTHER_FILES = 64
"""That an engine process opens beside its connections, generously."""
START_DELAY_NS = 20_000_000  # from the word "go" to instant zero, so that every worker has heard it


@dataclass(frozen=True, slots=True)
class RunResult:
    folder: Path
    summary: dict[str, Any]
    exit_code: ExitCode


class Watcher(Protocol):
    """Looks on while a run lasts, and may end it early: a hopeless probe, an interval that is narrow enough."""

    def start(self, info: RunStart) -> None:
        """The run is about to begin; `info.began_ns` is instant zero of its schedule."""

    def watch(self, snapshots: Sequence[Snapshot], now_ns: int) -> str | None:
        """Take what arrived since the last call (perhaps nothing); called every SNAPSHOT_EVERY_S.

        A text ends the run: nothing more leaves, what is in flight is cut off, `ended` of the run is "watched", and
        the text stands in its notes. The run is not interrupted by that: its exit code is that of its figures.
        """


def run_scenario(
    scenario: Scenario,
    *,
    live: bool | None = None,
    quiet: bool = False,
    give_way: bool = False,
    watcher: Watcher | None = None,
    folder: Path | None = None,
) -> RunResult:
    """Carry a scenario out. `live` None: the dashboard if stderr is a terminal.

    `watcher` may end the run early. `folder` is the run folder to make, instead of one named by date in outputs_dir.

    `give_way` lowers the priority of this process for good, so that showing never delays the engine processes, even
    where they have to share a core; for a command, not for a service that lives on.

    Raises ScenarioError and TargetUnreachable before any load is sent. Ctrl-C once cuts the run short and summarises
    what is there; twice leaves the folder as it is and raises KeyboardInterrupt.
    """
    watcher = watcher or _precision(scenario)
    workload = open_workload(scenario)  # a prompts file that is none is refused here, before anything has been started
    scenario = bounded(scenario, workload)
    check_scoring(scenario)
    check_files(scenario, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    progress = open_progress(live, quiet, sys.stderr)
    with ExitStack() as cleanup:
        urls = scenario.url
        if scenario.builtin_simulator:
            urls = (cleanup.enter_context(_simulator(scenario)).url,)
        return asyncio.run(
            _Conductor(
                scenario, described(scenario.workload_name, workload), urls, progress, give_way, watcher, folder
            ).run()
        )


def _precision(scenario: Scenario) -> Watcher | None:
    if scenario.until is None:
        return None
    from perfbench.live.precision import PrecisionWatch
    from perfbench.metrics.until import parse_until

    return PrecisionWatch(parse_until(scenario.until))


def _simulator(scenario: Scenario) -> Any:
    from perfbench.simulator.config import SimulatorConfig
    from perfbench.simulator.process import SimulatorProcess

    return SimulatorProcess(SimulatorConfig.model_validate(scenario.simulator or {}))


def check_files(scenario: Scenario, most: int) -> None:
    """Raises ScenarioError when the connections need more open files than the system lets a process have."""
    wanted = -(-(scenario.slots or 0) // _worker_count(scenario)) + OTHER_FILES
    if most != resource.RLIM_INFINITY and wanted > most:
        raise ScenarioError(
            f"parallel is {scenario.slots}, and every connection is an open file, of which this system allows a "
            f"process {most}; raise that (ulimit -n {wanted}), or spread them over more workers"
        )


class _Conductor:
    """One run."""

    def __init__(
        self,
        scenario: Scenario,
        workload: dict[str, Any],
        urls: tuple[str, ...],
        progress: Progress,
        give_way: bool,
        watcher: Watcher | None,
        folder: Path | None,
    ) -> None:
        self._give_way, self._watcher, self._named_folder = give_way, watcher, folder
        self._scenario, self._urls, self._progress = scenario, urls, progress
        self._workload = workload
        self._planned = None if workload["sessions"] else scenario.number
        self._planned_arrivals = scenario.number if workload["sessions"] else None
        self._workers_count = _worker_count(scenario)
        self._pending: list[Snapshot] = []
        self._decode = msgspec.msgpack.Decoder(Snapshot).decode
        self._interrupts = 0
        self._over = self._computing = False
        self._signals = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup
            self._signals.append(signal.SIGHUP)
        self._workers: Workers | None = None

    async def run(self) -> RunResult:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

        # One handler for all of the run: between two of them a signal would be lost, or be the default's.
        def heard(number: int, _frame: object) -> None:
            self._interrupts += 1
            if number == signal.SIGHUP:  # the terminal is gone, and writing to it would be an error
                for descriptor in terminals:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
            if self._computing:
                self._interrupted_while_computing()
            else:
                loop.call_soon_threadsafe(self._interrupted, task)

        before = {number: signal.signal(number, heard) for number in self._signals}
        try:
            folder, info, ends = await self._measure()
            self._computing = True
            if self._interrupts > 1:
                raise KeyboardInterrupt
            return self._conclude(folder, info, ends)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def _measure(self) -> tuple[RunFolder, RunInfo, list[WorkerEnd]]:
        """Everything up to the last record."""
        try:
            target = await find_target(self._scenario, self._urls)
            self._scenario = self._scenario.model_copy(update={"model": target.model})
            folder = RunFolder(self._named_folder or new_folder(self._scenario))
            folder.path.mkdir(parents=True, exist_ok=True)
            info = RunInfo(
                started_at=datetime.now().astimezone().isoformat(timespec="milliseconds"),
                clock_monotonic_ns=time.perf_counter_ns(), clock_unix_ns=time.time_ns(), began_ns=0,
                planned=self._planned, workers=self._workers_count, notes=list(target.notes),
                environment=_environment(), workload=self._workload,
            )  # fmt: skip
            write_whole(folder.file(SCENARIO), self._scenario.to_yaml().encode())
            async with _scraping(self._scenario, self._urls, folder):
                ends = await self._load(folder, info)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            self._progress.stop()
        failed = next((end for end in ends if end.exit_code == ExitCode.USAGE), None)
        if failed is not None:
            raise ScenarioError(failed.error)
        return folder, info, ends

    async def _load(self, folder: RunFolder, info: RunInfo) -> list[WorkerEnd]:
        """Run the engine processes from start to end."""
        scenario = self._scenario
        job = LoadJob(scenario, self._urls, folder.path.resolve())
        async with Workers("perfbench.load:run_share", job.encode(), self._workers_count, self._received) as workers:
            self._workers = workers
            await workers.ready()
            if workers.ended:  # before there was anything to do: a file of the scenario that is none, a bug
                workers.halt("a worker could not begin")
                return await workers.ends()
            if self._give_way:
                os.nice(PARENT_NICENESS)
            info.began_ns = time.perf_counter_ns() + START_DELAY_NS
            folder.write_info(info)
            start = RunStart(
                target=", ".join(self._urls), model=scenario.model or "", shape=load_shape(scenario.dump()),
                began_ns=info.began_ns, planned=_with_warmup(self._planned, scenario),
                planned_arrivals=self._planned_arrivals,
                duration_s=_seconds(scenario),
                grace_s=scenario.grace, workers=self._workers_count, open_loop=scenario.open_loop,
                folder=str(folder.path.absolute()),
            )  # fmt: skip
            self._progress.start(start)
            if self._watcher is not None:
                self._watcher.start(start)
            workers.go(info.began_ns)
            if self._interrupts:
                workers.halt("interrupted")
            showing = asyncio.create_task(self._show())
            try:
                return await workers.ends()
            finally:
                showing.cancel()
                self._workers, self._over = None, True
                self._update()

    def _conclude(self, folder: RunFolder, info: RunInfo, ends: list[WorkerEnd]) -> RunResult:
        """Close the folder and compute what it says."""
        from perfbench.report.html import write_report
        from perfbench.report.summary import write_summary

        shares = [msgspec.msgpack.decode(end.result, type=ShareResult) for end in ends if end.result is not None]
        # A Ctrl-C that came when all was done has interrupted nothing; the shares know.
        nobody_ended = "interrupted" if self._interrupts else "died"
        info.ended, _, why = (_reason(shares) if shares else nobody_ended).partition(": ")
        info.ended_ns = max((share.ended_ns for share in shares), default=time.perf_counter_ns())
        info.ended_clock_monotonic_ns, info.ended_clock_unix_ns = time.perf_counter_ns(), time.time_ns()
        info.dispatched = sum(share.dispatched for share in shares) if shares else None
        for line in (line for end in ends if _is_traceback(end) for line in end.error.splitlines()):
            self._progress.note(line)
        told = [_in_a_line(end) for end in ends if end.error]
        told += [f"{info.ended}: {why}"] if why else []
        info.notes += told
        for text in told:
            self._progress.note(text)
        if not folder.has_records():
            raise SinkFailed("; ".join(info.notes) or f"nothing was recorded in {folder.path}")
        try:
            folder.join_shards()
            unscored = self._score(folder, info)
            folder.write_info(info)
            summary = write_summary(folder)
            write_report(folder, summary)
        except SinkFailed as error:
            remedy = f"what was recorded is readable; make room, then: perfbench report {folder.path}"
            raise SinkFailed("\n  ".join(dict.fromkeys([*told, str(error), remedy]))) from None
        code = exit_code(summary, self._scenario.max_error_rate)
        if any(end.exit_code == ExitCode.BUG for end in ends) and code != ExitCode.INTERRUPTED:
            code = ExitCode.BUG
        if unscored and code == ExitCode.DONE:
            code = ExitCode.INCONCLUSIVE
        return RunResult(folder.path, summary, code)

    def _score(self, folder: RunFolder, info: RunInfo) -> bool:
        """Score the answers of benchmarks; whether that failed, which is noted and costs no other figure."""
        try:
            score(folder, self._scenario.dump())
        except PerfbenchError as error:
            info.notes.append(f"the answers could not be scored: {error}")
            self._progress.note(info.notes[-1])
            return True
        return False

    def _received(self, _worker: int, payload: bytes) -> None:
        self._pending.append(self._decode(payload))

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_EVERY_S)
            self._update()

    def _update(self) -> None:
        pending, self._pending = self._pending, []
        now_ns = time.perf_counter_ns()
        self._progress.update(pending, now_ns)
        if self._watcher is not None:
            enough = self._watcher.watch(pending, now_ns)
            if enough is not None and self._workers is not None:
                self._workers.halt(f"watched: {enough}")

    def _interrupted(self, task: asyncio.Task[Any]) -> None:
        if self._over:
            return
        if self._interrupts == 1 and self._workers is not None:
            self._progress.note("interrupted: cutting off what is in flight; once more to leave at once")
            self._workers.halt("interrupted")
            return
        if self._workers is not None:
            self._workers.kill()
        task.cancel()

    def _interrupted_while_computing(self) -> None:
        """No loop runs that could break it off, and an exception could be lost in an import or a destructor: so the
        second Ctrl-C of a run ends the process. All there is to lose are figures that can be computed again."""
        if self._interrupts > 1:
            os.write(2, b"perfbench: interrupted\n")
            os._exit(ExitCode.INTERRUPTED)
        os.write(2, b"the run is over and its results are being computed; once more to leave at once\n")


def _scraping(scenario: Scenario, urls: tuple[str, ...], folder: RunFolder) -> AbstractAsyncContextManager[None]:
    """What the servers say of themselves, if that is asked for."""
    if scenario.server_metrics is None and scenario.gpu_metrics is None:
        return nullcontext()
    from perfbench.telemetry.addresses import addresses
    from perfbench.telemetry.scraper import scraping

    return scraping(addresses(scenario, urls), folder.file(SERVER), scenario.metrics_every)


def _with_warmup(planned: int | None, scenario: Scenario) -> int | None:
    """How many requests will be sent, as far as that is known beforehand."""
    if scenario.warmup is None or planned is None:
        return planned
    return planned + scenario.warmup.number if scenario.warmup.number else None


def _seconds(scenario: Scenario) -> float | None:
    """How long the run may send, its warm-up included."""
    if scenario.duration is None:
        return None
    return scenario.duration + (scenario.warmup.seconds if scenario.warmup is not None else 0.0)


def _is_traceback(end: WorkerEnd) -> bool:
    return "\n" in end.error and end.exit_code == ExitCode.BUG


def _in_a_line(end: WorkerEnd) -> str:
    if not _is_traceback(end):
        return end.error
    return f"a bug of perfbench ended worker {end.index}, please report it: {end.error.splitlines()[-1].strip(' |')}"


def exit_code(summary: dict[str, Any], max_error_rate: float) -> ExitCode:
    """What the shell learns from a summary: the first of these that holds.

    A missed SLO says more than the share of failures, so it comes before it; a met one says nothing of the requests
    that failed, because they are in no latency, so it comes after.
    """
    requests, slo = summary["requests"], summary["slo"]
    failed, succeeded = requests["failed"], requests["succeeded"]
    saturated = summary["client"]["verdict"] == "saturated"
    if summary["run"]["ended"] == "interrupted":
        return ExitCode.INTERRUPTED
    if not failed and not succeeded:
        return ExitCode.INCONCLUSIVE
    if not succeeded:
        return ExitCode.TARGET
    if slo is not None and slo["met"] is False and not saturated:
        return ExitCode.GATE_MISSED
    if failed > max_error_rate * (failed + succeeded):
        return ExitCode.TARGET
    if slo is not None and (slo["met"] is None or saturated):
        return ExitCode.INCONCLUSIVE
    return ExitCode.DONE


def _reason(shares: list[ShareResult]) -> str:
    """Why the run ended, and behind a colon more of it: what is not the plain end of its bounds comes first."""
    reasons = {share.reason for share in shares}
    plain = {"number", "duration"}
    return next(iter(sorted(reasons - plain) or sorted(reasons)))


def _worker_count(scenario: Scenario) -> int:
    if scenario.workers != "auto":
        return int(scenario.workers)
    spare = max(1, (os.cpu_count() or 2) - 1)  # one for this process, and whatever else the machine does
    return min(spare, scenario.slots or spare)


def new_folder(scenario: Scenario) -> Path:
    """Makes outputs/YYYYMMDD_HHMMSS, with a number behind it when that second is taken."""
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
    for number in range(1000):
        folder = scenario.outputs_dir / (stamp if number == 0 else f"{stamp}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise ScenarioError(
                f"outputs_dir {str(scenario.outputs_dir)!r} cannot be written: {error.strerror}; name a folder that can"
            ) from None
    raise ScenarioError(f"outputs_dir {str(scenario.outputs_dir)!r} is full of runs of this second")


def _environment() -> dict[str, Any]:
    packages: dict[str, str | None] = {}
    for name in ("uvloop", "httptools", "aiohttp", "openai", "msgspec", "numpy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return {
        "perfbench": perfbench.__version__, "python": platform.python_version(), "packages": packages,
        "host": platform.node(), "system": platform.platform(), "machine": platform.machine(), "cpus": os.cpu_count(),
    }  # fmt: skip
