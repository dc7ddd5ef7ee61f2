"""Preflight: is anything there, and which model? Asked before any load is sent, through the scheduler like all else.

One GET of /models per address. Any reply at all shows that an endpoint lives there; what it lists matters only when the
user named no model. Within three seconds a dead port or a wrong host is reported as such.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from perfbench.engine.dialect.base import dialect
from perfbench.engine.dialect.urls import request_url
from perfbench.engine.errors import KINDS, ScenarioError, TargetUnreachable
from perfbench.engine.lane import Keep, Lane
from perfbench.engine.request import Deadlines, Record, Request
from perfbench.engine.scheduler import Scheduler
from perfbench.engine.transport.base import open_transport
from perfbench.scenario import Scenario

PATIENCE_S = 2.0
ALIVE = frozenset({"timeout_first_byte", "timeout_idle", "timeout_total", "bad_body", "empty_reply"})
"""Ends of the asking that do not mean a dead endpoint: it took the connection, or answered something else."""


@dataclass(frozen=True, slots=True)
class Target:
    model: str
    notes: tuple[str, ...] = ()


async def find_target(scenario: Scenario, urls: tuple[str, ...]) -> Target:
    """The model to ask for. Raises TargetUnreachable if an address is dead, or refuses to say which models it has;
    ScenarioError if there is no telling which to take."""
    asked = await asyncio.gather(*(_ask(scenario, url) for url in urls))
    dead = [(url, record) for url, record in zip(urls, asked, strict=True) if _is_dead(record)]
    if dead:
        lines = [f"{_tried(url)}: {record.error} ({_explained(record)}){_hint(url, record)}" for url, record in dead]
        raise TargetUnreachable("\n  ".join(["no endpoint answers; tried", *lines]))
    if scenario.model is not None:
        return Target(scenario.model)
    names = list(dict.fromkeys(name for record in asked for name in (record.text or "").split("\n") if name))
    if not names:
        first = asked[0]
        said = f"{first.status} {first.error_detail}".strip() if first.status else _explained(first)
        told = f"model is not given, and {_tried(urls[0])} names none ({said}); give --model"
        if first.status in (401, 403):
            raise TargetUnreachable(f"{told}, and the right key")
        raise TargetUnreachable(told) if first.status is None else ScenarioError(told)
    notes = (f"model was not given; the first of {len(names)} listed was taken: {names[0]}",) if len(names) > 1 else ()
    return Target(names[0], notes)


async def _ask(scenario: Scenario, url: str) -> Record:
    endpoint = replace(scenario.endpoint((url,)), connect_timeout_s=min(scenario.connect_timeout, PATIENCE_S))
    lane = Lane(
        transport=open_transport("wire" if scenario.transport == "sdk" else scenario.transport, endpoint),
        deadlines=Deadlines(PATIENCE_S, PATIENCE_S, PATIENCE_S), keep=Keep(texts=True),
        secrets=endpoint.secrets(),
    )  # fmt: skip
    async with Scheduler({"default": lane}) as scheduler:
        return await scheduler.submit(Request(key="models", body=b"", dialect=dialect("models"), stream=False))


def _is_dead(record: Record) -> bool:
    return record.status is None and record.error not in ALIVE


def _tried(url: str) -> str:
    return request_url(url, dialect("models").path)


def _explained(record: Record) -> str:
    detail = f"; {record.error_detail}" if record.error_detail else ""
    return f"{KINDS.get(record.error, 'no answer')}{detail}"


def _hint(url: str, record: Record) -> str:
    """What is behind it more often than not."""
    if url.startswith("http://") and record.error in ("disconnected", "bad_http", "reset", "truncated"):
        return "; does it speak https?"
    if url.startswith("https://") and "certificate" in record.error_detail.casefold():
        return "; name the authority that signed it (--ca FILE), or do without the check (--insecure)"
    if url.startswith("https://") and record.error in ("tls", "timeout_connect", "disconnected", "reset"):
        return "; does it speak http?"
    return ""
