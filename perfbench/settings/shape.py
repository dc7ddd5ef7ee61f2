"""Shape: a load that changes over time, as people write it.

    ramp 1 -> 50 over 60s; hold 30s; step 20 for 1m; ramp to 0 over 10s

Stages stand between semicolons; `STAGES` is the table of them. A level may say its unit: `50/s` (or `3000/m`) is an
arrival rate, so the loop is open; `50%` is a share of `rate` or `parallel`, whichever is given; a bare number takes the
unit that the other levels have, and is an arrival rate where none has one. `parallel: ramp 1 -> 50 over 60s` is of
open slots, a closed loop; `rate:` may stand there too. In a file a shape may also be a list of stages, each a text or
a mapping of the same words (`ramp: 1 -> 50`, `over: 60s`), alone or under the key `rate` or `parallel`.

Raises `ValueError` like the rest of settings; a `Misshapen` says in which stage. To add a shape, write its stage in
perfbench/engine/pacing/, a line in `STAGES`, and rows in tests/settings/test_shape.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Curve, Stage
from perfbench.engine.pacing.hold import Hold
from perfbench.engine.pacing.ramp import Ramp
from perfbench.engine.pacing.sine import PHASES, Sine
from perfbench.engine.pacing.square import Square
from perfbench.engine.pacing.steps import Steps, levels_between
from perfbench.settings import units
from perfbench.settings.suggest import did_you_mean

Of = Literal["rate", "parallel", "share"]
OF = ("rate", "parallel")
LIKE = "ramp 1 -> 50 over 60s; hold 30s"
SHARE = "%"


class Misshapen(ValueError):
    """What is wrong with a shape; `at` are the keys and positions of the stage below the shape's own key."""

    def __init__(self, text: str, at: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.at = at


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape that has been read. `curve` is in arrivals a second, in slots, or in shares of one of them."""

    of: Of
    curve: Curve
    text: str
    """As it was written, on one line; reading it gives the same shape."""
    says_of: bool = True
    """Whether units or a word said what it is of; else it is a rate for want of anything else."""

    def __str__(self) -> str:
        return self.text

    def level_curve(self, base: float | None) -> Curve:
        """In arrivals a second or in slots: a share is multiplied by the `base` that it is a share of."""
        return self.curve if self.of != "share" or base is None else self.curve.times(base)


@dataclass(frozen=True, slots=True)
class _Level:
    number: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """A stage whose words have been read, but whose levels may still take their unit from others."""

    form: _Form
    levels: tuple[_Level | None, ...]
    seconds: Mapping[str, float]
    begins: str
    by: _Level | None


@dataclass(frozen=True, slots=True)
class _Made:
    """What a stage is made from, in base units."""

    levels: tuple[float, ...]
    seconds: Mapping[str, float]
    begins: str
    by: float | None


@dataclass(frozen=True, slots=True)
class _Form:
    """How a stage is written: what stands after its word, which clauses follow, and what it becomes."""

    like: str
    levels: Literal["none or one", "from to", "low high", "list"]
    clauses: tuple[str, ...]
    make: Callable[[_Made], Stage]
    also: tuple[str, ...] = field(default=())
    """Clauses that may be left out."""


STAGES: dict[str, _Form] = {
    "hold": _Form(
        "hold 30s, or hold 20 for 30s", "none or one", ("for",), lambda m: Hold(m.levels[0], m.seconds["for"])
    ),
    "step": _Form("step 20 for 30s", "none or one", ("for",), lambda m: Hold(m.levels[0], m.seconds["for"])),
    "ramp": _Form(
        "ramp 1 -> 50 over 60s, or ramp to 50 over 60s", "from to", ("over",),
        lambda m: Ramp(m.levels[0], m.levels[1], m.seconds["over"]),
    ),
    "exp": _Form(
        "exp 1 -> 50 over 60s, or exp to 50 over 60s", "from to", ("over",),
        lambda m: Ramp(m.levels[0], m.levels[1], m.seconds["over"], exponential=True),
    ),
    "steps": _Form(
        "steps 10, 20, 50 every 30s, or steps 10 -> 50 by 10 every 30s", "list", ("every",),
        lambda m: Steps(m.levels if m.by is None else levels_between(m.levels[0], m.levels[-1], m.by),
                        m.seconds["every"]), also=("by",),
    ),
    "sine": _Form(
        "sine 5 <-> 50 every 24h for 48h, and at the end perhaps: from high", "low high", ("every", "for"),
        lambda m: Sine(m.levels[0], m.levels[1], m.seconds["every"], m.seconds["for"], m.begins), also=("from",),
    ),
    "square": _Form(
        "square 5 <-> 50 every 20s for 2m", "low high", ("every", "for"),
        lambda m: Square(m.levels[0], m.levels[1], m.seconds["every"] / 2, m.seconds["every"], m.seconds["for"]),
    ),
    "bursts": _Form(
        "bursts 5 <-> 50 lasting 2s every 30s for 5m", "low high", ("lasting", "every", "for"),
        lambda m: Square(m.levels[0], m.levels[1], m.seconds["lasting"], m.seconds["every"], m.seconds["for"]),
    ),
}  # fmt: skip
_CLAUSES = frozenset({"over", "for", "every", "by", "lasting", "from"})
_TIMES = _CLAUSES - {"by", "from"}


def parse_shape(value: object) -> Shape:
    """A text, or the list or mapping of a file. Raises Misshapen."""
    if isinstance(value, Shape):
        return value
    of, stages = _stages(value)
    drafts = [_read(text, number, at) for number, (text, at) in enumerate(stages, 1)]
    levels = [level for draft in drafts for level in (*draft.levels, draft.by) if level is not None]
    kind, unit, said = _unit(of, levels)
    pieces: list[Any] = []
    before: float | None = None
    for number, (draft, (text, at)) in enumerate(zip(drafts, stages, strict=True), 1):
        try:
            made = draft.form.make(_made(draft, before, kind, unit))
            pieces += made.pieces()
        except (ScenarioError, ValueError) as error:
            raise Misshapen(f"stage {number}, {text!r}: {error}", at) from None
        before = pieces[-1].level(pieces[-1].lasts_s)
    prefix = f"{of}: " if of is not None else ""
    curve = Curve(tuple(pieces))
    if curve.highest <= 0:
        raise Misshapen("is 0 all the time, so nothing would be sent; give it a level above 0")
    if kind == "parallel" and curve.highest < 0.5:
        raise Misshapen("is below 0.5 slots all the time, so none would open; raise it to 1 or more")
    return Shape(kind, curve, prefix + "; ".join(text for text, _ in stages), said)


def _stages(value: object) -> tuple[str | None, list[tuple[str, tuple[str, ...]]]]:
    """What it is of, if a word says so, and each stage's text with its place."""
    if isinstance(value, str):
        found = re.match(r"\s*([A-Za-z]+)\s*:(.*)", value, re.DOTALL)
        of = found[1].lower() if found else None
        if of is not None and of not in OF:
            raise Misshapen(f"is of {of!r}; a shape is of rate (arrivals a second) or of parallel (open slots)")
        texts = [" ".join(text.split()) for text in (found[2] if found else value).split(";")]
        texts = [text for text in texts if text]
        if not texts:
            raise Misshapen(f"is empty; write it like {LIKE}")
        return of, [(text, ()) for text in texts]
    if isinstance(value, Mapping):
        if len(value) != 1 or next(iter(value)) not in OF:
            raise Misshapen(
                f"has the keys {', '.join(map(repr, value)) or 'of nothing'}; give one, rate or parallel, and below it "
                "the stages"
            )
        of, inner = next(iter(value.items()))
        below, stages = _stages(inner)
        if below is not None or isinstance(inner, Mapping):
            raise Misshapen(f"says twice what it is of, {of!r} and then again; say it once", (str(of),))
        return str(of), [(text, (str(of), *at)) for text, at in stages]
    if isinstance(value, Sequence) and value:
        return None, [(_stage_text(stage, place), (str(place),)) for place, stage in enumerate(value)]
    raise Misshapen(f"is {value!r}, not a shape; write it like {LIKE!r}, or as a list of such stages")


def _stage_text(stage: object, place: int) -> str:
    if isinstance(stage, str):
        text = " ".join(stage.split())
        if text and ";" not in text:
            return text
    elif isinstance(stage, Mapping) and stage:
        return " ".join(word for key, content in stage.items() for word in _words(key, content))
    raise Misshapen(f"stage {place + 1} is {stage!r}; write one stage, like 'ramp 1 -> 50 over 60s'", (str(place),))


def _words(key: object, content: object) -> Iterator[str]:
    yield str(key)
    if isinstance(content, list | tuple):
        yield ", ".join(str(part) for part in content)
    else:
        yield str(content)


def _read(text: str, number: int, at: tuple[str, ...]) -> _Draft:
    """The words of a stage."""
    word, _, rest = text.partition(" ")
    form = STAGES.get(word.lower())
    if form is None:
        raise Misshapen(
            f"stage {number}, {text!r}: {word!r} is no kind of stage{did_you_mean(word, STAGES)} "
            f"(there are {', '.join(STAGES)})", at,
        )  # fmt: skip
    try:
        return _draft(form, rest)
    except ValueError as error:
        raise Misshapen(f"stage {number}, {text!r}: {error}; write it like: {form.like}", at) from None


def _draft(form: _Form, rest: str) -> _Draft:
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
    return _Draft(form, levels, seconds, begins, by)


def _clauses(rest: str, form: _Form) -> tuple[list[str], dict[str, str]]:
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


def _levels(head: list[str], form: _Form, by: bool) -> tuple[_Level | None, ...]:
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


def _level(text: str) -> _Level:
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
    return _Level(level, unit, text)


def _unit(of: str | None, levels: Sequence[_Level]) -> tuple[Of, str, bool]:
    """What the shape is of, the unit of bare numbers, and whether anything said so."""
    given = {level.unit for level in levels if level.unit}
    bare = next((level.text for level in levels if not level.unit and level.number), None)
    if SHARE in given and len(given) > 1:
        raise Misshapen(f"mixes shares with {', '.join(sorted(given - {SHARE}))}; write all levels in one unit")
    if of == "parallel" and given - {SHARE}:
        raise Misshapen(f"is of parallel, but {sorted(given)[0]!r} is the unit of a rate; write plain numbers of slots")
    if len(given) > 1 and bare is not None:
        raise Misshapen(f"has levels in {' and '.join(sorted(given))}, and {bare!r} does not say which; add its unit")
    unit = next(iter(given), "") if len(given) == 1 else ""
    if SHARE in given:
        if of is not None:
            raise Misshapen(f"is of {of}, but its levels are shares; take {of!r} out, and give --{of} as the 100 %")
        return "share", SHARE, True
    return ("parallel" if of == "parallel" else "rate"), unit, of is not None or bool(given)


def _made(draft: _Draft, before: float | None, kind: Of, unit: str) -> _Made:
    def number(level: _Level) -> float:
        if kind == "parallel":
            return level.number
        at = level.unit or unit
        return level.number / 100 if at == SHARE else level.number * units.PER_SECOND[at or "/s"]

    found = []
    for level in draft.levels:
        if level is None and before is None:
            raise ValueError(f"the first stage must say its level; write it like: {draft.form.like.split(', or ')[-1]}")
        found.append(before if level is None else number(level))
    return _Made(tuple(found), draft.seconds, draft.begins, None if draft.by is None else number(draft.by))  # type: ignore[arg-type]
