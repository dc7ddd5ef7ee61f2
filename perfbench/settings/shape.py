"""Shape: a load that changes over time, as people write it.

    ramp 1 -> 50 over 60s; hold 30s; step 20 for 1m; ramp to 0 over 10s

Stages stand between semicolons; `stages.STAGES` is the table of their kinds. A level may say its unit: `50/s` (or
`3000/m`) is an arrival rate, so the loop is open; `50%` is a share of `rate` or `parallel`, whichever is given; a bare
number takes the unit that the other levels have, and is an arrival rate where none has one. In `parallel: ramp 1 -> 50
over 60s` it is open slots, a closed loop; `rate:` may stand there too. In a file a shape may also be a list of stages,
each a text or a mapping of the same words (`ramp: 1 -> 50`, `over: 60s`), alone or under the key `rate` or `parallel`.

Raises `ValueError` like the rest of settings; a `Misshapen` says in which stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Curve
from perfbench.settings import units
from perfbench.settings.stages import SHARE, STAGES, Draft, Level, Made, read_stage
from perfbench.settings.suggest import did_you_mean

Of = Literal["rate", "parallel", "share"]
OF = ("rate", "parallel")
LIKE = "ramp 1 -> 50 over 60s; hold 30s"


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


def _read(text: str, number: int, at: tuple[str, ...]) -> Draft:
    """The words of a stage."""
    word, _, rest = text.partition(" ")
    form = STAGES.get(word.lower())
    if form is None:
        raise Misshapen(
            f"stage {number}, {text!r}: {word!r} is no kind of stage{did_you_mean(word, STAGES)} "
            f"(there are {', '.join(STAGES)})", at,
        )  # fmt: skip
    try:
        return read_stage(form, rest)
    except ValueError as error:
        raise Misshapen(f"stage {number}, {text!r}: {error}; write it like: {form.like}", at) from None


def _unit(of: str | None, levels: Sequence[Level]) -> tuple[Of, str, bool]:
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


def _made(draft: Draft, before: float | None, kind: Of, unit: str) -> Made:
    def number(level: Level) -> float:
        if kind == "parallel":
            return level.number
        at = level.unit or unit
        return level.number / 100 if at == SHARE else level.number * units.PER_SECOND[at or "/s"]

    found = []
    for level in draft.levels:
        if level is None and before is None:
            raise ValueError(f"the first stage must say its level; write it like: {draft.form.like.split(', or ')[-1]}")
        found.append(before if level is None else number(level))
    return Made(tuple(found), draft.seconds, draft.begins, None if draft.by is None else number(draft.by))  # type: ignore[arg-type]
