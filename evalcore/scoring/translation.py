"""Translation: BLEU, chrF and TER over a corpus, and what else compares texts by their pieces. Pure functions.

BLEU is Papineni et al., 2002, with the tokens ("13a"), counts and smoothing ("exp") of Post, "A Call for Clarity in
Reporting BLEU Scores", 2018 (arXiv 1804.08771; mjpost/sacrebleu). chrF is Popović, 2015: characters up to 6, beta 2.
TER is Snover et al., 2006: words put in, left out, changed, and runs of words moved, each one edit, moves found
greedily. Each text has one or more references; all scores are percent, of BLEU and chrF the more the better.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

CHARACTERS = 6
BETA = 2
LONGEST_MOVE = 10
FARTHEST_MOVE = 50
MOST_WORDS_TO_MOVE = 100
"""In longer texts no words are moved: looking for moves takes time with a high power of the length."""
MOST_MOVES = 300
"""That are tried at a time, the shortest runs first."""

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_SIGNS = re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])")
_BEFORE = re.compile(r"([^0-9])([\.,])")
_AFTER = re.compile(r"([\.,])([^0-9])")
_DASH = re.compile(r"([0-9])(-)")


def tokens_13a(text: str) -> list[str]:
    """Words and signs as the evaluation script of the Workshop on Machine Translation parts them."""
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    text = _SIGNS.sub(r" \1 ", f" {text} ")
    text = _AFTER.sub(r" \1 \2", _BEFORE.sub(r"\1 \2 ", text))
    return _DASH.sub(r"\1 \2 ", text).split()


def bleu(texts: Sequence[str], references: Sequence[Sequence[str]], order: int = 4) -> float:
    """`references` are those of each text. Runs of up to `order` words are counted."""
    right, total, length, wanted = [0] * order, [0] * order, 0, 0
    for text, others in zip(texts, references, strict=True):
        words, theirs = tokens_13a(text), [tokens_13a(other) for other in others]
        length += len(words)
        wanted += min((len(other) for other in theirs), key=lambda size: (abs(size - len(words)), size))
        for n in range(order):
            ours, most = _runs(words, n + 1), Counter[tuple[str, ...]]()
            for other in theirs:
                most |= _runs(other, n + 1)
            right[n] += (ours & most).total()
            total[n] += ours.total()
    if not any(right) or not all(total):
        return 0.0
    logs, halved = 0.0, 1.0
    for hits, count in zip(right, total, strict=True):
        halved *= 1 if hits else 2
        logs += math.log(hits / count if hits else 1 / (halved * count))
    brevity = min(0.0, 1 - wanted / length)
    return 100 * math.exp(brevity + logs / order)


def _runs(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[at:] for at in range(n)), strict=False))


def chrf(texts: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """The nearest reference of each text counts."""
    sums = [[0, 0, 0] for _ in range(CHARACTERS)]
    for text, others in zip(texts, references, strict=True):
        counts = max((_character_counts(text, other) for other in others), key=_f)
        for each, found in zip(sums, counts, strict=True):
            each[:] = [one + more for one, more in zip(each, found, strict=True)]
    return 100 * _f(sums)


def _character_counts(text: str, other: str) -> list[list[int]]:
    """For each length: runs of ours, of theirs, and shared."""
    ours, theirs = "".join(text.split()), "".join(other.split())
    found = []
    for n in range(1, CHARACTERS + 1):
        a, b = (Counter(side[at : at + n] for at in range(len(side) - n + 1)) for side in (ours, theirs))
        found.append([a.total(), b.total(), (a & b).total()])
    return found


def _f(counts: Sequence[Sequence[int]]) -> float:
    told = [(shared / ours, shared / theirs) for ours, theirs, shared in counts if ours and theirs]
    if not told:
        return 0.0
    precision, recall = (sum(side) / len(told) for side in zip(*told, strict=True))
    weight = BETA**2
    return (1 + weight) * precision * recall / (weight * precision + recall) if precision + recall else 0.0


def ter(texts: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Edits to the nearest reference, of all texts, per word of a reference; case does not matter."""
    edits, length = 0, 0.0
    for text, others in zip(texts, references, strict=True):
        words, theirs = text.lower().split(), [other.lower().split() for other in others]
        edits += min(_edits(words, other) for other in theirs)
        length += sum(map(len, theirs)) / len(theirs)
    return 100 * edits / length if length else 100.0 * bool(edits)


def _edits(words: list[str], wanted: list[str]) -> int:
    moves, distance = 0, word_edits(words, wanted)
    while distance and max(len(words), len(wanted)) <= MOST_WORDS_TO_MOVE:
        better = min(((word_edits(moved, wanted), moved) for moved in _moves(words, wanted)), default=None)
        if better is None or better[0] + 1 >= distance:
            break
        (distance, words), moves = better, moves + 1
    return distance + moves


def _moves(words: list[str], wanted: list[str]) -> list[list[str]]:
    """Every way to move a run of words that the reference has too to where the reference has it."""
    places: dict[tuple[str, ...], list[int]] = {}
    for size in range(1, LONGEST_MOVE + 1):
        for at in range(len(wanted) - size + 1):
            places.setdefault(tuple(wanted[at : at + size]), []).append(at)
    found = []
    for size in range(1, LONGEST_MOVE + 1):
        for start in range(len(words) - size + 1):
            run = words[start : start + size]
            rest = words[:start] + words[start + size :]
            for to in places.get(tuple(run), ()):
                if words[to : to + size] != run and abs(to - start) <= FARTHEST_MOVE:
                    found.append(rest[:to] + run + rest[to:])
                    if len(found) == MOST_MOVES:
                        return found
    return found


def word_edits(words: Sequence[str], wanted: Sequence[str]) -> int:
    """Least number of words put in, left out or changed."""
    row = list(range(len(wanted) + 1))
    for number, word in enumerate(words, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(wanted, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]
