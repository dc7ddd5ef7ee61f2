"""Opinion: what one judge holds of one answer, from all that it said of it: its votes, and both orders of a pair.

Pure functions, used when an answer is scored and again when a report counts how far judges agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalcore.types import Verdict

WIN, TIE, LOSS = "win", "tie", "loss"
"""Verdicts on a pair, as seen by the first of the two models, whichever was shown first."""
WORTH: Mapping[str, float] = {WIN: 1.0, TIE: 0.5, LOSS: 0.0}
ORDERS = ("ab", "ba")


@dataclass(frozen=True, slots=True)
class Opinion:
    """Of one judge on one answer, or on one pair of answers."""

    judge: str
    contender: str
    opponent: str
    word: str | None
    """Of a pair: the winner if both orders say so, else a tie. Of an answer: the commonest vote; None: none was."""
    shares: Mapping[str, float]
    """Share of its votes by verdict; both orders weigh the same."""
    flipped: bool = False
    """Of a pair: the two orders do not say the same."""
    first_favoured: float = 0.0
    """Of a pair: how much more often than not whoever was shown first won, from -1 to 1."""


def opinions(verdicts: Iterable[Verdict]) -> list[Opinion]:
    """What each judge holds of each item (answer, or pair) in these verdicts of one sample.

    A pair that was judged in one order only has no opinion: half of it would be the judge's liking for a place.
    """
    said: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for one in verdicts:
        if one.verdict is not None and not one.fault:
            item = said.setdefault((one.contender, one.opponent, one.judge), {})
            item.setdefault(one.order, []).append(one.verdict)
    found = []
    for (contender, opponent, judge), by_order in said.items():
        if "" in by_order:
            shares = _shares(by_order[""])
            found.append(Opinion(judge, contender, opponent, _sole(shares), shares))
        elif all(order in by_order for order in ORDERS):
            found.append(_of_pair(judge, contender, opponent, *(by_order[order] for order in ORDERS)))
    return found


def _of_pair(judge: str, contender: str, opponent: str, ab: Sequence[str], ba: Sequence[str]) -> Opinion:
    first, second = _shares(ab), _shares(ba)
    shares = {word: (first.get(word, 0.0) + second.get(word, 0.0)) / 2 for word in {**first, **second}}
    one, other = _sole(first) or TIE, _sole(second) or TIE
    bias = (_lead(first) - _lead(second)) / 2  # in "ba" the second of the two models is shown first
    return Opinion(judge, contender, opponent, one if one == other else TIE, shares, one != other, bias)


def majority(words: Iterable[str]) -> list[str]:
    """The commonest words; several when they are equally common."""
    counts = Counter(words)
    most = max(counts.values(), default=0)
    return [word for word, count in counts.items() if count == most]


def _shares(words: Sequence[str]) -> dict[str, float]:
    return {word: count / len(words) for word, count in Counter(words).items()}


def _sole(shares: Mapping[str, float]) -> str | None:
    most = max(shares.values())
    found = [word for word, share in shares.items() if share == most]
    return found[0] if len(found) == 1 else None


def _lead(shares: Mapping[str, float]) -> float:
    return shares.get(WIN, 0.0) - shares.get(LOSS, 0.0)
