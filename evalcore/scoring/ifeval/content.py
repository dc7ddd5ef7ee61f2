"""detectable_content: placeholders and a postscript."""

from __future__ import annotations

import re

from evalcore.scoring.ifeval.arguments import Arguments, number, text


def number_placeholders(response: str, arguments: Arguments) -> bool:
    """Square brackets that close on their own line: at least so many."""
    return sum(map(_placeholders, response.split("\n"))) >= number(arguments, "num_placeholders")


def _placeholders(line: str) -> int:
    count, begin = 0, line.find("[")
    while begin >= 0 and (end := line.find("]", begin + 1)) >= 0:
        count, begin = count + 1, line.find("[", end + 1)
    return count


def postscript(response: str, arguments: Arguments) -> bool:
    """The marker is there, case aside; P.S. and P.P.S may hold single spaces."""
    marker = text(arguments, "postscript_marker").strip()
    patterns = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    pattern = patterns.get(marker, marker.lower())
    try:
        return re.search(pattern, response.lower()) is not None
    except re.error:
        return marker.lower() in response.lower()
