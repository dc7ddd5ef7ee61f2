"""MATH-Vision: reading the answer out of a reply, and comparing it with the gold letter or value.

Protocol: Wang et al., "Measuring Multimodal Mathematical Reasoning with MATH-Vision Dataset", 2024 (arXiv 2402.14804;
repository mathllm/MATH-V, evaluation/evaluate.py and utils.py). Kept as published: a letter is right, and so is the
text of the option; numbers are equal when they are at two decimals, so 1/900 is 1/300; what stands behind the
last equals sign is the answer. The repository computes values with latex2sympy2; here evalcore.scoring.latexvalue does.
"""

from __future__ import annotations

import re

from evalcore.scoring.latexvalue import latex_value

_STATEMENTS = ("the final answer is", "the answer is", "the correct answer is", "the answer should be")
_DELETED = (
    *("\n", "\\text", "\\mbox", "\\left", "\\right", "^{\\circ}", "^\\circ", "{m}^3", "m^3", "{units}"),
    *("units", "{km}", "km"),
)
_STRIPPED = ("\\!", "^{\\circ}", "^\\circ", "\\$", "$")


def extracted(reply: str) -> str:
    """The answer in a reply, lower case and without blanks; the whole reply where nothing marks one."""
    text = reply.strip()
    for letter in "ABCDE":
        if text.endswith((f" {letter}.", f" ({letter}).")) or text.startswith(
            (f"{letter}\n", f"({letter})\n", f"({letter}) {letter}\n")
        ):
            text = letter
    last = text.rpartition("is ")[2].rstrip(".")
    if _is_number(last):
        text = last
    if "oxed{" not in text:
        for words in _STATEMENTS:
            for said in (words, words.replace("the", "The")):
                _, marked, behind = text.rpartition(said)
                text = behind.strip().split("\n")[0].split(". ")[0] if marked else text.strip()
    elif text.count("oxed{") > 1:
        text = "\\boxed{" + text.rpartition("oxed{")[2]
    text = _cleaned(text)
    for letter in "abcde":
        text = text.replace(f"({letter})", letter)
    for letter in "abcde":
        text = text.replace("{" + letter + "}", letter)
    return text.rstrip(".").lstrip(":").strip()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cleaned(text: str) -> str:
    """What is in the box, if there is one; behind the last = or \\approx; without blanks, units and the like."""
    text = text.lower().replace("{}", "")
    start, end = text.find("oxed{"), text.rfind("}")
    if start >= 0 and start + len("oxed{") <= end:
        text = text[start + len("oxed{") : end]
    closing, opening = text.find("}"), text.find("{")
    if closing != -1 and (opening == -1 or closing < opening):
        text = text[:closing]
    text = text.rpartition("=")[2].rpartition("\\approx")[2]
    text = text.replace(" ", "").replace("\\,", "").replace("∞", "\\infty")
    text = text.replace("+\\infty", "\\infty").replace("\\\\", "\\").replace("bmatrix", "pmatrix")
    for part in _DELETED:
        text = text.replace(part, "")
    return _normal(text)


def _normal(text: str) -> str:
    """The rest of the normaliser, most of it that of the MATH benchmark."""
    text = text.replace("\\\\", "\\").replace("tfrac", "frac").replace("dfrac", "frac")
    for part in _STRIPPED:
        text = text.replace(part, "")
    text = text.replace("\\%", "").replace("{.", "{0.")
    if text.startswith("."):
        text = "0" + text
    if "sqrt" in text:
        text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text)
        text = re.sub(r"\\frac([^{])([^{])", r"\\frac{\1}{\2}", text)
    if text == "0.5":
        return "\\frac{1}{2}"
    whole = re.fullmatch(r"(-?\d+)/(-?\d+)", text)
    return text if whole is None else f"\\frac{{{whole[1]}}}{{{whole[2]}}}"


def is_right(answer: str, gold: str, option: str = "") -> bool:
    """`answer` as `extracted` gives it; `option` is the text of the gold option, empty for a question without any."""
    return same(gold, answer) or same(option, answer)


def same(gold: str, answer: str) -> bool:
    gold, answer = gold.lower().strip(), answer.lower().strip()
    if not gold or not answer:
        return False
    if gold == answer:
        return True
    ours, theirs = _parts(answer), _parts(gold)
    if ours is not None and theirs is not None and ours[0] == theirs[0] and len(ours[1]) == len(theirs[1]):
        return all(_close(one, other) for one, other in zip(ours[1], theirs[1], strict=True))
    return _close(answer, gold)


def _parts(text: str) -> tuple[str, list[str]] | None:
    """The brackets of a tuple or a list, and its members."""
    if text[:1] + text[-1:] in ("()", "[]") and "," in text:
        return text[0], text[1:-1].split(",")
    return None


def _close(one: str, other: str) -> bool:
    values = latex_value(one), latex_value(other)
    if values[0] is None or values[1] is None:
        return one.strip() == other.strip()
    try:
        return round(float(values[0]), 2) == round(float(values[1]), 2)
    except OverflowError:
        return values[0] == values[1]
