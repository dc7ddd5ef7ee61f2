"""Shape: the contract between what is said and how a dialect writes it.

A shape turns a `Speech` into events or into one whole body. It knows no clock, no socket and no fault; the driver
(`reply.py`) decides when each event leaves. To add a dialect, write a file here and a line in `SHAPES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from perfbench.simulator.script import Script

Alternatives = tuple[tuple[str, float], ...]
"""Tokens and the logarithms of their probabilities, the likeliest first."""
Event = tuple[bytes | None, bytes]
"""The name of the event (None: no `event:` line) and its data, one line."""

DIED = "engine died"  # what a stream that fails half way says


@dataclass(frozen=True, slots=True)
class Told:
    """What one choice tells of likelihoods."""

    generated: tuple[Alternatives, ...] | None = None
    """Of each generated token, itself first; None: not asked for."""
    top: int = 0
    """So many alternatives are listed."""
    prompt: tuple[tuple[str, float], ...] = ()
    echo: bool = False
    """The text begins with the prompt, and so do the tokens."""
    in_field: bool = False
    """The prompt's tokens are told in prompt_logprobs."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What is to be said, in no dialect yet."""

    number: int
    """Of the row in the log; part of every id."""
    model: str
    created_s: int
    scripts: tuple[Script, ...]
    """One per choice; responses and messages have one."""
    prompt_tokens: int
    say_usage: bool
    role_first: bool
    told: tuple[Told, ...] = ()
    """One per choice; empty: nothing was asked."""

    @property
    def output_tokens(self) -> int:
        return sum(script.length for script in self.scripts)

    @property
    def reasoning_tokens(self) -> int:
        return sum(script.reasoning for script in self.scripts)

    def usage(self) -> dict[str, Any]:
        """In the words of chat and completions."""
        said: dict[str, Any] = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.prompt_tokens + self.output_tokens,
        }
        if self.reasoning_tokens:
            said["completion_tokens_details"] = {"reasoning_tokens": self.reasoning_tokens}
        return said


class Shape(Protocol):
    done: bool
    """Whether a `[DONE]` line ends the stream."""

    def opening(self) -> list[Event]:
        """Events before the first token, in the same write as it."""

    def delta(self, choice: int, text: bytes, *, thought: bool) -> list[Event]:
        """The event of some tokens, and whatever the dialect puts between parts before it."""

    def ending(self) -> list[Event]:
        """Events after the last token."""

    def broken(self) -> Event:
        """An event that is not JSON."""

    def failing(self) -> Event:
        """An error object as the last event."""

    def whole(self) -> bytes:
        """The body of a reply that is not streamed."""


def text_of(escaped: bytes) -> str:
    """The string whose JSON form, without its quotes, is `escaped`."""
    text: str = orjson.loads(b'"' + escaped + b'"')
    return text
