"""MathVista: from what was taken out of an answer to a verdict.

Protocol: Lu et al., "MathVista", 2023 (arXiv 2310.02255; repository lupantech/MathVista, evaluation/extract_answer.py
and calculate_score.py). A model takes the short answer out of the reply, but for replies that are one already
(`plain_answer`). Kept as published: of options, the one that is nearest in spelling counts when no letter is given,
so that every extraction chooses one; a whole number is cut, not rounded; lists are compared as they are spelled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

AnswerType: TypeAlias = Literal["text", "integer", "float", "list"]

_LETTER = re.compile(r"\(([a-zA-Z])\)")
_QUOTED = re.compile(r'The answer is "(.*)"\.')
LONGEST = 20_000
"""Characters of an extraction that are compared with the options."""


def plain_answer(text: str, choices: Sequence[str], answer_type: AnswerType) -> str | None:
    """The extraction of a reply that needs no model to take it out: an option, a number, or a quoted answer."""
    if text in choices:
        return text
    kind = {"integer": int, "float": float}.get(answer_type)
    if kind is not None:
        try:
            return str(kind(text))
        except ValueError:
            pass
    found = _QUOTED.search(text)
    return None if found is None else found[1]


def normal(extraction: str, choices: Sequence[str], answer_type: AnswerType, precision: int | None) -> str | None:
    """The extraction in the form of the gold answers: an option's text, a number's spelling; None: it is no number.

    `precision` is how many decimals the gold answer of type float has.
    """
    if choices:
        return _option(extraction.strip(), choices)
    try:
        if answer_type == "integer":
            return str(int(float(extraction)))
        if answer_type == "float":
            return str(round(float(extraction), precision))
    except (ValueError, OverflowError):
        return None
    return extraction


def _option(extraction: str, choices: Sequence[str]) -> str:
    found = _LETTER.search(extraction)
    letter = found[1].upper() if found is not None else extraction
    if len(letter) == 1 and 0 <= (at := ord(letter) - ord("A")) < len(choices):
        return choices[at]
    return min(choices, key=lambda choice: edit_distance(letter[:LONGEST], choice))


def edit_distance(text: str, other: str) -> int:
    """Levenshtein's: least number of characters put in, left out or changed.

    By the bit vectors of Myers, "A fast bit-vector algorithm for approximate string matching", 1999: a pass over the
    text, the other one is the bits of an integer.
    """
    if not other:
        return len(text)
    places: dict[str, int] = {}
    for at, sign in enumerate(other):
        places[sign] = places.get(sign, 0) | 1 << at
    everywhere, last = (1 << len(other)) - 1, 1 << (len(other) - 1)
    up, down, distance = everywhere, 0, len(other)
    for sign in text:
        same = places.get(sign, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right, left = down | ~(diagonal | up) & everywhere, up & diagonal
        distance += bool(right & last) - bool(left & last)
        right = right << 1 & everywhere | 1
        up, down = left << 1 & everywhere | ~(diagonal | right) & everywhere, right & diagonal
    return distance
