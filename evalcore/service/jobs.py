"""Jobs: the queue, and what happens to each job from the moment it is accepted.

The store is the truth: a change is committed there first. Here is what cannot be stored: the processes, the secrets,
and whoever waits for a change.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets as randomness
import signal
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from evalcore.service.bodies import Plan, file_text
from evalcore.service.models import OVER, RESUMABLE
from evalcore.service.problems import Refused
from evalcore.service.process import (
    Commands,
    JobFiles,
    JobProcess,
    Launcher,
    Tail,
    command_of,
    is_ours,
    kill_group,
)  # fmt: skip
from evalcore.service.settings import Settings
from evalcore.service.store import JobRow, Store
from perfbench.capacity.folder import SWEEP
from perfbench.engine.errors import ExitCode

log = logging.getLogger("evalcore.service")
LOOK_EVERY_S = 0.5
RESULTS = (ExitCode.DONE, ExitCode.GATE_MISSED, ExitCode.INCONCLUSIVE)
"""A command that ends so has done what it was asked for, whatever it found."""


class Jobs:
    def __init__(self, store: Store, settings: Settings, commands: Commands = command_of) -> None:
        self._store, self._settings, self._commands = store, settings, commands
        self._launcher = Launcher()
        self._secrets: dict[str, dict[str, str]] = {}
        self._running: dict[str, JobProcess] = {}
        self._tails: dict[str, Tail] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._closing = False

    # -- life of the service -----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Find out what became of the jobs of the service before this one, and go on with the queue."""
        _, running = self._store.jobs(status=["running"], newest_first=False)
        await asyncio.gather(*(self._end_left(job) for job in running))
        _, queued = self._store.jobs(status=["queued"], newest_first=False)
        for job in queued:
            if job.needs:
                self._store.change_job(
                    job.id, status="interrupted", ended_s=time.time(),
                    error=f"the service was started again, and {_keys(job)} was in memory only; resume it with that",
                )  # fmt: skip
        self._fill()

    async def _end_left(self, job: JobRow) -> None:
        """A job that ran when the service was killed. Its process was interrupted by that (child.py); see it gone."""
        if is_ours(job.pid, job.pid_started):
            assert job.pid is not None
            until_s = time.monotonic() + self._settings.stop_grace_s
            while is_ours(job.pid, job.pid_started) and time.monotonic() < until_s:  # noqa: ASYNC110 (no child of ours)
                await asyncio.sleep(0.1)
            if is_ours(job.pid, job.pid_started):
                kill_group(job.pid)
        tail = Tail(self.files(job.id).progress)
        while tail.read():
            continue
        self._store.change_job(
            job.id, status="interrupted", stopping=False, ended_s=time.time(), pid=None, pid_started=None,
            folder=self._top(tail.folder) or job.folder, error="the service ended while it ran; resume goes on with it",
        )  # fmt: skip

    async def close(self) -> None:
        """Interrupt what runs and wait for it; what is queued stays so."""
        self._closing = True
        for id in list(self._running):
            self._stop(id)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._launcher.close()

    # -- what callers ask for ----------------------------------------------------------------------------------------

    def submit(self, plan: Plan) -> JobRow:
        """Queue a job. Raises Refused when the queue is full."""
        if self._store.counts().get("queued", 0) >= self._settings.max_queued:
            raise Refused(
                429, f"{self._settings.max_queued} jobs are queued already; wait for some, or delete some",
                headers={"Retry-After": "60"},
            )  # fmt: skip
        job = JobRow(
            id=f"{datetime.now():%Y%m%d-%H%M%S}-{randomness.token_hex(4)}", kind=plan.kind, form=plan.form,
            name=plan.name, model=plan.model, target=plan.target, runs=plan.runs, description=plan.description,
            given=plan.given, needs=plan.needs,
        )  # fmt: skip
        if plan.secrets:
            self._secrets[job.id] = plan.secrets
        folder = self.files(job.id).folder
        folder.mkdir(parents=True, mode=0o700)
        job = self._store.add_job(job)
        self._fill()
        return self._store.job(job.id) or job

    def cancel(self, job: JobRow) -> JobRow:
        """Take it off the queue, or tell it to stop; a second time: to leave at once. What is finished is kept."""
        if job.status == "queued":
            job = self._store.change_job(job.id, status="cancelled", ended_s=time.time())
            self._tell(job.id)
        elif job.status == "running":
            job = self._store.change_job(job.id, stopping=True)
            self._stop(job.id)
            self._tell(job.id)
        return job

    def resume(self, job: JobRow, again: Mapping[str, str]) -> JobRow:
        """Queue it again; `again` are its secrets, by variable. Raises Refused when there is nothing to go on with."""
        if job.status not in RESUMABLE:
            raise Refused(409, f"the job is {job.status}; only one that has stopped can be gone on with")
        if again:
            self._secrets[job.id] = dict(again)
        job = self._store.change_job(
            job.id, status="queued", stopping=False, started_s=None, ended_s=None, exit_code=None, error=None
        )
        self._tell(job.id)
        self._fill()
        return self._store.job(job.id) or job

    def knows_secrets_of(self, job: JobRow) -> bool:
        return not job.needs or job.id in self._secrets

    async def changed(self, id: str, timeout_s: float) -> None:
        """Until something about that job has changed, or the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed[id].wait(), timeout_s)

    async def over(self, id: str, timeout_s: float | None = None) -> JobRow:
        """The job when it is over, or when the time is."""
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            job = self._store.job(id)
            assert job is not None
            left_s = 3600.0 if until_s is None else until_s - time.monotonic()
            if job.status in OVER or left_s <= 0 or self._closing:
                return job
            await self.changed(id, left_s)

    def files(self, id: str) -> JobFiles:
        return JobFiles(self._settings.state / "jobs" / id)

    def tail(self, id: str) -> Tail | None:
        """What a running job has told; None for others."""
        return self._tails.get(id)

    def writes_to(self, folder: str) -> bool:
        """Whether a running job writes into that folder of the outputs."""
        return any((job := self._store.job(id)) is not None and job.folder == folder for id in self._running)

    # -- the queue ---------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start as many as may run, in the order of the queue; a load test waits for others of its kind."""
        if self._closing:
            return
        _, running = self._store.jobs(status=["running"])
        count, perf = len(running), sum(job.kind == "perf" for job in running)
        if count >= self._settings.max_jobs:
            return
        for job in self._store.jobs(status=["queued"], newest_first=False)[1]:
            if count >= self._settings.max_jobs:
                return
            if job.kind == "perf" and perf >= self._settings.max_perf_jobs:
                continue
            count, perf = count + 1, perf + (job.kind == "perf")
            job = self._store.change_job(
                job.id, status="running", started_s=time.time(), attempts=job.attempts + 1, pid=None, pid_started=None
            )
            task = asyncio.get_running_loop().create_task(self._carry_out(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._tell(job.id)

    async def _carry_out(self, job: JobRow) -> None:
        try:
            await self._run(job)
        except Exception as error:  # a bug of ours, or no disk: told at the job, and the queue goes on
            log.exception("job %s", job.id)
            self._store.change_job(
                job.id, status="failed", stopping=False, ended_s=time.time(), error=f"the service failed: {error}"
            )
        finally:
            self._running.pop(job.id, None)
            self._tails.pop(job.id, None)
            self._tell(job.id)
            self._fill()

    async def _run(self, job: JobRow) -> None:
        files = self.files(job.id)
        files.folder.mkdir(parents=True, exist_ok=True)
        files.task.write_text(file_text(job.description, job.needs), encoding="utf-8")
        words = self._commands(job.kind, job.form, files.folder, self._to_go_on_with(job))
        tail = self._tails[job.id] = Tail(files.progress)
        process = await JobProcess.start(self._launcher, files, words, self._secrets.get(job.id, {}))
        self._running[job.id] = process
        job = self._store.change_job(job.id, pid=process.pid, pid_started=process.started)
        if job.stopping or self._closing:  # it was told to while there was no process yet
            self._stop(job.id)
        ending = asyncio.ensure_future(process.wait())
        while True:
            ended, _ = await asyncio.wait((ending,), timeout=LOOK_EVERY_S)
            if tail.read():
                folder, model = self._top(tail.folder) or job.folder, job.model or tail.model
                if (folder, model) != (job.folder, job.model):
                    job = self._store.change_job(job.id, folder=folder, model=model)
                self._tell(job.id)
            if ended:
                break
        while tail.read():
            continue
        self._conclude(job.id, ending.result(), self._top(tail.folder))

    def _conclude(self, id: str, code: int, folder: str | None) -> None:
        job = self._store.job(id)
        assert job is not None
        error = self.files(id).error() or None
        if code in RESULTS:
            status, error = "done", None
        elif code in (ExitCode.INTERRUPTED, -signal.SIGINT) or job.stopping or self._closing:
            # Told while it was still being loaded, it ends in other ways, too.
            status = "cancelled" if job.stopping else "interrupted"
            error = None if job.stopping else "the service was stopped while it ran; resume goes on with it"
        else:
            status = "failed"
            error = error or (f"it was killed by signal {-code}" if code < 0 else f"it ended with {code}; see its log")
        self._store.change_job(
            id, status=status, stopping=False, ended_s=time.time(), exit_code=code if code >= 0 else None, error=error,
            folder=folder or job.folder, pid=None, pid_started=None,
        )  # fmt: skip
        if status == "done":
            self._secrets.pop(id, None)

    def _to_go_on_with(self, job: JobRow) -> str | None:
        """The folder of an earlier attempt, where the command can go on with one."""
        if job.folder is None or job.attempts < 2:
            return None
        path = self._settings.outputs / job.folder
        if job.kind == "eval" and (path / "configs").is_dir():
            return str(path)
        # A sweep's own file has no secrets, and of them only the key can be handed over again.
        if job.form == "sweep" and (path / SWEEP).is_file() and set(job.needs) <= {"api_key"}:
            return str(path)
        return None

    def _stop(self, id: str) -> None:
        process = self._running.get(id)
        if process is None:
            return
        process.interrupt()
        if process.told == 1:
            task = asyncio.get_running_loop().create_task(self._insist(id, process))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _insist(self, id: str, process: JobProcess) -> None:
        """Tell a process again that does not stop, and then end it."""
        for wait_s, insist in (
            (self._settings.stop_grace_s, process.interrupt), (self._settings.stop_grace_s / 3, process.kill)
        ):  # fmt: skip
            until_s = time.monotonic() + wait_s
            while time.monotonic() < until_s:
                if self._running.get(id) is not process:
                    return
                await asyncio.sleep(LOOK_EVERY_S)
            insist()

    def _top(self, folder: str | None) -> str | None:
        """The folder of the outputs that a run's folder lies in, as its name; None for one that lies elsewhere."""
        if folder is None:
            return None
        path = Path(folder)
        return path.relative_to(self._settings.outputs).parts[0] if self._settings.outputs in path.parents else None

    def _tell(self, id: str) -> None:
        """Wake up whoever waits for a change of that job."""
        event = self._changed.pop(id, None)
        if event is not None:
            event.set()


def _keys(job: JobRow) -> str:
    return ", ".join(place.replace("/", ".") for place in job.needs)
