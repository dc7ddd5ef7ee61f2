"""Filters: what a user has done to an answer before it is read (dataset_args.NAME.filters), in the order given.

Pure functions from text to text, by name in `FILTERS`; to add one, write what makes it from its value and add a line.
The names are those of the field (evalscope's dataset_args.filters; lm-eval's regex filter). A pattern that is not found
leaves nothing: what was asked for is not there, and the rest is not to be read in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Filter: TypeAlias = Callable[[str], str]


def _remove_until(mark: Any) -> Filter:
    """What comes after the last of these marks; all of it, where there is none."""
    mark = _text(mark)
    return lambda text: text.rpartition(mark)[2]


def _remove_after(mark: Any) -> Filter:
    """What comes before the first of these marks."""
    mark = _text(mark)
    return lambda text: text.partition(mark)[0]


def _first_match(pattern: Any) -> Filter:
    """The first match: its first group, if it has groups, else all of it."""
    found = _pattern(pattern)
    return lambda text: "" if (match := found.search(text)) is None else _taken(match)


def _last_match(pattern: Any) -> Filter:
    """The last match, likewise."""
    found = _pattern(pattern)

    def last(text: str) -> str:
        taken = ""
        for match in found.finditer(text):
            taken = _taken(match)
        return taken

    return last


def _remove_whitespace(wanted: Any) -> Filter:
    return (lambda text: "".join(text.split())) if _flag(wanted) else str


def _strip(wanted: Any) -> Filter:
    return str.strip if _flag(wanted) else str


def _lower(wanted: Any) -> Filter:
    return str.lower if _flag(wanted) else str


FILTERS: Mapping[str, Callable[[Any], Filter]] = {
    "remove_until": _remove_until,
    "remove_after": _remove_after,
    "extract": _first_match,
    "regex": _first_match,
    "regex_last": _last_match,
    "remove_whitespace": _remove_whitespace,
    "strip": _strip,
    "lower": _lower,
}


def read_filters(given: object) -> tuple[dict[str, Any], ...]:
    """Filters as they may be written: {NAME: VALUE, ...}, or a list of such, or of names. Raises ValueError."""
    parts = [given] if isinstance(given, Mapping | str) else given
    if not isinstance(parts, Sequence):
        raise ValueError(f"is {given!r}; write it like {{'remove_until': '</think>', 'strip': true}}")
    found: list[dict[str, Any]] = []
    for part in parts:
        found += [{str(name): value} for name, value in ({part: True} if isinstance(part, str) else dict(part)).items()]
    made_of(found)
    return tuple(found)


def made_of(filters: Sequence[Mapping[str, Any]]) -> Filter:
    """All of them, one after the other. Raises ValueError that names the filter, its value and the remedy."""
    steps: list[Filter] = []
    for name, value in ((name, value) for one in filters for name, value in one.items()):
        if name not in FILTERS:
            raise ValueError(f"names {name!r}, which is no filter; there are {', '.join(FILTERS)}")
        try:
            steps.append(FILTERS[name](value))
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None

    def run(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return run


def _taken(match: re.Match[str]) -> str:
    return next((group for group in match.groups() if group is not None), "") if match.groups() else match[0]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"is {value!r}; write the text to look for")
    return value


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        return re.compile(_text(value), re.DOTALL)
    except re.error as error:
        raise ValueError(f"is {value!r}, which is no regular expression: {error}") from None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {value!r}; write true or false")
    return value
