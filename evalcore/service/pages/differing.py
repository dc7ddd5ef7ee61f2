"""Differing: what an answer's extraction and its reference have in common, part by part. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_CHARACTERS = 4_000
"""Of either text; more is not compared, because the time for it grows as the product of both."""
LONG = 120
"""From so many characters on, words are compared, not characters."""


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class Differing:
    """Both texts in pieces; joined again they are the texts."""

    read: tuple[Piece, ...]
    reference: tuple[Piece, ...]


def differing(read: str, reference: str) -> Differing | None:
    """None where the texts are equal, or too long to compare."""
    if read == reference or max(len(read), len(reference)) > MOST_CHARACTERS:
        return None
    ours, theirs = _parts(read, reference)
    left: list[Piece] = []
    right: list[Piece] = []
    for word, from_a, to_a, from_b, to_b in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        for pieces, parts in ((left, ours[from_a:to_a]), (right, theirs[from_b:to_b])):
            if parts:
                pieces.append(Piece("".join(parts), word == "equal"))
    return Differing(tuple(left), tuple(right))


def _parts(read: str, reference: str) -> tuple[list[str], list[str]]:
    if max(len(read), len(reference)) < LONG:
        return list(read), list(reference)
    return re.findall(r"\s+|\w+|[^\w\s]", read), re.findall(r"\s+|\w+|[^\w\s]", reference)
