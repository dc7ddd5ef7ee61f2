"""Arguments: what an instruction asks for, read strictly. An argument the reference would invent is Undecidable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Arguments: TypeAlias = Mapping[str, Any]


class Undecidable(Exception):
    """The instruction does not say what to check."""


def number(arguments: Arguments, name: str) -> int:
    """A count of zero or more."""
    value = arguments.get(name)
    if isinstance(value, float) and value.is_integer():  # tables of the hubs turn columns with gaps into floats
        value = int(value)
    if not isinstance(value, int) or value < 0:
        raise Undecidable(name)
    return value


def text(arguments: Arguments, name: str) -> str:
    """A text that is not blank."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Undecidable(name)
    return value


def texts(arguments: Arguments, name: str) -> list[str]:
    value = arguments.get(name)
    if value is None or isinstance(value, str) or not all(isinstance(word, str) for word in value) or len(value) == 0:
        raise Undecidable(name)
    return list(value)


def relates(count: int, arguments: Arguments, limit: str, relation: str = "relation") -> bool:
    """`at least` or `less than` the number under `limit`."""
    most_or_least = number(arguments, limit)
    match arguments.get(relation):
        case "at least":
            return count >= most_or_least
        case "less than":
            return count < most_or_least
    raise Undecidable(relation)
