"""Parts: servers and clients of other people: found by environment variables, started, stopped.

None of them is part of this project. `PARTS` lists the variables; a test whose part is not named, or not there, is
skipped with that reason.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PARTS = {
    "LLAMA_SERVER": "llama-server, the program of llama.cpp",
    "PERFBENCH_TINY_GGUF": "a small model as a GGUF file",
    "PERFBENCH_TINY_EMBEDDING_GGUF": "a small model with pooling as a GGUF file",
    "PERFBENCH_SLOW_GGUF": "a model of some 100 tokens a second as a GGUF file",
    "PERFBENCH_TINY_HF": "the small model as a Hugging Face folder",
    "PERFBENCH_TRANSFORMERS": "the transformers command, with its `serve`",
    "PERFBENCH_LITELLM": "the litellm command, with its proxy",
    "PERFBENCH_LLAMA_CPP_PYTHON": "a Python that has llama-cpp-python[server]",
    "PERFBENCH_VLLM_RS": "vllm-rs, the program inside vLLM's wheel",
}
START_LIMIT_S = 120.0


def part(variable: str) -> Path:
    """Where that part is. Skips the test when it is not there."""
    named = os.environ.get(variable)
    if not named:
        pytest.skip(f"{variable} is not set; it names {PARTS[variable]}")
    path = Path(named).absolute()
    if not path.exists():
        pytest.skip(f"{variable} is {named}, which does not exist")
    return path


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    model: str
    log: Path
    api_key: str | None = None

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"


@contextmanager
def running(
    name: str,
    command: Sequence[object],
    health: str,
    *,
    folder: Path,
    model: str = "tiny",
    api_key: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Start a server on a free port (`{port}` in the command) and wait until `health` answers; stop it at the end."""
    server = Server(_free_port(), model, folder / f"{name}.log", api_key)
    words = [str(word).replace("{port}", str(server.port)) for word in command]
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder, start_new_session=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    try:
        _await(name, server, health, process)
        yield server
    finally:
        _stop(process)


def fetch(url: str, *, timeout_s: float = 10.0) -> bytes:
    """A GET, past any proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout_s) as answer:
        body: bytes = answer.read()
        return body


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(name: str, server: Server, health: str, process: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + START_LIMIT_S
    while True:
        try:
            fetch(server.root + health)
            return
        except (OSError, urllib.error.URLError):
            if process.poll() is not None or time.monotonic() > give_up_s:
                said = server.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{name} did not start (status {process.poll()}):\n{said}") from None
            time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it started itself: they share a session of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=10)
            break
        except subprocess.TimeoutExpired:
            continue
