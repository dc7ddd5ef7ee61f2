"""Lengths: how many tokens prompts and replies are to have, as a law that is written as a text.

    500                                      always 500
    uniform(100, 800)                        any whole number from 100 to 800
    normal(mean=500, sd=100, min=50)         bell-shaped; min is 1 and max open unless given
    lognormal(mean=500, sd=300, max=4000)    skewed, as lengths of real traffic mostly are
    128:64@0.5, 1024:256@0.5                 a mixture: prompt:reply@weight, each side a number or any law above

Mean and sd are those of the lengths before min and max cut them; what is left of a law is what it draws from, and its
`mean` is the mean of that. Arithmetic only: a draw takes numbers between 0 and 1, and the same ones give the same
length. To add a law: a class that satisfies `Law` in laws.py, a line in `LAWS`, and rows in test_lengths.py.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from perfbench.settings import units
from perfbench.settings.laws import Fixed, Law, Lognormal, Normal, Uniform
from perfbench.settings.suggest import did_you_mean

LIKE = "500, uniform(100, 800), lognormal(mean=500, sd=300, max=4000) or 128:64@0.5, 1024:256@0.5"


@dataclass(frozen=True, slots=True)
class Part:
    prompt: Law
    reply: Law | None
    weight: float


@dataclass(frozen=True, slots=True)
class Lengths:
    """A law of lengths, or a mixture of pairs of them."""

    parts: tuple[Part, ...]
    until: tuple[float, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        total = sum(part.weight for part in self.parts)
        object.__setattr__(self, "until", tuple(at / total for at in accumulate(part.weight for part in self.parts)))

    @property
    def pairs(self) -> bool:
        """Whether it says how long replies are, too."""
        return self.parts[0].reply is not None

    @property
    def fixed(self) -> int | None:
        """The one length there is; None when it differs from draw to draw, or is a pair."""
        law = self.parts[0].prompt
        return law.tokens if len(self.parts) == 1 and isinstance(law, Fixed) and not self.pairs else None

    @property
    def most(self) -> int:
        return max(part.prompt.most for part in self.parts)

    @property
    def least(self) -> int:
        return min(part.prompt.least for part in self.parts)

    @property
    def mean(self) -> float:
        """Tokens of a prompt, on average."""
        return sum(part.weight * part.prompt.mean for part in self.parts) / sum(part.weight for part in self.parts)

    @property
    def mean_reply(self) -> float | None:
        if not self.pairs:
            return None
        weighed = sum(part.weight * part.reply.mean for part in self.parts if part.reply is not None)
        return weighed / sum(part.weight for part in self.parts)

    def draw(self, which: float, prompt: float, reply: float) -> tuple[int, int | None]:
        """Tokens of a prompt and of its reply (None where the law says nothing of replies), by three numbers, each
        above 0 and below 1."""
        part = self.parts[bisect_right(self.until, which) if len(self.parts) > 1 else 0]
        return part.prompt.at(prompt), None if part.reply is None else part.reply.at(reply)


@dataclass(frozen=True, slots=True)
class _Form:
    make: Callable[..., Law]
    needed: tuple[str, ...]
    also: tuple[str, ...]
    like: str


LAWS: dict[str, _Form] = {
    "fixed": _Form(Fixed, ("tokens",), (), "fixed(500)"),
    "uniform": _Form(Uniform, ("min", "max"), (), "uniform(100, 800)"),
    "normal": _Form(Normal, ("mean", "sd"), ("min", "max"), "normal(mean=500, sd=100, max=4000)"),
    "lognormal": _Form(Lognormal, ("mean", "sd"), ("min", "max"), "lognormal(mean=500, sd=300, max=4000)"),
}
"""By name: what makes it, and its figures in order: those it needs, and those it may have."""


def lengths(value: object) -> Lengths:
    """The law that a number or a text spells. Raises ValueError with the value, what is wrong with it, and a remedy."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        raise ValueError(f"is {value!r}, not lengths; write them like {LIKE}")
    try:
        written = [_part(piece) for piece in _split(text, ",")]
    except ValueError as error:
        raise ValueError(f"is {text!r}: {error}") from None
    weights = [weight for _, _, weight in written]
    if any(weight is None for weight in weights) and any(weight is not None for weight in weights):
        raise ValueError(f"is {text!r}: it gives some parts a weight and others none; write @ behind all, or none")
    if len({reply is None for _, reply, _ in written}) > 1:
        raise ValueError(f"is {text!r}: some parts say how long replies are (prompt:reply) and others do not")
    return Lengths(tuple(Part(law, reply, 1.0 if weight is None else weight) for law, reply, weight in written))


def _part(text: str) -> tuple[Law, Law | None, float | None]:
    pair, at, weighed = text.partition("@")
    weight = None
    if at:
        try:
            weight = float(weighed.strip().removesuffix("%"))
        except ValueError:
            weight = math.nan
        if not 0 < weight < math.inf:
            raise ValueError(f"{weighed.strip()!r} is no weight; write a number above 0 behind the @, like 128:64@0.5")
    sides = list(_split(pair, ":"))
    if len(sides) > 2:
        raise ValueError(f"{pair.strip()!r} has more than two sides; write prompt:reply, like 128:64")
    laws = [_law(side.strip()) for side in sides]
    return laws[0], laws[1] if len(laws) == 2 else None, weight


def _law(text: str) -> Law:
    name, bracket, rest = text.partition("(")
    name = name.strip()
    if not bracket:
        return Fixed(_count(text))
    if name not in LAWS:
        raise ValueError(f"{name!r} is no law{did_you_mean(name, LAWS)}; write it like {LIKE}")
    form = LAWS[name]
    if not rest.endswith(")"):
        raise ValueError(f"{text!r} does not end with a bracket; write it like {form.like}")
    try:
        figures = _figures(form, rest[:-1])
        names = {"min": "low", "max": "high", "mean": "mean_asked"}
        return form.make(**{names.get(key, key): figure for key, figure in figures.items()})
    except ValueError as error:
        raise ValueError(f"{text}: {error}; write it like {form.like}") from None


def _figures(form: _Form, text: str) -> dict[str, float]:
    known = (*form.needed, *form.also)
    found: dict[str, float] = {}
    for number, piece in enumerate(_split(text, ",")):
        key, equals, figure = (side.strip() for side in piece.partition("="))
        if not equals:
            if number >= len(known):
                raise ValueError(f"{key!r} is one figure too many")
            key, figure = known[number], key
        if key not in known:
            raise ValueError(f"{key!r} is none of its figures{did_you_mean(key, known)}")
        if key in found:
            raise ValueError(f"{key!r} is there twice")
        found[key] = _count(figure) if key in ("min", "max", "tokens") else _number(key, figure)
    if missing := [key for key in form.needed if key not in found]:
        raise ValueError(f"{' and '.join(missing)} is missing")
    return found


def _count(text: str) -> int:
    if not text.strip():
        raise ValueError(f"a length is missing; write it like {LIKE}")
    return units.count(text)


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        try:
            return float(units.count(text))
        except ValueError:
            raise ValueError(f"{key} is {text!r}, not a number") from None


def _split(text: str, at: str) -> Iterator[str]:
    """The pieces between the separators that stand in no bracket."""
    depth = begin = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            raise ValueError(f"a bracket closes at character {place + 1} that never opened")
        if character == at and not depth:
            yield text[begin:place]
            begin = place + 1
    if depth:
        raise ValueError("a bracket is never closed")
    yield text[begin:]
