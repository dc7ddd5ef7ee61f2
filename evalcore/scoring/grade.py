"""Grade: reading a judge's verdict of three classes.

Protocol of the classes: Wei et al., "Measuring short-form factuality in large language models" (SimpleQA), 2024 (arXiv
2411.04368; openai/simple-evals, simpleqa_eval.py). Its reader takes the first capital A, B or C of the reply, which
makes "CORRECT" a C and "NOT_ATTEMPTED" an A, and anything else a C; that defect is not kept. Here words come first,
letters second and only where nothing else stands with them, and a reply without one clear verdict is unparsed.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from evalcore.types import Score, Scores

Grade: TypeAlias = Literal["CORRECT", "INCORRECT", "NOT_ATTEMPTED"]

CLASSES: dict[str, Grade] = {"correct": "CORRECT", "incorrect": "INCORRECT", "not_attempted": "NOT_ATTEMPTED"}
"""Class by the name of its score."""
LETTERS: dict[str, Grade] = {"A": "CORRECT", "B": "INCORRECT", "C": "NOT_ATTEMPTED"}
WORDS: dict[str, Grade] = {
    "correct": "CORRECT",
    "incorrect": "INCORRECT",
    "notattempted": "NOT_ATTEMPTED",
    "notcorrect": "INCORRECT",
}
WORD = re.compile(r"\b(not[_ -]?(?:attempted|correct)|incorrect|correct)\b", re.IGNORECASE)
DENIED = re.compile(
    r"(?:\b(?:not|neither|nor|whether|partially|partly|mostly|says?|said|reply|replies|writes?|claims?|calls?)|n't)"
    r"\W{1,4}(?:\w{1,12}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
MARK = re.compile(
    r"\b(?:grade|verdict|judge?ment|assessment|answer|result|label)\b\W{0,4}(?:\bis\b)?\W{0,4}", re.IGNORECASE
)
LETTER = re.compile(r"\W{0,4}([ABC])(?:\W{1,4}(?:not[_ -]?attempted|incorrect|correct)\W{0,4}|\W{0,4})", re.IGNORECASE)
QUOTE = re.compile(r"[\"`\u201c\u201d\u00ab\u00bb]|(?<!\w)['\u2018\u2019]|['\u2018\u2019](?!\w)")
ORNAMENT = re.compile(r"[*_`#\"'(){}\[\].:!\s-]+")


def graded(reply: str) -> Scores:
    """The three classes as scores; all 0 and without extraction when the reply has no clear verdict."""
    grade = grade_of(reply)
    return {name: Score(value=float(grade == of), extracted=grade) for name, of in CLASSES.items()}


def grade_of(reply: str) -> Grade | None:
    """The one verdict of a reply: a marked or lone one on its last or first line, else the only word form in its only
    line."""
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    if not lines:
        return None
    for line in (lines[-1], lines[0]):
        found = _lone(line) or _marked(line)
        if found is not None:
            return found
    if len(lines) > 1 or QUOTE.search(lines[0]):  # it may repeat the answer, which may say anything
        return None
    stated = {WORDS[_plain(hit[1])] for hit in WORD.finditer(reply) if hit[1].isupper() and not _denied(reply, hit)}
    return stated.pop() if len(stated) == 1 else None


def _lone(line: str) -> Grade | None:
    """A line that holds nothing but a word form or a letter, or both where they agree."""
    if _plain(line) in WORDS:
        return WORDS[_plain(line)]
    hit = LETTER.fullmatch(line[:60])
    if hit is None or len(line) > 60 or not hit[1].isupper():
        return None
    word = WORD.search(line, hit.end(1))
    return LETTERS[hit[1]] if word is None or WORDS[_plain(word[1])] == LETTERS[hit[1]] else None


def _marked(line: str) -> Grade | None:
    """What the last "Grade:" or its like on the line introduces, to the end of the line."""
    last = None
    for last in MARK.finditer(line):  # noqa: B007 - the last one is wanted
        pass
    return None if last is None else _lone(line[last.end() :])


def _denied(reply: str, hit: re.Match[str]) -> bool:
    """Whether it is said not to be so, or that somebody else says so."""
    return DENIED.search(reply[max(0, hit.start() - 40) : hit.start()]) is not None


def _plain(text: str) -> str:
    return ORNAMENT.sub("", text[:60]).lower() if len(text) <= 60 else ""
