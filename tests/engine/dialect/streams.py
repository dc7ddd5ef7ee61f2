"""How tests of dialects hand bytes to a reader: in any reads, taken off at any points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from perfbench.engine.dialect.base import dialect
from perfbench.engine.request import Answer, Reply

DONE = b"data: [DONE]\n\n"


def sse(*payloads: bytes) -> bytes:
    return b"".join(b"data: " + payload + b"\n\n" for payload in payloads)


def read_stream(name: str, *reads: bytes, spills: Sequence[int] = (), complete: bool = True) -> Answer:
    """The answer; read i is stamped 1000 + i, and the reader is fed after the reads in `spills` and at the end."""
    reader, reply = dialect(name).reader(), Reply()
    for nth, read in enumerate(reads):
        reply.add(read, 1000 + nth)
        if nth in spills:
            reader.feed(reply)
    reader.feed(reply)
    return reader.finish(complete=complete)


def cut(body: bytes, points: Sequence[int]) -> list[bytes]:
    """The body in pieces, cut at those offsets."""
    edges = [0, *sorted(set(points) & set(range(1, len(body)))), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


def seen(answer: Answer) -> dict[str, Any]:
    """All that an answer says, so that two can be compared."""
    fields = {name: getattr(answer, name) for name in Answer.__slots__ if name != "fault"}
    return fields | {"fault": None if answer.fault is None else (answer.fault.kind, answer.fault.detail)}


def kind(answer: Answer) -> str | None:
    return None if answer.fault is None else answer.fault.kind
