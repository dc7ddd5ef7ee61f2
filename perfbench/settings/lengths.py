"""Lengths: how many tokens prompts and replies are to have, as a law that is written as a text.

    500                                      always 500
    uniform(100, 800)                        any whole number from 100 to 800
    normal(mean=500, sd=100, min=50)         bell-shaped; min is 1 and max open unless given
    lognormal(mean=500, sd=300, max=4000)    skewed, as lengths of real traffic mostly are
    128:64@0.5, 1024:256@0.5                 a mixture: prompt:reply@weight, each side a number or any law above

Mean and sd are those of the lengths before min and max cut them; what is left of a law is what it draws from, and its
`mean` is the mean of that. Arithmetic only: a draw takes numbers between 0 and 1, and the same ones give the same
length. To add a law: a class that satisfies `Law`, a line in `LAWS`, and rows in tests/settings/test_lengths.py.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import NormalDist
from typing import Protocol

from perfbench.settings import units
from perfbench.settings.suggest import did_you_mean

LIKE = "500, uniform(100, 800), lognormal(mean=500, sd=300, max=4000) or 128:64@0.5, 1024:256@0.5"
_UNIT = NormalDist()
_LAST = 1 - 2.0**-53  # the largest number below 1
_RARE = 1e-9
_LEAST_LEFT = 1e-6  # of a law, within its min and max; with less than that the cut is the law


class Law(Protocol):
    @property
    def mean(self) -> float:
        """Of what is drawn."""

    @property
    def most(self) -> int:
        """The longest that is ever drawn."""

    @property
    def least(self) -> int:
        """The shortest that is drawn, but for one draw in a billion."""

    def at(self, share: float) -> int:
        """The length below which about that share (0 < share < 1) of the draws lie: a draw, where it is uniform."""


@dataclass(frozen=True, slots=True)
class Fixed:
    tokens: int

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError(f"{self.tokens} is no length; 1 is the shortest")

    @property
    def mean(self) -> float:
        return float(self.tokens)

    @property
    def most(self) -> int:
        return self.tokens

    @property
    def least(self) -> int:
        return self.tokens

    def at(self, share: float) -> int:
        return self.tokens


@dataclass(frozen=True, slots=True)
class Uniform:
    low: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high:
            raise ValueError(f"{self.low} to {self.high} are no lengths; the first is 1 or more, and the smaller one")

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    @property
    def most(self) -> int:
        return self.high

    @property
    def least(self) -> int:
        return self.low

    def at(self, share: float) -> int:
        return self.low + int(share * (self.high - self.low + 1))


@dataclass(frozen=True, slots=True)
class _Cut:
    """A normal law between two ends; of the lengths themselves, or of their logarithms."""

    mean_asked: float
    sd: float
    low: int = 1
    high: int | None = None
    law: NormalDist = field(init=False, compare=False)
    below: float = field(init=False, compare=False)
    """The share of the uncut law that lies below `low`."""
    kept: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not (0 < self.mean_asked < math.inf and 0 < self.sd < math.inf):
            raise ValueError(f"mean {self.mean_asked:g} and sd {self.sd:g} must both be above 0")
        if self.low < 1 or (self.high is not None and self.high < self.low):
            raise ValueError(f"min {self.low} and max {self.high} are no lengths; 1 <= min <= max")
        law = self._law()
        below, above = law.cdf(self._scaled(self.low - 0.5)), 1.0
        if self.high is not None:  # a length stands for all that is rounded to it
            above = law.cdf(self._scaled(self.high + 0.5))
        if not above - below > _LEAST_LEFT:
            raise ValueError(f"min {self.low} and max {self.high} leave nothing of it; move them towards its mean")
        object.__setattr__(self, "law", law)
        object.__setattr__(self, "below", below)
        object.__setattr__(self, "kept", above - below)

    def _law(self) -> NormalDist:
        raise NotImplementedError

    def _scaled(self, tokens: float) -> float:
        raise NotImplementedError

    def _ends(self) -> tuple[float, float]:
        """In standard deviations from the middle."""
        low = (self._scaled(self.low - 0.5) - self.law.mean) / self.law.stdev
        high = math.inf if self.high is None else (self._scaled(self.high + 0.5) - self.law.mean) / self.law.stdev
        return low, high

    @property
    def most(self) -> int:
        return self.high if self.high is not None else self.at(_LAST)

    @property
    def least(self) -> int:
        return self.at(_RARE)

    def at(self, share: float) -> int:
        drawn = round(self._unscaled(self.law.inv_cdf(min(self.below + share * self.kept, _LAST))))
        return max(self.low, drawn if self.high is None else min(drawn, self.high))

    def _unscaled(self, value: float) -> float:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Normal(_Cut):
    def _law(self) -> NormalDist:
        return NormalDist(self.mean_asked, self.sd)

    def _scaled(self, tokens: float) -> float:
        return tokens

    def _unscaled(self, value: float) -> float:
        return value

    @property
    def mean(self) -> float:
        low, high = self._ends()
        return self.mean_asked + self.sd * (_UNIT.pdf(low) - _UNIT.pdf(high)) / self.kept


@dataclass(frozen=True, slots=True)
class Lognormal(_Cut):
    def _law(self) -> NormalDist:
        variance = math.log1p((self.sd / self.mean_asked) ** 2)
        return NormalDist(math.log(self.mean_asked) - variance / 2, math.sqrt(variance))

    def _scaled(self, tokens: float) -> float:
        return math.log(tokens)

    def _unscaled(self, value: float) -> float:
        return math.exp(value)

    @property
    def mean(self) -> float:
        low, high = self._ends()
        sigma = self.law.stdev
        return self.mean_asked * (_UNIT.cdf(high - sigma) - _UNIT.cdf(low - sigma)) / self.kept


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
