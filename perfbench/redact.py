"""Redact: which names hold secrets, and copies of mappings without them.

Everything that is written or shown goes through here: scenarios in summaries, error messages, reports. A name that
looks secret is treated as one; a false alarm costs a reader one value, a miss costs a user a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "REDACTED"
"""Stands where a secret stood. Read back in a scenario, it means: ask the environment, or the user."""

_HEADER_WORDS = frozenset(
    ("authorization", "auth", "cookie", "token", "tokens", "key", "keys", "apikey", "secret", "secrets", "password",
     "credential", "credentials", "bearer", "signature", "session")
)  # fmt: skip
_FIELD = re.compile(
    r"(^|_)(api_?key|access_?key|private_?key|authorization|cookie|password|secrets?|credentials?|bearer"
    r"|(access|auth|api|id|refresh|session|bearer)_?token)$|^(token|key|auth)$"
)


def is_secret_header(name: str) -> bool:
    """Authorization, Cookie, X-Api-Key, X-Auth-Token, ..."""
    return not _HEADER_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", name.casefold()))


def is_secret_field(name: str) -> bool:
    """Names inside JSON: api_key, access_token, password, ...; not max_tokens or stop_token_ids."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).casefold().replace("-", "_")
    return _FIELD.search(snake) is not None


def headers(values: Mapping[str, str]) -> dict[str, str]:
    return {name: REDACTED if is_secret_header(name) else value for name, value in values.items()}


def fields(value: Any) -> Any:
    """A copy of nested JSON in which the values of secret names, and of secret headers, are redacted."""
    if isinstance(value, Mapping):
        return {name: _field(str(name), inner) for name, inner in value.items()}
    return [fields(inner) for inner in value] if isinstance(value, list | tuple) else value


def _field(name: str, value: Any) -> Any:
    if is_secret_field(name):
        return REDACTED
    if name.casefold().endswith("headers") and isinstance(value, Mapping):
        return headers(value)
    return fields(value)


def redacted_places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where a mapping holds the word REDACTED: values that somebody must give again."""
    if isinstance(value, Mapping):
        return [place for name, inner in value.items() for place in redacted_places(inner, (*path, str(name)))]
    if isinstance(value, list | tuple):
        return [place for number, inner in enumerate(value) for place in redacted_places(inner, (*path, str(number)))]
    return [path] if value == REDACTED else []
