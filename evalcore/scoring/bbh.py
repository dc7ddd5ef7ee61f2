"""BIG-Bench Hard: reading the answer out of a chain of thought that ends in "the answer is X.".

Pure functions, each gives what was read, or None. Answers are options "(B)", words, numbers, brackets or lists of
words; the published readings compare them as they stand.
"""

from __future__ import annotations

import re

from evalcore.scoring.letters import plain

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


STATEMENT = re.compile(r"(?:(?:the|final|my|correct) answer is|\banswer ?:|<<boxed>>:|答案(?:是|:))[ \n:]{0,2}", re.I)
NEXT_QUESTION = re.compile(r"^Q ?:", re.MULTILINE)
TAIL = re.compile(r"[.,;!]+$")


def last_answer(text: str) -> str | None:
    """Ours, for answers that are no option: after the last "the answer is" or "answer:", or in the last box.

    Through Markdown, LaTeX and quotes; what follows a line "Q:" after a statement was never asked. None without one.
    """
    text = plain(text)
    found = None
    for statement in STATEMENT.finditer(text):
        if found is not None and NEXT_QUESTION.search(text, found.end(), statement.start()):
            break
        found = statement
    return None if found is None else TAIL.sub("", text[found.end() :].partition("\n")[0]).strip()


def same(extracted: str | None, target: str) -> bool:
    """Equal but for case, quotes and blanks; lists of words may have commas; a number may have them too."""
    return extracted is not None and _even(extracted) == _even(target)


def _even(text: str) -> str:
    text = plain(text).casefold()
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return " ".join(TAIL.sub("", text).replace(",", " ").split())


def _line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()
