"""Verdict: reading what a judge decided out of its reply: one of a list of words, or a grade on a scale.

Strict on purpose, because a reply repeats what it judges, and an answer may say "Verdict: A" itself: a verdict is the
field "verdict" of a reply that is one JSON object, or the last line of a reply in words when that line holds nothing
else ("Verdict: A", "[[A]]", "Grade: 7/10"). Anything else is no verdict; the pipeline asks again. Pure, linear time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

FIELD = "verdict"
LONGEST_LINE = 200
"""Characters. A line that holds a verdict and nothing else is shorter."""
_MARK = re.compile(
    r"^[\W_]{0,8}(?:(?:my|the|final|overall)\s+){0,3}"
    r"(?:verdict|grade|rating|score|decision|judge?ment|winner)\b[\s*_\"'`]{0,8}(?:is\b)?[\s:=*_-]{0,8}",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)
_NOUN = re.compile(r"^(?:assistant|answer|model|response|option)\s+", re.IGNORECASE)
_GRADE = re.compile(r"(-?[0-9]{1,4}(?:\.[0-9]{1,4})?)(?:\s*(?:/|out of)\s*([0-9]{1,4}))?")
_ORNAMENT = " \t*_`\"'()[]{}.:;!,#"


def word_of(reply: str, words: Sequence[str], aliases: Mapping[str, str] | None = None) -> str | None:
    """The one of `words` that the reply decides for, or None.

    Case does not matter for words longer than a letter; blanks, hyphens and underscores are the same. `aliases` are
    other ways to say one of the words.
    """
    said = _said(reply)
    if not isinstance(said, str):
        return None
    known = {_plain(word): word for word in words} | {_plain(other): word for other, word in (aliases or {}).items()}
    core = said.strip(_ORNAMENT)
    return known.get(_plain(core)) or known.get(_plain(_NOUN.sub("", core)))


def grade_on(reply: str, low: float, high: float) -> float | None:
    """The grade that the reply gives, if it lies on the scale: "7", "7.5", "7/10", "Rating: [[7]]"."""
    said = _said(reply)
    if isinstance(said, bool) or said is None:
        return None
    if isinstance(said, str):
        hit = _GRADE.fullmatch(said.strip(_ORNAMENT))
        if hit is None or (hit[2] is not None and float(hit[2]) != high):
            return None
        said = float(hit[1])
    return said if isinstance(said, int | float) and low <= said <= high else None


def _said(reply: str) -> Any:
    """What stands where a verdict has to stand: a value of JSON, or the last line without "Verdict:" and the like."""
    text = reply.strip()
    hit = _FENCE.fullmatch(text)
    if hit is not None or (text.startswith("{") and text.endswith("}")):
        try:
            found = msgspec.json.decode(hit[1] if hit is not None else text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return None
        return found.get(FIELD) if isinstance(found, dict) else None
    line = text[text.rfind("\n") + 1 :].strip()
    return None if not line or len(line) > LONGEST_LINE else _MARK.sub("", line, count=1)


def _plain(word: str) -> str:
    joined = re.sub(r"[\s_-]+", "_", word.strip())
    return joined if len(joined) == 1 else joined.casefold()
