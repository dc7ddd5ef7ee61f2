"""Choice: the shared base of multiple-choice benchmarks that are answered in words.

A data set derives from `Choice`, names its protocols (evalcore.scoring.choices.READERS) and turns a row into a sample
with `choice_sample`; the rest is here. The prompt: what the subset is about where that is known, the passage, the
question, lettered options, and the wish for a last line "Answer: X". Worked examples are earlier turns that answer so.

The same options can be compared by likelihood: see evalcore.benchmarks.comparing.

`shuffled` puts the options of a sample in another order, for `shuffle_choices`; `permuted` is the same without asking
what the options say, for sources that hold the right one always at the same place.
"""

from __future__ import annotations

import random
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, Literal

import msgspec

from evalcore.benchmarks.base import Info, PromptOptions, Source, lettered, with_options
from evalcore.benchmarks.comparing import Comparing
from evalcore.benchmarks.fewshot import turns
from evalcore.benchmarks.rows import content_id
from evalcore.errors import DataError
from evalcore.scoring.choices import score_choice
from evalcore.types import Answer, Message, Sample, Scores

GENERATED = ("last_statement", "simple_evals", "exact_letter")
"""Readings of a generated answer, for data sets whose papers only know log-likelihoods."""


class Choice(Comparing):
    """A benchmark whose answer is one letter."""

    name: str
    info: Info
    source: Source
    subsets: tuple[str, ...] = ("main",)
    few_shot: int = 0
    protocols: tuple[str, ...] = GENERATED
    average: Literal["micro", "macro"] = "micro"
    max_tokens: int | None = None
    cpu_bound = False
    wish = 'Finish with one line that reads "Answer: X", where X is one of {letters}.'
    stated = "Answer: {letter}"

    @abstractmethod
    def sample(self, row: Mapping[str, Any], subset: str) -> Sample:
        """One row as a sample. Its `subset` is the row's own, which tells files apart that hold several."""

    def ask(self, sample: Sample) -> str:
        """The user's message."""
        wish = self.wish.format(letters=", ".join(ascii_uppercase[: len(sample.choices)]))
        parts = (self.about(sample), sample.context, sample.question, lettered(sample.choices), wish)
        return "\n\n".join(part for part in parts if part)

    def reply(self, shot: Sample) -> str:
        """How a worked example answers."""
        return self.stated.format(letter=shot.target)

    def messages(self, sample: Sample, shots: Sequence[Sample], options: PromptOptions) -> list[Message]:
        return with_options(self.ask(sample), sample, options, turns(shots, self.ask, self.reply))

    def score(self, sample: Sample, answer: Answer) -> Scores:
        if answer.way:
            return self.score_compared(sample, answer)
        return score_choice(answer.text, sample.target, sample.choices, self.protocols)


class ChineseExam(Choice):
    """A Chinese exam by subjects, asked in Chinese: what C-Eval and CMMLU share."""

    few_shot = 5
    protocols = ("last_statement", "simple_evals_languages", "leading_letter", "exact_letter")
    average = "macro"
    wish = "请选出唯一正确的选项，并在最后一行写“答案：X”，其中 X 是 {letters} 之一。"
    stated = "答案：{letter}"
    before_letter = "答案："
    letter_alone = "只回答正确选项的字母。"
    subjects: Mapping[str, str]
    """Chinese names of the subsets."""

    def about(self, sample: Sample) -> str:
        return f"一道{self.subjects.get(sample.subset, '')}单项选择题："


def choice_sample(
    benchmark: str,
    row: Mapping[str, Any],
    *,
    subset: str,
    question: Any,
    choices: Sequence[Any],
    gold: Any,
    labels: Sequence[Any] | None = None,
    id: Any = None,  # as the field of Sample
    context: Any = None,
    group: str = "",
    category: str = "",
    meta: Mapping[str, Any] | None = None,
) -> Sample:
    """A checked sample. Raises DataError naming the row.

    `gold` is one of `labels` where those are given (the source's own: letters, digits); else a position from 0 on, as
    a number or in digits, or a letter. Letters shown follow from the position, whatever the labels were.
    """
    texts = tuple(str(choice).strip() for choice in choices)
    asked, passage = str(question or "").strip(), str(context or "").strip()
    if not asked or not 0 < len(texts) <= len(ascii_uppercase):
        raise DataError(f"{benchmark}: a row has no question, or not 1 to 26 options: {_shown(row)}; {LAYOUT}")
    at = _position(gold, len(texts), labels)
    if at is None:
        raise DataError(
            f"{benchmark}: the gold answer {gold!r} is none of {len(texts)} options: {_shown(row)}; {LAYOUT}"
        )
    return Sample(
        id=content_id(passage, asked, *texts) if id in (None, "") else str(id),
        subset=subset,
        question=asked,
        target=ascii_uppercase[at],
        choices=texts,
        context=passage,
        group=group,
        category=category,
        meta=meta or {},
    )


LAYOUT = "check that local_path holds this data set in its original layout or the hub's"


def field(benchmark: str, row: Mapping[str, Any], *names: str) -> Any:
    """The first of these columns that the row has with a value. Raises DataError naming them."""
    for name in names:
        if row.get(name) is not None:
            return row[name]
    columns = " or ".join(repr(name) for name in names)
    raise DataError(f"{benchmark}: a row has no {columns}: {_shown(row)}; {LAYOUT}")


def mapping(benchmark: str, row: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Like `field`, for a column that holds columns."""
    value = field(benchmark, row, *names)
    if not isinstance(value, Mapping):
        raise DataError(f"{benchmark}: {names[0]!r} holds no named values: {_shown(row)}; {LAYOUT}")
    return value


def below(folder: str, *patterns: str) -> tuple[str, ...]:
    """Patterns for `Source.local`, in a folder of data sets; a local_path may also be the folder itself."""
    return tuple(f"{folder}/{pattern}" for pattern in patterns)


def _position(gold: Any, count: int, labels: Sequence[Any] | None) -> int | None:
    if labels is not None:
        names = [str(label).strip() for label in labels]
        at = names.index(str(gold).strip()) if str(gold).strip() in names else -1
    elif isinstance(gold, int):
        at = int(gold)
    else:
        word = str(gold).strip()
        at = int(word) if word.isascii() and word.isdigit() else ascii_uppercase.find(word or "?")
        at = at if word.isdigit() or len(word) == 1 else -1
    return at if 0 <= at < count else None


def _shown(row: Mapping[str, Any]) -> str:
    return str(dict(row))[:160]


NAMES_OTHERS = re.compile(
    r"(?i:\b(?:all|none|any|both|neither|either|two|three) of (?:these|them|the (?:above|others?|choices|options)))\b"
    r"|(?i:\bthe (?:above|below)\b)|以上(?:都|皆|均|全|各|选项|選項|说|說|所)|[A-Z][和与與、][A-Z]"
    r"|\b(?:[Bb]oth|[Nn]either|[Ee]ither|[Oo]nly) \(?[A-Z]\b|\b[A-Z]\)?,? (?:and|or|nor|&) \(?[A-Z]\b"
    r"|^\(?[A-Z]\)? only\b"
)


def shuffled(sample: Sample, seed: int) -> Sample:
    """The sample with its options in another order, but for one whose options speak of others.

    "All of the above" or "A and B" mean something else at another place, so such a sample keeps its order.
    """
    if any(NAMES_OTHERS.search(choice) for choice in sample.choices):
        return _reordered(sample, range(len(sample.choices)))
    return permuted(sample, seed)


def permuted(sample: Sample, seed: int) -> Sample:
    """The sample with its options in an order that the seed and its id decide, and the target's letter to match.

    `meta["permutation"]` says for each place which option of the source stands there.
    """
    order = list(range(len(sample.choices)))
    random.Random(f"{seed}\0{sample.id}").shuffle(order)
    return _reordered(sample, order)


def _reordered(sample: Sample, order: Sequence[int]) -> Sample:
    if not sample.choices:
        return sample
    before = sample.meta.get("permutation", range(len(order)))
    return msgspec.structs.replace(
        sample,
        choices=tuple(sample.choices[at] for at in order),
        target=ascii_uppercase[order.index(ascii_uppercase.index(sample.target))],
        meta={**sample.meta, "permutation": tuple(before[at] for at in order)},
    )
