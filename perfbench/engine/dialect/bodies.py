"""Bodies: from a prompt and the options of a run to the JSON that is sent. Shared by all dialects.

A dialect gives its own names for the options in a table; an option that is set and not in the table is an error, not
silently dropped. `Options.extra` is merged last and wins over everything; a `None` in it removes the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.errors import ScenarioError

_encode = msgspec.json.Encoder().encode
_OWN = {"model", "stream", "extra"}  # every dialect has its own way with these
SAMPLING = tuple(field.name for field in fields(Options) if field.name not in _OWN)
_FORMS = ("text", "messages", "texts", "query", "body")


def chosen(dialect: str, options: Options, names: Mapping[str, str]) -> dict[str, Any]:
    """The options that are set, under the names of the dialect. Raises ScenarioError for one it does not have."""
    body: dict[str, Any] = {}
    for option in SAMPLING:
        value = getattr(options, option)
        if value is None:
            continue
        if option not in names:
            raise ScenarioError(
                f"{option} = {value!r}: api {dialect!r} has no such option; leave it out, or put it into the extra "
                "body fields under the name that your server knows"
            )
        body[names[option]] = value
    return body


def encode(body: dict[str, Any], options: Options) -> bytes:
    """The body as it is sent, with the extra fields. The model comes first, so that a dump of the body shows it."""
    named = {"model": options.model} if options.model and "model" not in body else {}
    merged = named | body | dict(options.extra)
    kept = {key: value for key, value in merged.items() if not (value is None and key in options.extra)}
    try:
        return _encode(kept)  # orjson's bytes hold on to 8 KB each, and one stays with every request in flight
    except (TypeError, UnicodeEncodeError) as error:
        raise ScenarioError(
            f"a request body cannot be written as JSON: {error}; fields are {', '.join(map(str, kept))}"
        ) from None


def messages_of(dialect: str, prompt: Prompt) -> list[dict[str, Any]]:
    """The messages of a prompt; a text becomes one of the user's. Raises ScenarioError for another form."""
    if prompt.text is not None:
        return [{"role": "user", "content": prompt.text}]
    if prompt.messages is None:
        raise misfit(dialect, prompt, "a text or messages; for several texts use api embeddings, or one request each")
    return prompt.messages


def misfit(dialect: str, prompt: Prompt, wants: str) -> ScenarioError:
    """The prompt is of a form that the dialect cannot send; `wants` says which one it takes, and what to do."""
    given = [form for form in _FORMS if getattr(prompt, form) is not None]
    return ScenarioError(
        f"api {dialect!r} cannot send a prompt of {' and '.join(given) or 'nothing'}: it takes {wants}"
    )
