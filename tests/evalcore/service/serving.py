"""A service to test: on a port of its own, with jobs that pretend unless real ones are wanted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from evalcore.service.app import Server, Service, make_app
from evalcore.service.models import OVER
from evalcore.service.process import Commands
from evalcore.service.settings import Settings

ROOT = Path(__file__).parents[3]
PRETENDED = "tests.evalcore.service.pretended"
TASK = {"api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"]}
SCENARIO = {"url": "http://127.0.0.1:9/v1", "number": 1}
AT_ONCE = {"Prefer": "respond-async"}


def pretended(kind: str, form: str, files: Path, resume: str | None) -> list[str]:
    return [PRETENDED, str(files), resume or "-"]


class Client:
    """Asks one service; JSON in, (status, JSON) out."""

    def __init__(self, service: Service, server: Server, session: aiohttp.ClientSession) -> None:
        self.service, self.server, self.session = service, server, session
        self.base = f"http://127.0.0.1:{server.port}"

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        async with self.session.request(method, self.base + path, json=body, **more) as response:
            data = await response.json(content_type=None) if "json" in response.content_type else await response.text()
            return response.status, data

    async def get(self, path: str, **more: Any) -> Any:
        status, found = await self.ask("GET", path, **more)
        assert status == 200, found
        return found

    async def start(self, does: str, kind: str = "eval", **body: Any) -> dict[str, Any]:
        """A pretended job, queued."""
        given = {**(TASK if kind == "eval" else SCENARIO), "model": does, **body}
        status, found = await self.ask("POST", f"/api/v1/{kind}", given, headers=AT_ONCE)
        assert status == 202, found
        return found

    async def over(self, id: str) -> dict[str, Any]:
        await self.service.jobs.over(id, 30)
        return await self.get(f"/api/v1/jobs/{id}")

    async def until(self, id: str, status: str) -> dict[str, Any]:
        """The job, once it has that status and has told how far it is."""
        while True:
            found = await self.get(f"/api/v1/jobs/{id}")
            if found["status"] == status and (status != "running" or found["progress"] is not None):
                return found
            assert found["status"] not in OVER, found["error"]
            await self.service.jobs.changed(id, 0.2)


@asynccontextmanager
async def serving(outputs: Path, commands: Commands = pretended, **settings: Any) -> AsyncIterator[Client]:
    given = Settings(outputs=outputs, port=0, **{"allow_paths": (outputs.parent,), "stop_grace_s": 2.0, **settings})
    service = Service(given, commands)  # which makes its folder
    server = Server(make_app(service))
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(service, server, session)
    finally:
        await server.stop()


class Served:
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.base = process.stdout.readline().strip().rstrip("/")
        assert self.base, "the service did not start"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.base + path, data, {"Prefer": "respond-async"}, method=method
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def jobs(self) -> dict[str, dict[str, Any]]:
        return {job["id"]: job for job in self.ask("GET", "/api/v1/jobs?limit=500")["jobs"]}


@contextmanager
def served(*words: str) -> Iterator[Served]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            yield Served(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
