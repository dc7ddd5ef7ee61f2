"""Lane: one endpoint, and the rules for what goes there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from perfbench.engine.limits import Limits
from perfbench.engine.request import Deadlines
from perfbench.engine.retry import RetryPolicy
from perfbench.engine.transport.base import Transport


@dataclass(frozen=True, slots=True)
class Keep:
    """What records hold beyond numbers."""

    texts: bool = False  # prompt, answer, reasoning, tool calls
    chunks: bool = True  # the gaps between output chunks


@dataclass(frozen=True, slots=True)
class Lane:
    transport: Transport
    limits: Limits = Limits()
    retry: RetryPolicy = RetryPolicy()
    deadlines: Deadlines = Deadlines()
    keep: Keep = Keep()
    count_tokens: Callable[[str], int] | None = None
    """The tokenizer, asked when the server's reply has no usage."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Blotted out should a server echo them."""
