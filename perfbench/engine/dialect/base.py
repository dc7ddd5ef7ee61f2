"""Dialect: what bytes mean.

A dialect knows one API shape: its path, how a `Prompt` becomes a body, and how a reply becomes an `Answer`. It never
touches a socket or a clock. To add one, write a file with a class that satisfies `Dialect` and a line in `DIALECTS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Answer, Reply


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to ask, in no dialect yet. Exactly one of the first five is set."""

    text: str | None = None
    messages: list[dict[str, Any]] | None = None
    texts: list[str] | None = None  # embeddings
    query: str | None = None  # rerank, with documents
    body: dict[str, Any] | None = None  # a whole request body, sent as it is but for `Options.extra` and the model
    documents: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What every request of a run asks for. `None` is left out of the body; `extra` wins over everything."""

    model: str = ""
    stream: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    n: int | None = None
    min_tokens: int | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logprobs: int | bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class StreamReader(Protocol):
    """Reads one event stream, piece by piece, so that long replies neither pile up nor stall the loop at their end."""

    def feed(self, reply: Reply) -> None:
        """Consume the whole events in `reply.body`; what is left is the beginning of the next one.

        The consumed bytes, ends and stamps are removed from the reply. An event's instant is the stamp of the read
        that completed its data line. Never raises on bad input: the first fault is kept for `finish`.
        """

    def finish(self, *, complete: bool) -> Answer:
        """The answer. `complete` is False when the wire failed, and then only what came is reported."""


class Dialect(Protocol):
    name: str
    method: str  # "POST"; "GET" for models
    path: str  # after /v1, with its slash: "/chat/completions"
    can_stream: bool

    def encode(self, prompt: Prompt, options: Options) -> bytes:
        """The request body. Raises ScenarioError when the prompt does not fit the dialect."""

    def reader(self) -> StreamReader:
        """A fresh reader for one streamed reply."""

    def read(self, body: bytes) -> Answer:
        """The answer in a 2xx reply that was not streamed (not an event stream, whatever was asked for)."""


DIALECTS: dict[str, str] = {
    "chat": "perfbench.engine.dialect.chat:Chat",
    "completions": "perfbench.engine.dialect.completions:Completions",
    "responses": "perfbench.engine.dialect.responses:Responses",
    "embeddings": "perfbench.engine.dialect.embeddings:Embeddings",
    "rerank": "perfbench.engine.dialect.rerank:Rerank",
    "messages": "perfbench.engine.dialect.messages:Messages",
    "models": "perfbench.engine.dialect.models:Models",
}


def dialect(name: str) -> Dialect:
    """The dialect of that name."""
    if name not in DIALECTS:
        raise ScenarioError(f"api {name!r} does not exist; there are {', '.join(DIALECTS)}")
    module, _, attribute = DIALECTS[name].partition(":")
    found: Dialect = getattr(importlib.import_module(module), attribute)()
    return found
