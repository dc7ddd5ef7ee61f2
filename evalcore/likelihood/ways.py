"""Ways: the table of them, the most exact one first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evalcore.likelihood.base import Way
from evalcore.likelihood.echo import Echo
from evalcore.likelihood.first_token import FirstToken
from evalcore.likelihood.guided_choice import GuidedChoice
from evalcore.likelihood.prompt_logprobs import PromptLogprobs

WAYS: Mapping[str, type[Any]] = {way.name: way for way in (Echo, PromptLogprobs, FirstToken, GuidedChoice)}


def written(way: Way) -> dict[str, Any]:
    """Plain data, from which `way_of` makes the same way."""
    return {"name": way.name, **asdict(way)}  # type: ignore[call-overload]


def way_of(plain: Mapping[str, Any]) -> Way:
    """Raises ValueError when it is none that `written` gave."""
    fields = dict(plain)
    try:
        way: Way = WAYS[fields.pop("name")](**fields)
        return way
    except (KeyError, TypeError) as error:
        raise ValueError(f"no way of comparing options: {dict(plain)} ({error!r})") from None
