"""Whether two final answers in LaTeX mean the same, by three protocols of growing strength.

- `same_string`: the normaliser of the MATH benchmark (Hendrycks et al. 2021, arXiv 2103.03874, repository
  hendrycks/math, modeling/math_equivalence.py), quirks kept.
- `same_by_minerva`: the normaliser of Lewkowycz et al. 2022 (Minerva, arXiv 2206.14858, appendix D), then equal as
  strings, or sympy's simplify of the difference is 0, as lm-evaluation-harness's minerva_math does. The normaliser is
  the paper's, on which published scores stand: it takes the "ft" out of \\left and makes 01 of 0,1 (the harness has
  since mended both), on both sides alike.
- `same_by_math_verify`: huggingface/Math-Verify, the gold answer first because its comparison is not symmetric.

`same_answer` is ours and the headline: the first or the third, words compared as words. The last three need the extra
`math`; what takes sympy runs in a helper process with a time limit (mathpool). No function raises on any answer; one
longer than LONGEST_ANSWER is no final answer and equals only itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from evalcore.scoring import mathpool

LONGEST_ANSWER = 2000
"""Characters. The longest gold answer of MATH has a few hundred."""


@dataclass(frozen=True, slots=True)
class Equality:
    """Whether two answers are the same; `gave_up` tells when a comparison did not come to an end."""

    same: bool
    gave_up: str = ""

    def __bool__(self) -> bool:
        return self.same


_DIFFERENT, _SAME = Equality(False), Equality(True)


def same_answer(gold: str, answer: str) -> Equality:
    """Ours: equal strings by the MATH normaliser, else equal to Math-Verify. Case of words does not matter.

    Without the credit that the two give by accident: a tail of text with figures in it ("5 or 7") is no unit; a gold
    answer in words is compared as words alone, because to a parser of formulas letters are factors, and their order
    would not matter; and a relation ("> 5") is not the number in it.
    """
    unit = answer.partition("\\text{ ")[2]
    if same_string(gold, answer) and not re.search(r"\d", unit):
        return _SAME
    if _RELATION.search(answer) and not _RANGE.search(gold):
        return _DIFFERENT
    word = _words(gold)
    if word is not None:
        return Equality(word == _words(answer))
    return same_by_math_verify(gold, answer)


def same_by_math_verify(gold: str, answer: str) -> Equality:
    """What Math-Verify says of the two as formulas. Raises TaskError when the extra `math` is not installed."""
    return _asked("verify", gold.strip(), answer.strip())


def same_by_minerva(gold: str, answer: str) -> Equality:
    """Minerva's rule. Raises TaskError when the extra `math` is not installed."""
    if _too_long(gold, answer):
        return Equality(gold == answer)
    return _asked("simplify", _minerva_plain(gold), _minerva_plain(answer))


def same_string(gold: str, answer: str) -> bool:
    """Equal once the MATH normaliser has been over both; where it stumbles over one, equal as they stand."""
    if _too_long(gold, answer):
        return gold == answer
    try:
        return math_plain(gold) == math_plain(answer)
    except _Stumbled:
        return gold == answer


class _Stumbled(Exception):
    """The reference raises here, and then compares the two texts as they stand."""


def _asked(how: str, gold: str, answer: str) -> Equality:
    mathpool.require_math()
    if gold == answer:
        return _SAME
    if _too_long(gold, answer) or not answer:
        return _DIFFERENT
    reply = mathpool.ask(how, gold, answer)
    return Equality(reply.same, reply.gave_up)


def _too_long(gold: str, answer: str) -> bool:
    return max(len(gold), len(answer)) > LONGEST_ANSWER


_RELATION = re.compile(r"[<>≤≥≠]|\\(?:[lg]t|[lgn]e|[lgn]eq|[lg]eqslant|not)\b")
_RANGE = re.compile(rf"{_RELATION.pattern}|[\[\]()]|\\in\b|\\cup\b")
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|textrm)\s?\{([^{}]*)\}")


def _words(text: str) -> str | None:
    """The words of an answer that consists of letters and spaces, at least one of them three letters long."""
    text = _TEXT.sub(r"\1", text).strip(" .$").casefold()
    found = text.replace("-", " ").split()
    return " ".join(found) if max(map(len, found), default=0) >= 3 and all(map(str.isalpha, found)) else None


# ---- the normaliser of MATH

_DELETED = ("\n", "\\!")
_UNIFIED = (("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"))
_DELETED_THEN = ("\\left", "\\right", "^{\\circ}", "^\\circ", "\\$")


def math_plain(text: str) -> str:
    """The spelling that the MATH benchmark compares. Raises _Stumbled where the reference raises."""
    for gone in _DELETED:
        text = text.replace(gone, "")
    for old, new in _UNIFIED:
        text = text.replace(old, new)
    for gone in _DELETED_THEN:
        text = text.replace(gone, "")
    text = _without_unit(text).replace("\\%", "").replace("\\%", "")  # twice, as there: of "\\\\%%" nothing stays
    text = text.replace(" .", " 0.").replace("{.", "{0.")
    if not text:
        return text
    text = "0" + text if text.startswith(".") else text
    name, equals, value = text.partition("=")
    if equals and "=" not in value and len(name) <= 2:  # "x=5" is 5
        text = value
    text = _braced_fractions(_braced_roots(text).replace(" ", ""))
    return _fraction_of_slash("\\frac{1}{2}" if text == "0.5" else text)


def _without_unit(text: str) -> str:
    head, *more = text.split("\\text{ ")
    if len(more) > 1:
        raise _Stumbled
    return head


def _braced_roots(text: str) -> str:
    head, *roots = text.split("\\sqrt")
    if any(not root for root in roots):
        raise _Stumbled
    return head + "".join("\\sqrt" + (root if root[0] == "{" else f"{{{root[0]}}}{root[1:]}") for root in roots)


def _braced_fractions(text: str) -> str:
    r"""\frac12 as \frac{1}{2}, \frac1{72} as \frac{1}{72}; a text with a fraction that has one digit only stays."""
    head, *fractions = text.split("\\frac")
    done = [head]
    for fraction in fractions:
        if not fraction:
            raise _Stumbled
        if fraction[0] != "{":
            if len(fraction) < 2:
                return text
            top, bottom, rest = fraction[0], fraction[1], fraction[2:]
            fraction = f"{{{top}}}" + (bottom if bottom == "{" else f"{{{bottom}}}") + rest
        done.append("\\frac" + fraction)
    return "".join(done)


def _fraction_of_slash(text: str) -> str:
    parts = text.split("/")
    if len(parts) != 2:
        return text
    try:
        top, bottom = map(int, parts)
    except ValueError:
        raise _Stumbled from None  # x/2 is left to be compared as it stands
    return f"\\frac{{{top}}}{{{bottom}}}" if text == f"{top}/{bottom}" else text


# ---- the normaliser of Minerva

_MINERVA_REPLACED = (
    ("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text"),
    (",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}"),
)  # fmt: skip
_MINERVA_DELETED = (
    "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", "\\ldots", "sue", "points",
    "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters", "meals", "edges", "students",
    "childrentickets", "multiples", "\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}",
    "\\text{}", "\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots",
)  # fmt: skip


def _minerva_plain(text: str) -> str:
    text = text.rpartition("=")[2]
    for old, new in _MINERVA_REPLACED:
        text = text.replace(old, new)
    for gone in _MINERVA_DELETED:
        text = text.replace(gone, "")
    text = "\n".join(_first_formula(line) for line in text.split("\n"))
    for wrapper in ("text", "textbf", "overline"):
        text = re.sub(rf"\\{wrapper}\{{(.*?)\}}", r"\1", text)
    text = re.sub(r"\\boxed\{(.*)\}", r"\1", text)
    text = re.sub(r"frac([^{])(.)", r"frac{\1}{\2}", text)
    text = re.sub(r"sqrt([^{])", r"sqrt{\1}", text).replace("$", "")
    return text.replace(",", "") if text.replace(",", "").isdigit() else text


def _first_formula(line: str) -> str:
    """What stands between the first two dollar signs, with them; the whole line if there are none."""
    dollars = [at for at, char in enumerate(line) if char == "$"][:2]
    return next((line[start : end + 1] for start, end in pairwise(dollars)), line)
