"""Boxes: the final answer in LaTeX's \\boxed{...} or \\fbox{...}.

`boxes` and `last_box` are ours: balanced braces, escaped ones not counted, one pass over the text however many boxes
it leaves open; `stated_formula` reads the answer of a text that says it in words instead. `last_box_of_math` is the
extraction of the MATH benchmark (Hendrycks et al. 2021, arXiv 2103.03874, repository hendrycks/math, and from there
lm-evaluation-harness), kept as it is for scores under its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\\(?:boxed|fbox)[ \t]{0,8}\{|\\.|[{}]", re.DOTALL)
_STATEMENT = re.compile(r"\banswer\b[*_ ]{0,3}(?:is\b(?! not\b)|[:：])[:：*_ ]{0,4}\s{0,4}", re.IGNORECASE)
_FORMULA = re.compile(r"(?:\*\*)?(?:\$\$?([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\])")
_BRACELESS = re.compile(r"\\(?:boxed|fbox)[ \t]{1,8}([^\s${}\\]{1,100})")


@dataclass(frozen=True, slots=True)
class Box:
    content: str
    start: int
    """Where the content starts in the text."""


def boxes(text: str) -> list[Box]:
    """Every box that is closed, in the order in which they open, except those that hold another one.

    Of nested boxes the innermost counts, so that what is returned is no longer than the text.
    """
    if "\\boxed" not in text and "\\fbox" not in text:
        return []
    found: list[Box] = []
    open_braces: list[int | None] = []  # where a box's content starts; None for a brace that opens no box
    for token in _TOKEN.finditer(text):
        if token[0] == "}":
            start = open_braces.pop() if open_braces else None
            if start is not None and not (found and found[-1].start > start):
                found.append(Box(text[start : token.start()].strip(), start))
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0].endswith("{") and len(token[0]) > 2:
            open_braces.append(token.end())
    return found


def last_box(text: str) -> str | None:
    """Content of the last closed box; where no box has braces, what follows the last "\\boxed " up to a space."""
    closed = boxes(text)
    if closed:
        return closed[-1].content
    bare = _BRACELESS.findall(text)
    return bare[-1].rstrip(".,;") if bare else None


def stated_formula(text: str) -> str | None:
    """What the last "the answer is ..." says: the formula that follows, else the words up to the end of the sentence.

    This reads Minerva's "Final Answer: The final answer is $X$. I hope it is correct." too.
    """
    start = max((found.end() for found in _STATEMENT.finditer(text)), default=None)
    if start is None:
        return None
    said = text[start : start + 2000].partition("\n")[0]
    formula = _FORMULA.match(said)
    if formula is not None:
        return next(filter(None, formula.groups()), "").strip()
    return re.split(r"\.(?=\s|$|\*)", said, maxsplit=1)[0].strip(" *_") or None


def last_box_of_math(text: str) -> str | None:
    """What the MATH benchmark's own code takes from a text.

    Kept: "\\boxed " with a space wins over every box with braces and reaches to the next dollar sign or the end;
    escaped braces count; a last box that is not closed hides the ones before it; \\fbox is found but not read.
    """
    if "\\boxed " in text:
        return text.rpartition("\\boxed ")[2].partition("$")[0]
    at = text.rfind("\\boxed{")
    if at < 0 or at != text.rfind("\\boxed"):
        return None
    depth = 0
    for brace in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[at + len("\\boxed{") : brace.start()]
    return None
