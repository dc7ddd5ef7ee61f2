"""combination: two responses, and the request said again."""

from __future__ import annotations

from evalcore.scoring.ifeval.arguments import Arguments, text


def two_responses(response: str, arguments: Arguments) -> bool:
    """Six stars between two different texts; a blank may stand before or after them all."""
    parts = [part.strip() for part in response.split("******")]
    if not all(parts[1:-1]):
        return False
    told = [part for part in parts if part]
    return len(told) == 2 and told[0] != told[1]


def repeat_prompt(response: str, arguments: Arguments) -> bool:
    return response.strip().lower().startswith(text(arguments, "prompt_to_repeat").strip().lower())
