"""Suggest: the known word that a mistyped one was probably meant to be. Used by every error about a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

LIKE_ENOUGH = 0.6  # share of matching characters below which a suggestion confuses more than it helps


def nearest(word: str, known: Iterable[str], *, like: float = LIKE_ENOUGH) -> str | None:
    """The known word most like `word`, the first of equals; None when none is like it. Case, `-` and `_` are equal."""
    ranked = [(SequenceMatcher(None, _plain(word), _plain(other)).ratio(), other) for other in known]
    score, best = max(ranked, key=lambda pair: pair[0], default=(0.0, None))
    return best if score >= like else None


def did_you_mean(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """`; did you mean 'parallel'?`, or the list of what there is when nothing is near and the list is short."""
    names = list(known)
    near = nearest(word, names)
    if near is not None:
        return f"; did you mean {prefix}{near}?"
    return f"; there are {', '.join(prefix + name for name in names)}" if 0 < len(names) <= 12 else ""


def _plain(word: str) -> str:
    return word.casefold().replace("-", "_")
