"""Problems: what pydantic found wrong, in the words of the project: which key, which value, what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from perfbench.settings.suggest import did_you_mean


def flag(name: str) -> str:
    """How a key is called on the command line."""
    return "--" + name.replace("_", "-")


def describe(line: dict[str, Any], known: Iterable[str], *, what: str, secret: bool) -> str:
    """One error of `ValidationError.errors()`, to stand after the key. `known` are the keys there are, `what` they
    are keys of; a secret's value is left out."""
    value = "" if secret else f" (it is {line['input']!r})"
    match line["type"]:
        case "extra_forbidden":
            return f"is not a {what}{value}{did_you_mean(str(line['loc'][-1]), known)}"
        case "value_error":
            return str(line["ctx"]["error"])
        case "literal_error":
            words = [word.strip("'") for word in line["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            return f"is {line['input']!r}{did_you_mean(str(line['input']), words)} (one of {', '.join(words)})"
        case _:
            return str(line["msg"]).replace("Input should", "should") + value
