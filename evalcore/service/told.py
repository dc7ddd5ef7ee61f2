"""Told: rows of the store as the models that are answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evalcore.service.bodies import command_line
from evalcore.service.folders import id_of, scores_of
from evalcore.service.models import Job, JobDetail, Progress, Run, Score
from evalcore.service.store import JobRow, RunRow

if TYPE_CHECKING:
    from evalcore.service.app import Service

LEFT_OUT = ("event", "at", "done", "planned", "fraction", "left_s", "folder")
"""Of a line of figures: what `Progress` has fields for."""


def iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="milliseconds")


def job_of(service: Service, row: JobRow) -> Job:
    return Job(**_job(service, row))


def _job(service: Service, row: JobRow) -> dict[str, Any]:
    lost = [] if service.jobs.knows_secrets_of(row) else [place.replace("/", ".") for place in row.needs]
    return {
        "id": row.id, "kind": row.kind, "form": row.form, "status": row.status, "stopping": row.stopping,
        "name": row.name, "model": row.model, "target": row.target, "created_at": iso(row.created_s),
        "started_at": iso(row.started_s), "ended_at": iso(row.ended_s), "attempts": row.attempts,
        "exit_code": row.exit_code, "error": row.error, "needs": lost,
        "folder": None if row.folder is None else str(service.settings.outputs / row.folder),
        "run": None if row.folder is None else id_of(row.folder, None), "progress": progress_of(service, row),
    }  # fmt: skip


def progress_of(service: Service, row: JobRow) -> Progress | None:
    """Of a job that runs, or of what it had told when it ended."""
    if row.attempts == 0 or row.status == "queued":
        return None
    tail = service.jobs.tail(row.id)
    figures = tail.figures if tail is not None else service.jobs.files(row.id).last_figures()
    if figures is None:
        return None
    begun = max(tail.begun, 1) if tail is not None else row.runs
    return progress_from(figures, min(begun, row.runs), row.runs)


def progress_from(figures: Mapping[str, Any], run: int, runs: int) -> Progress:
    """`run` of `runs`: of a series, all of which count alike."""
    fraction = figures.get("fraction")
    return Progress(
        at=iso(figures["at"]) or "", elapsed_s=figures["elapsed_s"], done=figures.get("done"),
        planned=figures.get("planned"), fraction=None if fraction is None else (run - 1 + fraction) / runs,
        left_s=figures.get("left_s"), run=run, runs=runs,
        figures={name: value for name, value in figures.items() if name not in LEFT_OUT},
    )  # fmt: skip


def job_detail(service: Service, row: JobRow) -> JobDetail:
    """Reads what the job has left; for a thread."""
    scores = summary = None
    if row.kind == "eval":
        if row.folder is not None:
            scores = [Score(**score) for score in scores_of(service.settings.outputs / row.folder)] or None
    else:
        summary = service.jobs.files(row.id).printed()
    return JobDetail(
        **_job(service, row), description=row.description,
        command=command_line(row.kind, row.form, row.description, row.given),
        scores=scores, summary=summary,
    )  # fmt: skip


def run_of(service: Service, row: RunRow) -> Run:
    return Run(**run_fields(service, row))


def run_fields(service: Service, row: RunRow) -> dict[str, Any]:
    job = service.store.job_of_folder(row.path.partition("/")[0])
    running = job is not None and job.status == "running"
    return {
        "id": row.id, "kind": row.kind, "form": row.form, "name": row.name, "model": row.model,
        "status": "running" if running and not row.parent else "finished" if row.finished else "unfinished",
        "started_at": row.started_at, "parent": row.parent, "job": None if job is None else job.id,
        "folder": str(service.settings.outputs / row.path), **row.told,
    }  # fmt: skip
