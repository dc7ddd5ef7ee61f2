"""Columns: the reviews of one benchmark as arrays, so that 200 000 of them cost some 30 MB and not a gigabyte.

Read once, in file order; the last review of a sample's repeat is the one that counts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from evalcore.compact import CompactMap
from evalcore.types import Review, Score, Verdict

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
NOTHING = -1
"""Where a column has no number: no extraction, no tokens."""
UNKNOWN_FAULT = "unknown"


@dataclass(slots=True)
class Names:
    """Words by number, in the order of their first appearance."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, word: str) -> int:
        return self.numbers.setdefault(word, len(self.numbers))

    def words(self) -> list[str]:
        return list(self.numbers)


class Judged:
    """All verdicts, 32 bytes each; those of one review stand together."""

    def __init__(self) -> None:
        self._words = {name: Names() for name in ("judge", "verdict", "order", "contender", "opponent", "fault")}
        self._cells = {name: array("i") for name in ("review", "row", *self._words)}
        self._last: dict[int, int] = {}  # of each row, the review that counts
        self._reviews = 0

    def add(self, row: int, verdicts: Sequence[Verdict]) -> None:
        """What was said of one answer. A later review of the same answer takes its place."""
        if not verdicts:
            self._last.pop(row, None)
            return
        self._reviews += 1
        self._last[row] = self._reviews
        for one in verdicts:
            self._cells["review"].append(self._reviews)
            self._cells["row"].append(row)
            for name, names in self._words.items():
                word = getattr(one, name)
                self._cells[name].append(NOTHING if word is None else names.number(word))

    def __bool__(self) -> bool:
        return bool(self._last)

    def reviews(self) -> Iterator[tuple[int, list[Verdict]]]:
        """(row of the answer, what was said of it), without texts."""
        words: dict[str, list[str]] = {name: names.words() for name, names in self._words.items()}
        rows = zip(*self._cells.values(), strict=True)
        for review, cells in groupby(rows, key=lambda cell: cell[0]):
            said = list(cells)
            row = said[0][1]
            if self._last.get(row) == review:
                yield row, [
                    Verdict(
                        judge=words["judge"][judge], verdict=None if word == NOTHING else words["verdict"][word],
                        order=words["order"][order], contender=words["contender"][contender],
                        opponent=words["opponent"][opponent], fault=words["fault"][fault],
                    )
                    for _, _, judge, word, order, contender, opponent, fault in said
                ]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One row an answer; of shape (answers,) unless told otherwise."""

    sample: Ints
    """Number of the sample, which is a row of `subset`, `category` and `group`."""
    repeat: Ints
    scored: Bools
    fault: Ints
    """Number in `faults`; of unscored answers only."""
    parsed: Bools
    truncated: Bools
    empty: Bools
    attempts: Ints
    extracted: Ints
    """Hash of what the headline protocol read out of it, NOTHING when it read nothing."""
    values: dict[str, Floats]
    """By protocol; NaN where there is no score."""
    weights: dict[str, Floats]
    """By protocol, of those alone whose scores do not all weigh 1."""
    input_tokens: Ints
    output_tokens: Ints
    ttft_ms: Floats
    latency_ms: Floats
    subset: Ints
    """Of shape (samples,), as are the next two."""
    category: Ints
    group: Ints
    subsets: Sequence[str]
    categories: Sequence[str]
    groups: Sequence[str]
    faults: Sequence[str]
    judged: Judged


def columns(reviews: Iterable[Review], headline: str) -> Columns:
    """Read reviews into columns. `headline` is the protocol whose extraction votes."""
    reader = _Reader(headline)
    for review in reviews:
        reader.add(review)
    return reader.columns()


class _Reader:
    def __init__(self, headline: str) -> None:
        self._headline = headline
        self._rows = CompactMap()
        self._samples = CompactMap()
        self._ints = {name: array("q") for name in ("sample", "repeat", "fault", "attempts", "extracted", "in", "out")}
        self._flags = {name: array("b") for name in ("scored", "parsed", "truncated", "empty")}
        self._floats = {name: array("d") for name in ("ttft", "latency")}
        self._values: dict[str, array[float]] = {}
        self._weights: dict[str, array[float]] = {}
        self._of_sample = {name: array("q") for name in ("subset", "category", "group")}
        self._names = {name: Names() for name in ("subset", "category", "group", "fault")}
        self._judged = Judged()

    def add(self, review: Review) -> None:
        sample = self._sample(review)
        row = self._rows.setdefault((sample, review.repeat), len(self._rows))
        scored = review.status == "scored"
        fault = NOTHING if scored else self._names["fault"].number(review.fault or UNKNOWN_FAULT)
        said = review.scores.get(self._headline)
        extracted = NOTHING
        if said is not None and said.extracted:  # "" is read, but no answer that could win a vote
            extracted = hash(said.extracted)  # never -1
        for name, value in zip(
            self._ints,
            (sample, review.repeat, fault, review.attempts, extracted,
             _number(review.input_tokens), _number(review.output_tokens)), strict=True,
        ):  # fmt: skip
            _put(self._ints[name], row, value)
        for name, flag in zip(
            self._flags,
            (scored, scored and _parsed(review.scores.values()), review.finish_reason == "length",
             not review.text.strip()), strict=True,
        ):  # fmt: skip
            _put(self._flags[name], row, flag)
        _put(self._floats["ttft"], row, _float(review.ttft_ms))
        _put(self._floats["latency"], row, _float(review.latency_ms))
        for protocol in review.scores.keys() - self._values.keys():
            self._values[protocol] = array("d", [np.nan]) * row
            self._weights[protocol] = array("d", [1.0]) * row
        for protocol, column in self._values.items():
            score = review.scores.get(protocol) if scored else None
            _put(column, row, np.nan if score is None else score.value)
            _put(self._weights[protocol], row, 1.0 if score is None else score.weight)
        self._judged.add(row, review.verdicts)

    def _sample(self, review: Review) -> int:
        number = self._samples.setdefault((review.subset, review.sample_id), len(self._samples))
        if number == len(self._of_sample["subset"]):
            category = review.category or review.subset
            for name, word in (("subset", review.subset), ("category", category), ("group", review.group)):
                self._of_sample[name].append(self._names[name].number(word))
        return number

    def columns(self) -> Columns:
        """Once, at the end: the columns are the reader's own memory, not copies of it."""
        ints = {name: np.frombuffer(column, dtype=np.int64) for name, column in self._ints.items()}
        flags = {name: np.frombuffer(column, dtype=np.bool_) for name, column in self._flags.items()}
        values = {name: np.frombuffer(column) for name, column in self._values.items()}
        weights = {name: np.frombuffer(column) for name, column in self._weights.items() if any(w != 1 for w in column)}
        of_sample = {name: np.frombuffer(column, dtype=np.int64) for name, column in self._of_sample.items()}
        return Columns(
            sample=ints["sample"], repeat=ints["repeat"], scored=flags["scored"], fault=ints["fault"],
            parsed=flags["parsed"], truncated=flags["truncated"], empty=flags["empty"], attempts=ints["attempts"],
            extracted=ints["extracted"], values=values, weights=weights,
            input_tokens=ints["in"], output_tokens=ints["out"],
            ttft_ms=np.frombuffer(self._floats["ttft"]), latency_ms=np.frombuffer(self._floats["latency"]),
            subset=of_sample["subset"], category=of_sample["category"], group=of_sample["group"],
            subsets=self._names["subset"].words(), categories=self._names["category"].words(),
            groups=self._names["group"].words(), faults=self._names["fault"].words(), judged=self._judged,
        )  # fmt: skip


def _parsed(scores: Iterable[Score]) -> bool:
    """Whether any protocol could read an answer out of it."""
    return any(score.extracted is not None for score in scores)


def _put(column: array[Any], row: int, value: float) -> None:
    if row == len(column):
        column.append(value)
    else:
        column[row] = value


def _number(value: int | None) -> int:
    return NOTHING if value is None else value


def _float(value: float | None) -> float:
    return np.nan if value is None else value
