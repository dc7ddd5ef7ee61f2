"""A load of bare sockets: what llama-server's replies hold beside the answer, at the concurrency that is asked for.

No line of the project's engine is used here. Each reply is read to the end of its connection and looked at afterwards.
"""

from __future__ import annotations

import json
import queue
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LIMIT_S = 120.0
CONTENT = re.compile(rb'"content":"[^"]')  # an event with output: its content is not empty
TIMINGS = re.compile(rb'"timings":(\{[^}]*\})')


@dataclass(frozen=True, slots=True)
class Timed:
    """One reply, by its server's own account and by its reader's clock."""

    prompt_ms: float
    per_token_ms: float
    ttft_ms: float
    gaps_ms: tuple[float, ...]


def timed_replies(port: int, path: str, bodies: Sequence[dict[str, Any]], parallel: int) -> list[Timed]:
    """Send each body as its turn comes, so many at a time."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(json.dumps(body).encode())
    found: list[Timed] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            while True:
                found.append(_ask(port, path, waiting.get_nowait()))
        except queue.Empty:
            return
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return found


def _ask(port: int, path: str, data: bytes) -> Timed:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\nconnection: close\r\n"
    reply, ends, stamps = bytearray(), [], []
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent_s = time.perf_counter()
        connection.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        while piece := connection.recv(1 << 16):
            stamps.append(time.perf_counter() - sent_s)
            reply += piece
            ends.append(len(reply))
    timings = TIMINGS.search(reply)
    assert timings is not None, bytes(reply[:500])
    said = json.loads(timings[1])
    instants = []
    at = 0
    for output in CONTENT.finditer(reply):
        while ends[at] < output.end():
            at += 1
        instants.append(stamps[at] * 1e3)
    gaps = tuple(later - sooner for sooner, later in pairwise(instants))
    return Timed(said["prompt_ms"], said["predicted_per_token_ms"], instants[0], gaps)
