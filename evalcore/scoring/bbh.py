"""BIG-Bench Hard: reading the answer out of a chain of thought that ends in "the answer is X.".

Pure functions, each gives what was read, or None. Answers are options "(B)", words, numbers, brackets or lists of
words; the published readings compare them as they stand.
"""

from __future__ import annotations

import re

from evalcore.scoring.boxed import last_box

SAYS = "the answer is"


def stated(text: str) -> str | None:
    """After the last "the answer is", up to the end of the line, without a full stop at its end.

    Suzgun et al. 2022, arXiv 2210.09261 (repository suzgunmirac/BIG-Bench-Hard): exact match, case counts.
    """
    _, said, rest = text.rpartition(SAYS)
    if not said:
        return None
    return _line(rest).removesuffix(".").strip()


def whole(text: str) -> str:
    """The whole answer: exact match of the answer-only runs of the same paper."""
    return text.strip()


def harness(text: str) -> str | None:
    """lm-evaluation-harness (bbh_cot_fewshot): first line with text after "the answer is ", less its last character.

    Kept: the last character goes whatever it is, so that "(A)" without a full stop is read as "(A".
    """
    at = text.find(f"{SAYS} ")
    while at != -1:
        line = text[at + len(SAYS) + 1 :].partition("\n")[0]
        if line:
            return line[:-1].strip()
        at = text.find(f"{SAYS} ", at + 1)
    return None


STATEMENT = re.compile(r"(?:(?:the|final|my|correct) answer is|\banswer ?[:：]|答案(?:是|[:：]))[ \t\n:]?", re.I)
NEXT_QUESTION = re.compile(r"^Q ?:", re.MULTILINE)
EMPHASIS = re.compile(r"\*\*|__")
AROUND = " \t.,;!*_`$\"'“”‘’"
"""What may stand around an answer and is not of it; brackets may be the answer, and stay."""


def last_answer(text: str) -> str | None:
    """Ours, for answers that are no option: the line after the last "the answer is" or "answer:", or its box.

    Through bold, quotes and a full stop; what follows a line "Q:" after a statement was never asked. Without a
    statement, an answer of one line that is no sentence among others is the answer itself. Else None.
    """
    text = EMPHASIS.sub("", text).strip()
    found = None
    for statement in STATEMENT.finditer(text):
        if found is not None and NEXT_QUESTION.search(text, found.end(), statement.start()):
            break
        found = statement
    if found is None:
        return None if not text or "\n" in text or ". " in text else text.strip(AROUND)
    line = _line(text[found.end() :])
    return (last_box(line) or line).strip(AROUND)


def same(extracted: str | None, target: str) -> bool:
    """Equal but for case, quotes, blanks, and commas in numbers and between words."""
    return extracted is not None and _even(extracted) == _even(target)


def _even(text: str) -> str:
    return " ".join(re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.strip(AROUND)).replace(",", " ").casefold().split())


def _line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()
