"""detectable_format: bullets, highlights, sections, a title, JSON, one of three fixed answers."""

from __future__ import annotations

import json
import re

from evalcore.scoring.ifeval.arguments import Arguments, number, text

STAR_BULLET = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)  # the sign after a star may be the line's end
DASH_BULLET = re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)
ITALIC = re.compile(r"\*([^\n*]*)\*")
BOLD = re.compile(r"\*\*([^\n*]*)\*\*")
FIXED_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
FENCES = ("```json", "```Json", "```JSON", "```")


def number_bullet_lists(response: str, arguments: Arguments) -> bool:
    """Lines that begin with one star or with a dash: exactly so many."""
    bullets = sum(1 for kind in (STAR_BULLET, DASH_BULLET) for _ in kind.finditer(response))
    return bullets == number(arguments, "num_bullets")


def constrained_response(response: str, arguments: Arguments) -> bool:
    return any(answer in response for answer in FIXED_ANSWERS)


def number_highlighted_sections(response: str, arguments: Arguments) -> bool:
    """*x* and **x** with something in between, at least so many."""
    spans = sum(1 for kind in (ITALIC, BOLD) for found in kind.finditer(response) if found[1].strip())
    return spans >= number(arguments, "num_highlights")


def multiple_sections(response: str, arguments: Arguments) -> bool:
    """The word that begins a section, and a number: at least so many."""
    word = text(arguments, "section_spliter").strip()
    try:
        head = re.compile(rf"{word}\s?\d+")
    except re.error:
        head = re.compile(rf"{re.escape(word)}\s?\d+")
    return sum(1 for _ in head.finditer(response)) >= number(arguments, "num_sections")


def json_format(response: str, arguments: Arguments) -> bool:
    """All of it is JSON, a code fence around it aside."""
    inner = response.strip()
    for fence in FENCES:
        inner = inner.removeprefix(fence)
    try:
        json.loads(inner.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(response: str, arguments: Arguments) -> bool:
    """<<something>> on one line."""
    return any(map(_has_title, response.split("\n")))


def _has_title(line: str) -> bool:
    begin, end = line.find("<<"), line.rfind(">>")
    return begin >= 0 and end > begin + 2 and bool(line[begin : end + 2].lstrip("<").rstrip(">").strip())
