"""Events: a job's progress as server-sent events, and its log, followed until the job is over.

Each reader reads the job's files for itself, from wherever it is: a slow one holds up nobody, and one that takes
nothing for too long is dropped. The id of an event is the byte after its line, so a browser that was cut off goes on
where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import orjson
from aiohttp import web

from evalcore.service.endpoints import Call
from evalcore.service.models import OVER
from evalcore.service.process import whole_lines
from evalcore.service.store import JobRow
from evalcore.service.told import job_of

EVERY_S = 0.5
BEAT_S = 15.0
"""A comment in between, so that nobody takes the silence of a queued job for a broken connection."""
PIECE_BYTES = 1 << 18


async def stream(call: Call, job: JobRow, after: int) -> web.StreamResponse:
    """`job` when its state changes, `progress` per line of its progress file, `end` once it is over."""
    response = await _begin(call, "text/event-stream")
    with contextlib.suppress(ConnectionResetError):  # the reader has gone, or was too slow
        await _stream(call, response, job, after)
    return response


async def _stream(call: Call, response: web.StreamResponse, job: JobRow, after: int) -> None:
    last = call.request.headers.get("Last-Event-ID", "")
    at = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else after
    jobs, store = call.service.jobs, call.service.store
    progress = jobs.files(job.id).progress
    told: tuple[object, ...] | None = None
    attempt, silent_s = job.attempts, 0.0
    while True:
        row = store.job(job.id)
        if row is None:
            break
        if row.attempts != attempt:  # it was resumed: its progress begins anew
            attempt, at = row.attempts, 0
        over = row.status in OVER
        state = (row.status, row.stopping, row.attempts, row.folder, row.error)
        if state != told:
            told, silent_s = state, 0.0
            await _send(call, response, "job", job_of(call.service, row).model_dump_json())
        lines, end = whole_lines(progress, at)
        for line in lines:
            at += len(line) + 1
            await _send(call, response, "progress", line.decode("utf-8", "replace"), at)
        if lines:
            silent_s = 0.0
            if end == at:
                continue
        if over:
            await _send(call, response, "end", orjson.dumps({"status": row.status}).decode())
            break
        if call.service.closing:
            break
        if silent_s >= BEAT_S:
            silent_s = 0.0
            await _write(call, response, b": still here\n\n")
        await jobs.changed(job.id, EVERY_S)
        silent_s += EVERY_S


async def log(call: Call, job: JobRow, at: int, *, follow: bool) -> web.StreamResponse:
    """The log from that byte on."""
    response = await _begin(call, "text/plain")
    with contextlib.suppress(ConnectionResetError):
        await _log(call, response, job, at, follow)
    return response


async def _log(call: Call, response: web.StreamResponse, job: JobRow, at: int, follow: bool) -> None:
    file = call.service.jobs.files(job.id).log
    while True:
        row = call.service.store.job(job.id)
        over = row is None or row.status in OVER
        piece = await asyncio.to_thread(_piece, file, at)
        if piece:
            at += len(piece)
            await _write(call, response, piece)
            continue
        if over or not follow or call.service.closing:
            break
        await call.service.jobs.changed(job.id, EVERY_S)


def _piece(file: Path, at: int) -> bytes:
    try:
        with file.open("rb") as source:
            source.seek(at)
            return source.read(PIECE_BYTES)
    except FileNotFoundError:
        return b""


async def _begin(call: Call, content_type: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": f"{content_type}; charset=utf-8", "X-Accel-Buffering": "no"})
    call.service.dress(response)
    await response.prepare(call.request)
    return response


async def _send(call: Call, response: web.StreamResponse, event: str, data: str, id: int | None = None) -> None:
    number = "" if id is None else f"id: {id}\n"
    await _write(call, response, f"event: {event}\n{number}data: {data}\n\n".encode())


async def _write(call: Call, response: web.StreamResponse, data: bytes) -> None:
    """Raises ConnectionResetError for a reader that takes nothing."""
    try:
        async with asyncio.timeout(call.service.settings.body_timeout_s):
            await response.write(data)
    except TimeoutError:
        if call.request.transport is not None:
            call.request.transport.abort()
        raise ConnectionResetError("the reader is too slow") from None
