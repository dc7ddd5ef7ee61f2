"""punctuation: no comma."""

from __future__ import annotations

from evalcore.scoring.ifeval.arguments import Arguments


def no_comma(response: str, arguments: Arguments) -> bool:
    return "," not in response
