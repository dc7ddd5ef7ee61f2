"""Words: what the texts of several pages have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import yaml

from perfbench.report.facts import NO_VALUE, Answer
from perfbench.report.page import Cell, Table
from perfbench.report.text import harmless, number, target

UNITS = {"rate": "req/s", "parallel": "in flight"}
"""Of a load, by what it is the number of."""


def of_load(load: float, over: str) -> str:
    return f"{load:.4g} {UNITS.get(over, '')}".strip()


def between(interval: Sequence[float | None] | None, digits: int = 3) -> str:
    """`12 to 15`; without an upper end `12 or more`."""
    if interval is None:
        return NO_VALUE
    low, high = interval
    if high is None:
        return f"{number(low, digits)} or more"
    return f"{number(low, digits)} to {number(high, digits)}"


def sure(interval: Sequence[float | None] | None, digits: int = 3) -> str:
    """For a hint below a figure; empty without an interval."""
    return "" if interval is None else f"95 % sure: {between(interval, digits)}"


def plain(text: str, *, strong: bool = False) -> Cell:
    return Cell(text, strong=strong, dim=text in (NO_VALUE, ""))


def figure(value: float | None, digits: int = 3, *, strong: bool = False) -> Cell:
    return plain(NO_VALUE if value is None else number(value, digits), strong=strong)


def word(outcome: str | None) -> Cell:
    """met, missed or inconclusive, with its colour."""
    return Cell(NO_VALUE, dim=True) if outcome is None else Cell(harmless(outcome, 40), outcome=_known(outcome))


def _known(outcome: str) -> str:
    return outcome if outcome in ("met", "missed", "inconclusive") else ""


def answer(title: str, outcome: str | None, text: str) -> Answer:
    return Answer(title, "" if outcome is None else _known(outcome), text)


def link(text: str, folder: str | None, file: str) -> Cell:
    """To a file in a folder below that of the page; plain text where there is none, or it lies elsewhere."""
    if folder is None or folder.startswith("/") or ".." in folder.split("/"):
        return Cell(text)
    # The leading ./ keeps a folder named like `javascript:` from being read as a scheme.
    return Cell(text, href=f"./{quote(folder)}/{quote(file)}")


def table(
    name: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, texts: Sequence[str] = (), note: str = ""
) -> Table:
    """A table whose columns are figures but for those named in `texts`."""
    return Table(name, tuple(heads), tuple(head not in texts for head in heads), tuple(map(tuple, rows)), note)


def scenario_yaml(scenario: Mapping[str, Any]) -> str:
    """The scenario as it could be run again; escapes in its strings stay visible."""
    given = {name: value for name, value in scenario.items() if value not in (None, [], {}, ())}
    return yaml.safe_dump(given, sort_keys=False, allow_unicode=False, width=100)


def heading(scenario: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """(model or name, what it was sent to)."""
    return harmless(scenario.get("model") or scenario.get("name") or otherwise), target(scenario)
