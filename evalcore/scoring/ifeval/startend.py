"""startend: how a response ends, and quotation marks around all of it."""

from __future__ import annotations

from evalcore.scoring.ifeval.arguments import Arguments, text


def end_checker(response: str, arguments: Arguments) -> bool:
    return response.strip().strip('"').lower().endswith(text(arguments, "end_phrase").strip().lower())


def quotation(response: str, arguments: Arguments) -> bool:
    inner = response.strip()
    return len(inner) > 1 and inner[0] == inner[-1] == '"'
