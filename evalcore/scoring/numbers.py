"""Numbers in answers: finding the one that is meant, and comparing values instead of spellings.

Two families. `stated_number` and `same_number` are ours: a number that the answer states as its answer ("The answer is
18", "#### 18", a box), else the last one of the text; compared as exact values, so 18.0 is 18 and a run of dots is no
number. The `harness_*` functions are the GSM8K protocol of EleutherAI's lm-evaluation-harness (tasks gsm8k and
gsm8k_cot, version 3: regexes, choice of the hit, and what is deleted before strings are compared), its quirks kept
because published scores stand on them; Cobbe et al., "Training Verifiers to Solve Math Word Problems" (2021, arXiv
2110.14168) is where "####" comes from. Every function takes any text, never raises, and takes time linear in it.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from evalcore.scoring.boxed import boxes

_ORNAMENT = re.compile(
    r"\\(?:text|textbf|mathbf|mathrm|boldsymbol|mbox)\b|\^\s?\{?\\circ\}?|\\[,;:!() \[\]$%]|[$*{}]|\\(?:left|right)\b"
)
_WHOLE = re.compile(r"(?:([-−]?\s?(?:\d{1,3}(?:,\d{3}){1,20}|\d{1,60}))(?:\.0{1,60})?)(?: (?!pi\b)[^\W\d]{2,60}){0,5}")
_LOOSE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
_SIMPLE = re.compile(r"\d+\.?\d*")
_LONGEST = 100  # characters; a longer run of digits is no answer, and huge integers would cost more than linear time
_MOST_HITS = 50  # announcements looked at, from the end: a bound on the time that a text made of nothing else takes
_HASH = r"####[ \t]{0,8}(?=[-−*$€£\\]{0,4}\d)(?!\d{1,3}[.)][ \t])"  # neither "#### Step 2" nor "#### 2. Sum up"
_ENGLISH = r"\banswer\b[*_\s\"']{0,3}(?:(?:is|would be|will be|equals)\b(?!\s{1,3}not\b)|[:：=])"
_NEXT_QUESTION = re.compile(r"^(?:Question|Q) ?:", re.MULTILINE)
_LINES_OF_MARKUP = re.compile(r"(?:[^\w\n]*+\n)*")
_SENTENCE_END = re.compile(r"[.!?](?=[\s*_\"')\]]|$)|[。！？।\n]")
_TEX_FRACTION = re.compile(r"\\[dt]?frac\s?\{\s?(\d{1,50})\s?\}\s?\{\s?(\d{1,50})\s?\}")
_TEX_COMMA = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,;:!])(?=\d)")


@dataclass(frozen=True, slots=True)
class Stated:
    """A number as it stands in the text, and whether the text calls it the answer or it merely comes last."""

    text: str
    value: Fraction
    marked: bool


@dataclass(frozen=True, slots=True)
class Writing:
    """How a language writes numbers and announces an answer."""

    marker: str = ""
    """Regex of what stands right before an answer, besides the English forms, "####" and boxes."""
    thousands: str = ",\u00a0\u202f\u2009"
    """Characters that may stand before each group of three digits."""


ENGLISH = Writing()


def stated_number(text: str, writing: Writing = ENGLISH, *, whole: bool = True) -> Stated | None:
    """The number that the text states last as its answer; where it states none, the last number of the text.

    `whole=False` says that the text was cut short: its last number is then where it happened to stop, and not taken.
    """
    marked = marked_number(text, writing)
    if marked is not None or not whole:
        return marked
    last = _last(_number(writing.thousands), _plain(text))
    if last is None or (value := number_value(last[0], writing)) is None:
        return None
    return Stated(last[0], value, marked=False)


def marked_number(text: str, writing: Writing = ENGLISH) -> Stated | None:
    """The number that the text calls its answer; of several, the last.

    What follows an answer from a line "Question:" on was never asked, as base models write, and is not read.
    """
    text = _plain(text)
    announced = [(found.end(), None) for found in _markers(writing.marker).finditer(text)]
    hits = sorted([*announced, *((box.start, box.content) for box in boxes(text))], key=lambda hit: hit[0])
    if hits and (asked := _NEXT_QUESTION.search(text, hits[0][0])) is not None:
        hits = [hit for hit in hits if hit[0] <= asked.start()]
    for start, content in reversed(hits[-_MOST_HITS:]):
        found = _first_number(_segment(text, start) if content is None else content, writing)
        if found is not None:
            return Stated(*found, marked=True)
    return None


def whole_number(text: str) -> int | None:
    """The one whole number that a final answer is: "073", "1{,}024", "x = 5", "204^\\circ", "80 \\text{ ways}".

    None when anything else stands beside it: a second number, a fraction, an operator.
    """
    if len(text) > 10 * _LONGEST:
        return None
    text = _plain(text).rpartition("=")[2]
    text = " ".join(_ORNAMENT.sub(" ", text).split()).strip(" .()")
    found = _WHOLE.fullmatch(text)
    return None if found is None else int(re.sub(r"[^\d-]", "", found[1].replace("−", "-")))


def number_value(token: str, writing: Writing = ENGLISH) -> Fraction | None:
    """The exact value of one written number: "1,234.50", "-$5", "3/4", digits of any script. None: it is no number."""
    if len(token) > _LONGEST:
        return None
    token = _plain(token).strip()
    if not _number(writing.thousands).fullmatch(token):
        return None
    token = re.sub(rf"[{re.escape(writing.thousands)}](?=\d{{3}}(?!\d))", "", token.replace("−", "-"))
    top, _, bottom = re.sub(r"[^\d./-]", "", token).partition("/")
    if bottom and int(bottom) == 0:
        return None
    return Fraction(top) / (int(bottom) if bottom else 1)


def same_number(token: str | None, target: str) -> bool:
    """Whether both are numbers of the same value: "18.0" and "18" are, "1e1" is no number here."""
    value = None if token is None else number_value(token)
    return value is not None and value == number_value(target)


def behind_last_word(text: str, word: str) -> str | None:
    """The last number behind the last occurrence of a word, spelled as openai/simple-evals' mgsm_eval.py compares it.

    Kept: commas vanish wherever they stand, so that "3, 4" is "3 4" but "3,4" is 34; a minus sign is not seen.
    """
    _, found, tail = text.rpartition(word)
    number = _last(_SIMPLE, tail.replace(",", "")) if found else None
    if number is None:
        return None
    spelled = number[0].rstrip(".")
    return spelled.rstrip("0").rstrip(".") if "." in spelled else spelled


def harness_flexible(text: str) -> str | None:
    """The last hit of the harness's loose regex: any run of two or more of `$0-9.,`, or digits.

    The quirk that is kept: "..." and ",," are hits too, so an answer that ends in dots is read as dots.
    """
    last = _last(_LOOSE, text)
    return None if last is None else last[0].strip()


def harness_strict(text: str) -> str | None:
    """The first "#### n", which the task gsm8k reads; without one the first "The answer is n.", as gsm8k_cot reads.

    Kept: of "The answer is 18" at the very end of a text the second form takes "1", since it wants one more character.
    """
    found = re.search(r"#### (\-?[0-9\.\,]+)", text) or re.search(r"The answer is (\-?[0-9\.\,]+).", text)
    return None if found is None else found[1].strip()


def harness_same(extracted: str | None, target: str) -> bool:
    """Equality of strings once commas, dollars, all up to "#### " and one last dot are deleted: 18.0 is not 18."""
    return extracted is not None and _harness_plain(extracted) == _harness_plain(target)


def _harness_plain(text: str) -> str:
    text = text.replace(",", "").replace("$", "")
    text = text.rpartition("#### ")[2] if "#### " in text else text
    return re.sub(r"\.$", "", text).lower()


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _plain(text: str) -> str:
    """TeX's ways of writing a number, as plain ones."""
    return _TEX_FRACTION.sub(r"\1/\2", _TEX_COMMA.sub(",", text))


def _segment(text: str, start: int) -> str:
    """What an announcement announces: the rest of its sentence, or that of the next line if it ends a line itself."""
    window = text[start : start + 300]
    skipped = _LINES_OF_MARKUP.match(window)
    window = window[skipped.end() :] if skipped is not None else window
    end = _SENTENCE_END.search(window)
    return window if end is None else window[: end.start()]


def _first_number(segment: str, writing: Writing) -> tuple[str, Fraction] | None:
    """The first number of a statement; of "20 - 2 = 18" that is the one behind the last equals sign."""
    for part in (segment.rpartition("=")[2], segment):
        found = _number(writing.thousands).search(part)
        if found is not None and (value := number_value(found[0], writing)) is not None:
            return found[0], value
    return None


@lru_cache
def _number(thousands: str) -> re.Pattern[str]:
    group = f"[{re.escape(thousands)}]"
    return re.compile(
        r"(?:(?<![\w)\]}])[-−](?:\\?[$€£¥])?)?"  # a minus between two operands is a subtraction, not a sign
        rf"(?:\d{{1,3}}(?:{group}\d{{3}})+(?!\d)"
        rf"|\d{{1,2}}(?:,\d{{2}}){{1,6}},\d{{3}}(?!\d)"  # 1,50,000 as written in India
        r"|\d+|(?<![\w.])\.(?=\d))"
        r"(?:(?<=\.)\d+|\.\d+)?(?:/\d+(?![\d./]))?"
    )


@lru_cache
def _markers(extra: str) -> re.Pattern[str]:
    return re.compile("|".join(filter(None, (_HASH, _ENGLISH, extra))), re.IGNORECASE | re.MULTILINE)
