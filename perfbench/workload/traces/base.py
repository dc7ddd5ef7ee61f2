"""The contract of a trace format: how one line becomes a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec


class Row(msgspec.Struct, frozen=True, gc=False):
    """One request of a trace."""

    at_ns: int | None
    """When it came, on any clock; None: the trace does not say."""
    input_tokens: int | None
    """None: not said, because the prompt itself is there."""
    output_tokens: int | None
    """None: as long as the model talks."""
    blocks: tuple[int, ...] | list[int] = ()
    """Its prefix, block by block: two equal numbers are the same text, behind the same text."""
    session: str | None = None
    tag: str = ""
    has_prompt: bool = False
    """The line says itself what to ask."""


ReadRow: TypeAlias = Callable[[bytes], Row]
"""Raises ValueError with what is wrong with the line."""


class Format(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def has_header(self) -> bool:
        """Whether the first line is none of the rows."""

    @property
    def block_tokens(self) -> int:
        """Tokens of a block; 0 where there are none."""

    @property
    def like(self) -> str:
        """How its lines look, for messages."""

    def recognises(self, first: bytes) -> bool:
        """Whether a file that begins with this line is in the format."""

    def reader(self, first: bytes) -> ReadRow:
        """What reads the rows of such a file."""


def tokens(value: object, name: str) -> int:
    """A number of tokens, 0 or more. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{name} is {value!r}, not a number of tokens")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not (0 <= number < 1 << 31 and number.is_integer()):
        raise ValueError(f"{name} is {value!r}, not a number of tokens")
    return int(number)


def scaled_ns(value: object, unit_ns: int, name: str) -> int:
    """An instant that is given as a number of units. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * unit_ns
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not abs(number) * unit_ns < 1 << 62:
        raise ValueError(f"{name} is {value!r}, not a number")
    return round(number * unit_ns)
