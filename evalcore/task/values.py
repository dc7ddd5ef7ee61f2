"""Values: how single values of a task are written. Each reader raises ValueError with the value and the remedy."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator

from perfbench import fieldtypes as t


def names(value: object) -> object:
    """Words, however they are given: one text with commas or blanks, a list, or a list of such texts."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return tuple(part for word in value for part in word.replace(",", " ").split())
    return value


def json(value: object) -> object:
    """A mapping, its JSON text, or NAME=VALUE words whose values are JSON where they can be."""
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        if len(value) != 1 or not value[0].lstrip().startswith(("{", "[")):
            return {name: _value(rest) for name, rest in t.pairs(value).items()}  # type: ignore[attr-defined]
        value = value[0]
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error}); write it like '{{\"a\": 1}}'") from None


def _value(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def limit(value: object) -> object:
    """1 is one item and 0.5 is half of them; what is neither a count nor a share below 1 is refused."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"is {value!r}; a count like 100, or a share like 0.1") from None
    if not 0 < number < float("inf") or (number > 1 and number != int(number)):
        raise ValueError(f"is {value}; a count is whole and above 0, a share lies between 0 and 1")
    return int(number) if number >= 1 else number


Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Json = Annotated[dict[str, Any], BeforeValidator(json)]
JsonOrList = Annotated[
    dict[str, Any] | tuple[dict[str, Any], ...], BeforeValidator(lambda value: value if value == [] else json(value))
]
Limit = Annotated[int | float, BeforeValidator(limit)]
