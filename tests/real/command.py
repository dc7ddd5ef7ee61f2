"""The command as a user has it: `perfbench run ... --json` in a process of its own, and all that it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfbench.engine.request import Record
from perfbench.runfolder import RunFolder
from tests.real.parts import Server

LIMIT_S = 240.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one run."""

    exit_code: int
    summary: dict[str, Any]
    records: list[Record]
    stderr: str

    def p50(self, latency: str) -> float:
        """In ms."""
        value: float = self.summary["latency_ms"][latency]["p50"]
        return value

    @property
    def requests(self) -> dict[str, Any]:
        found: dict[str, Any] = self.summary["requests"]
        return found


def perfbench_run(server: Server, folder: Path, *flags: str) -> Ran:
    """Run against that server; the run folder is made in `folder`, which must hold no other one."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    if server.api_key is not None:
        environment["OPENAI_API_KEY"] = server.api_key
    command = [
        sys.executable, "-m", "perfbench", "run", "--url", server.url, "--model", server.model,
        "--outputs-dir", str(folder), "--json", *flags,
    ]  # fmt: skip
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ended.stdout, f"exit {ended.returncode}, nothing on stdout; stderr:\n{ended.stderr}"
    (run,) = folder.iterdir()
    records = [record for batch in RunFolder(run).records() for record in batch]
    return Ran(ended.returncode, json.loads(ended.stdout), records, ended.stderr)
