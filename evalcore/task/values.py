"""Values: how single values of a task are written. Each reader raises ValueError with the value and the remedy."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Field

from perfbench import fieldtypes as t
from perfbench.settings import units


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
    if not value.lstrip().startswith(("{", "[")) and "=" in value:
        return json(value.split())
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


def parallel(value: object) -> object:
    """A count, or the word auto."""
    count = value if value == "auto" else units.count(value)
    if isinstance(count, int) and count < 1:
        raise ValueError(f"is {value}; write a count above 0, or auto")
    return count


def cache(value: object) -> object:
    """A folder, or true for the usual one; false is none."""
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        value = value.casefold() == "true"
    return value or None


def budget(value: object) -> object:
    """Money ("5.00") or tokens ("2Mtok"), as text."""
    text = str(value).strip()
    number, is_tokens = text.removesuffix("tok").strip(), text.endswith("tok")
    try:
        amount = units.count(number) if is_tokens else float(number)
    except ValueError:
        amount = 0
    if not 0 < amount < float("inf") or isinstance(value, bool):
        raise ValueError(f"is {value!r}; write money like 5.00, or tokens like 2Mtok")
    return text


def deadline(value: object) -> object:
    """A duration ("30m"), or a time of day ("18:30") or of a date ("2031-05-01 18:30"), as text."""
    if isinstance(value, datetime):  # YAML knows dates
        return value.isoformat(" ")
    if not isinstance(value, str):  # 18:30 without quotes is a number of YAML's, 1110
        raise ValueError(f"is {value!r}; write a duration with its unit (30m), or a time of day in quotes ('18:30')")
    seconds_until(value, datetime.now())
    return value


def seconds_until(text: str, now: datetime) -> float:
    """From `now` to a deadline. A time of day that has passed is tomorrow's. Raises ValueError."""
    if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
        try:
            at = datetime.combine(now.date(), time.fromisoformat(text.zfill(5 if text.count(":") == 1 else 8)))
        except ValueError:
            raise ValueError(f"{text!r} is no time of day; write it like 18:30") from None
        return ((at if at > now else at + timedelta(days=1)) - now).total_seconds()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        left_s = units.duration_s(text)
    else:
        left_s = (at - (now.astimezone() if at.tzinfo is not None else now)).total_seconds()
    if left_s <= 0:
        raise ValueError(f"{text!r} is over already; give a time to come")
    return left_s


def json_or_list(value: object) -> object:
    """A mapping, or a list of them; as themselves or as JSON."""
    found = value if value == [] else json(value)
    if not isinstance(found, dict) and not (
        isinstance(found, list | tuple) and all(isinstance(x, dict) for x in found)
    ):
        raise ValueError(f'is {type(found).__name__}; write a mapping like {{"a": 1}}, or a list of mappings')
    return found


Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Json = Annotated[dict[str, Any], BeforeValidator(json)]
JsonOrList = Annotated[dict[str, Any] | tuple[dict[str, Any], ...], BeforeValidator(json_or_list)]
Limit = Annotated[int | float, BeforeValidator(limit)]
Parallel = Annotated[Annotated[int, Field(ge=1)] | Literal["auto"], BeforeValidator(parallel)]
Cache = Annotated[str | Literal[True] | None, BeforeValidator(cache)]
Budget = Annotated[str | None, BeforeValidator(budget)]
Deadline = Annotated[str | None, BeforeValidator(deadline)]
