"""Stages: the words of one stage of a shape, read into numbers and what they are numbers of.

`STAGES` is the table of the kinds. To add one, write its stage in perfbench/engine/pacing/, a line in `STAGES`, and
rows in tests/settings/test_shape.py. What a bare level is a level of is settled by the whole shape (shape.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from perfbench.engine.pacing import Stage
from perfbench.engine.pacing.hold import Hold
from perfbench.engine.pacing.ramp import Ramp
from perfbench.engine.pacing.sine import PHASES, Sine
from perfbench.engine.pacing.square import Square
from perfbench.engine.pacing.steps import Steps, levels_between
from perfbench.settings import units

SHARE = "%"


@dataclass(frozen=True, slots=True)
class Level:
    number: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A stage whose words have been read, but whose levels may still take their unit from others."""

    form: Form
    levels: tuple[Level | None, ...]
    seconds: Mapping[str, float]
    begins: str
    by: Level | None


@dataclass(frozen=True, slots=True)
class Made:
    """What a stage is made from, in base units."""

    levels: tuple[float, ...]
    seconds: Mapping[str, float]
    begins: str
    by: float | None


@dataclass(frozen=True, slots=True)
class Form:
    """How a stage is written: what stands after its word, which clauses follow, and what it becomes."""

    like: str
    levels: Literal["none or one", "from to", "low high", "list"]
    clauses: tuple[str, ...]
    make: Callable[[Made], Stage]
    also: tuple[str, ...] = field(default=())
    """Clauses that may be left out."""


STAGES: dict[str, Form] = {
    "hold": Form(
        "hold 30s, or hold 20 for 30s", "none or one", ("for",), lambda m: Hold(m.levels[0], m.seconds["for"])
    ),
    "step": Form("step 20 for 30s", "none or one", ("for",), lambda m: Hold(m.levels[0], m.seconds["for"])),
    "ramp": Form(
        "ramp 1 -> 50 over 60s, or ramp to 50 over 60s", "from to", ("over",),
        lambda m: Ramp(m.levels[0], m.levels[1], m.seconds["over"]),
    ),
    "exp": Form(
        "exp 1 -> 50 over 60s, or exp to 50 over 60s", "from to", ("over",),
        lambda m: Ramp(m.levels[0], m.levels[1], m.seconds["over"], exponential=True),
    ),
    "steps": Form(
        "steps 10, 20, 50 every 30s, or steps 10 -> 50 by 10 every 30s", "list", ("every",),
        lambda m: Steps(m.levels if m.by is None else levels_between(m.levels[0], m.levels[-1], m.by),
                        m.seconds["every"]), also=("by",),
    ),
    "sine": Form(
        "sine 5 <-> 50 every 24h for 48h, and at the end perhaps: from high", "low high", ("every", "for"),
        lambda m: Sine(m.levels[0], m.levels[1], m.seconds["every"], m.seconds["for"], m.begins), also=("from",),
    ),
    "square": Form(
        "square 5 <-> 50 every 20s for 2m", "low high", ("every", "for"),
        lambda m: Square(m.levels[0], m.levels[1], m.seconds["every"] / 2, m.seconds["every"], m.seconds["for"]),
    ),
    "bursts": Form(
        "bursts 5 <-> 50 lasting 2s every 30s for 5m", "low high", ("lasting", "every", "for"),
        lambda m: Square(m.levels[0], m.levels[1], m.seconds["lasting"], m.seconds["every"], m.seconds["for"]),
    ),
}  # fmt: skip
_CLAUSES = frozenset({"over", "for", "every", "by", "lasting", "from"})
_TIMES = _CLAUSES - {"by", "from"}


def read_stage(form: Form, rest: str) -> Draft:
    """What stands after a stage's first word. Raises ValueError."""
    head, clauses = _clauses(rest, form)
    if form.levels == "none or one" and head and "for" not in clauses:
        clauses["for"] = head.pop()  # hold 30s: a time without a word before it
    for name in form.clauses:
        if name not in clauses:
            raise ValueError(f"{name!r} is missing")
    by = _level(clauses["by"]) if "by" in clauses else None
    begins = clauses.get("from", "low")
    if begins not in PHASES:
        raise ValueError(f"from {begins!r} is nothing that a sine begins at ({', '.join(PHASES)})")
    levels = _levels(head, form, by is not None)
    seconds = {name: units.duration_s(given) for name, given in clauses.items() if name in _TIMES}
    return Draft(form, levels, seconds, begins, by)


def _clauses(rest: str, form: Form) -> tuple[list[str], dict[str, str]]:
    """The words before the first clause, and what follows each clause's word."""
    words = re.sub(r"(<->|<→|↔|->|→|,)", lambda found: f" {found[0]} ", rest).split()
    if form.levels == "from to" and words[:1] == ["from"]:
        del words[0]  # ramp from 1 to 50
    head: list[str] = []
    clauses: dict[str, str] = {}
    name: str | None = None
    for word in words:
        if word in _CLAUSES:
            if word not in (*form.clauses, *form.also):
                raise ValueError(f"{word!r} has no meaning here")
            if word in clauses or word == name:
                raise ValueError(f"{word!r} is there twice")
            name = word
        elif name is None:
            head.append(word)
        elif name in clauses:
            raise ValueError(f"{word!r} after {name!r} is too much")
        else:
            clauses[name] = word
    if name is not None and name not in clauses:
        raise ValueError(f"nothing follows {name!r}")
    return head, clauses


def _levels(head: list[str], form: Form, by: bool) -> tuple[Level | None, ...]:
    arrows, both = ("->", "→", "to"), ("<->", "↔", "to", "and", "->")
    match form.levels, head:
        case "none or one", []:
            return (None,)
        case "none or one", [one]:
            return (_level(one),)
        case "from to", [arrow, last] if arrow in arrows:
            return None, _level(last)
        case "from to", [first, arrow, last] if arrow in arrows:
            return _level(first), _level(last)
        case "low high", [low, arrow, high] if arrow in both:
            return _level(low), _level(high)
        case "list", [first, arrow, last] if arrow in arrows:
            if not by:
                raise ValueError("'by' is missing")
            return _level(first), _level(last)
        case "list", [_, *_] if not by and all(word == "," for word in head[1::2]) and len(head) % 2:
            return tuple(_level(word) for word in head[::2])
    raise ValueError(f"{' '.join(head)!r} are not its levels" if head else "its levels are missing")


def _level(text: str) -> Level:
    """50, 50/s, 3000/m, 50%."""
    found = re.fullmatch(r"([+-]?[\d_]*\.?\d+(?:[eE][+-]?\d+)?[kM]?)(/[a-z]+|%)?", text)
    if found is None:
        raise ValueError(f"{text!r} is not a level (a level is like 50, 50/s, 3000/m or 50%)")
    unit = found[2] or ""
    if unit and unit != SHARE:
        units.rate_per_s(f"1{unit}")  # names the right unit
    number, times = found[1], 1.0
    if number[-1] in "kM":
        number, times = number[:-1], float(units.TIMES[number[-1]])
    level = float(number) * times
    if level < 0:
        raise ValueError(f"{text!r} is below 0")
    return Level(level, unit, text)
