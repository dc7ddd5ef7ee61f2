"""Store: jobs and the index of runs, in SQLite.

One file, one connection, used from the event loop: every call is a few rows. Each change is committed before the call
returns, in a journal that a killed process leaves whole.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from evalcore.service.models import Form, Kind, Status

SCHEMA = 1
TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, form TEXT NOT NULL,
    status TEXT NOT NULL, stopping INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL, model TEXT NOT NULL,
    target TEXT NOT NULL, runs INTEGER NOT NULL, description TEXT NOT NULL,
    given TEXT NOT NULL, needs TEXT NOT NULL,
    created_s REAL NOT NULL, started_s REAL, ended_s REAL, attempts INTEGER NOT NULL DEFAULT 0, exit_code INTEGER,
    error TEXT, folder TEXT, pid INTEGER, pid_started TEXT
);
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, number);
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, path TEXT UNIQUE NOT NULL, stamp TEXT NOT NULL, parent TEXT, kind TEXT NOT NULL,
    form TEXT NOT NULL, finished INTEGER NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL, started_at TEXT NOT NULL,
    words TEXT NOT NULL, told TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_by_start ON runs (parent, started_at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A row of jobs; `models.Job` is what is told of it."""

    number: int = 0
    """Order of the queue."""
    id: str
    kind: Kind
    form: Form
    status: Status = "queued"
    stopping: bool = False
    name: str
    model: str
    target: str
    runs: int = 1
    description: dict[str, Any]
    given: list[str]
    """Keys of the description that the body gave; the others are defaults."""
    needs: dict[str, str]
    created_s: float = field(default_factory=time.time)
    started_s: float | None = None
    ended_s: float | None = None
    attempts: int = 0
    exit_code: int | None = None
    error: str | None = None
    folder: str | None = None
    pid: int | None = None
    pid_started: str | None = None
    """When the kernel started that process, so that another of the same number is not taken for it."""


_COLUMNS = [one.name for one in fields(JobRow)]
_JSON = ("description", "given", "needs")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A row of runs: what a folder is, as of `stamp`."""

    id: str
    path: str
    """Relative to the outputs."""
    stamp: str
    """Of the files that say what it is; another stamp: it is read again."""
    parent: str | None
    kind: Kind
    form: Form
    finished: bool
    name: str
    model: str
    started_at: str
    words: str
    """What a search looks in."""
    told: dict[str, Any]
    """The rest of `models.Run`."""


_RUN_COLUMNS = [one.name for one in fields(RunRow)]
SORTS = {"started": "started_at", "name": "name", "model": "model", "kind": "kind"}


class Store:
    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA busy_timeout=5000")
        if self._db.execute("PRAGMA user_version").fetchone()[0] not in (0, SCHEMA):
            raise ValueError(f"{file} was written by another version of the service; move it away to begin anew")
        self._db.executescript(TABLES)
        self._db.execute(f"PRAGMA user_version={SCHEMA}")

    def close(self) -> None:
        self._db.close()

    # -- jobs --------------------------------------------------------------------------------------------------------

    def add_job(self, job: JobRow) -> JobRow:
        values = {name: _written(name, getattr(job, name)) for name in _COLUMNS if name != "number"}
        self._db.execute(
            f"INSERT INTO jobs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", list(values.values())
        )
        found = self.job(job.id)
        assert found is not None
        return found

    def change_job(self, id: str, **changes: Any) -> JobRow:
        assignments = ", ".join(f"{name} = ?" for name in changes)
        values = [_written(name, value) for name, value in changes.items()]
        self._db.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", [*values, id])
        found = self.job(id)
        assert found is not None
        return found

    def job(self, id: str) -> JobRow | None:
        row = self._db.execute("SELECT * FROM jobs WHERE id = ?", [id]).fetchone()
        return None if row is None else _job(row)

    def jobs(
        self, *, status: Iterable[str] = (), kind: str | None = None, q: str | None = None, offset: int = 0,
        limit: int = -1, newest_first: bool = True,
    ) -> tuple[int, list[JobRow]]:  # fmt: skip
        """(how many match, those of one page)."""
        where, values = ["1"], []
        wanted = list(status)
        if wanted:
            where.append(f"status IN ({', '.join('?' * len(wanted))})")
            values += wanted
        if kind is not None:
            where.append("kind = ?")
            values.append(kind)
        for word in (q or "").split():
            where.append("instr(lower(name || ' ' || model || ' ' || target || ' ' || id), lower(?)) > 0")
            values.append(word)
        condition, order = " AND ".join(where), "DESC" if newest_first else "ASC"
        total = self._db.execute(f"SELECT count(*) FROM jobs WHERE {condition}", values).fetchone()[0]
        rows = self._db.execute(
            f"SELECT * FROM jobs WHERE {condition} ORDER BY number {order} LIMIT ? OFFSET ?", [*values, limit, offset]
        )
        return total, [_job(row) for row in rows]

    def counts(self) -> dict[str, int]:
        return {row[0]: row[1] for row in self._db.execute("SELECT status, count(*) FROM jobs GROUP BY status")}

    def job_of_folder(self, folder: str) -> JobRow | None:
        """The last job that wrote there."""
        row = self._db.execute("SELECT * FROM jobs WHERE folder = ? ORDER BY number DESC LIMIT 1", [folder]).fetchone()
        return None if row is None else _job(row)

    # -- runs --------------------------------------------------------------------------------------------------------

    def stamps(self) -> dict[str, str]:
        """By path."""
        return {row[0]: row[1] for row in self._db.execute("SELECT path, stamp FROM runs")}

    def put_runs(self, rows: Iterable[RunRow], gone: Iterable[str]) -> None:
        """Replace rows, and forget the paths that are gone; all at once."""
        self._db.execute("BEGIN")
        try:
            self._db.executemany("DELETE FROM runs WHERE path = ?", [[path] for path in gone])
            self._db.executemany(
                f"INSERT OR REPLACE INTO runs ({', '.join(_RUN_COLUMNS)}) "
                f"VALUES ({', '.join('?' * len(_RUN_COLUMNS))})",
                [[_written(name, getattr(row, name)) for name in _RUN_COLUMNS] for row in rows],
            )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def run(self, id: str) -> RunRow | None:
        row = self._db.execute("SELECT * FROM runs WHERE id = ?", [id]).fetchone()
        return None if row is None else _run(row)

    def run_at(self, path: str) -> RunRow | None:
        row = self._db.execute("SELECT * FROM runs WHERE path = ?", [path]).fetchone()
        return None if row is None else _run(row)

    def count_children(self, id: str) -> int:
        return int(self._db.execute("SELECT count(*) FROM runs WHERE parent = ?", [id]).fetchone()[0])

    def runs(
        self, *, parent: str | None, kind: str | None, finished: bool | None, q: str | None, sort: str,
        descending: bool, offset: int, limit: int,
    ) -> tuple[int, list[RunRow]]:  # fmt: skip
        """(how many match, those of one page)."""
        where, values = ["parent IS ?"], [parent]
        if kind is not None:
            where.append("kind = ?")
            values.append(kind)
        if finished is not None:
            where.append("finished = ?")
            values.append(finished)  # type: ignore[arg-type]
        for word in (q or "").split():
            where.append("instr(words, ?) > 0")
            values.append(word.casefold())
        way = "DESC" if descending else "ASC"
        condition, order = " AND ".join(where), f"{SORTS[sort]} {way}, id {way}"
        total = self._db.execute(f"SELECT count(*) FROM runs WHERE {condition}", values).fetchone()[0]
        rows = self._db.execute(
            f"SELECT * FROM runs WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?", [*values, limit, offset]
        )
        return total, [_run(row) for row in rows]


def _written(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON or name == "told" else value


def _job(row: Mapping[str, Any]) -> JobRow:
    values = {name: row[name] for name in _COLUMNS}
    values |= {name: json.loads(values[name]) for name in _JSON}
    return JobRow(**{**values, "stopping": bool(values["stopping"])})


def _run(row: Mapping[str, Any]) -> RunRow:
    values = {name: row[name] for name in _RUN_COLUMNS}
    return RunRow(**{**values, "finished": bool(values["finished"]), "told": json.loads(values["told"])})
