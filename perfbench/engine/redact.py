"""Redact: which names hold secrets, copies of mappings without them, and texts in which known secrets are blotted out.

Everything that is written or shown goes through here: scenarios in summaries, error messages, records, reports. A name
that looks secret is treated as one; a false alarm costs a reader one value, a miss costs a user a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

REDACTED = "REDACTED"
"""Stands where a secret stood. Read back in a scenario, it means: ask the environment, or the user."""
BLOT = "[secret]"
WORTH_HIDING = 8
"""Characters. Shorter ones are what people write where no key is needed (EMPTY, x), and every text is full of them."""

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


def secrets_in(value: Any) -> list[str]:
    """The texts that `fields` would redact, in nested JSON."""
    if isinstance(value, Mapping):
        return [secret for name, inner in value.items() for secret in _secrets_at(str(name), inner)]
    return [secret for inner in value for secret in secrets_in(inner)] if isinstance(value, list | tuple) else []


def _secrets_at(name: str, value: Any) -> list[str]:
    if is_secret_field(name):
        return [value] if isinstance(value, str) else []
    if name.casefold().endswith("headers") and isinstance(value, Mapping):
        return [str(content) for header, content in value.items() if is_secret_header(header)]
    return secrets_in(value)


def blotted(text: str, secrets: Sequence[str]) -> str:
    """What a model or a user said, without the secrets that are worth hiding."""
    for secret in secrets:
        if len(secret) >= WORTH_HIDING and secret in text:
            text = text.replace(secret, BLOT)
    return text


def blotted_detail(detail: str, secrets: Sequence[str]) -> str:
    """What a server said went wrong, which may repeat a key of any length, or one that somebody has cut in two."""
    detail = blotted(detail, secrets)
    for secret in secrets:
        if len(secret) < WORTH_HIDING:
            detail = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", BLOT, detail) if secret else detail
        elif secret[:WORTH_HIDING] in detail:
            for length in range(len(secret) - 1, WORTH_HIDING - 1, -1):
                detail = detail.replace(secret[:length], BLOT)
    return detail


def redacted_places(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where a mapping holds the word REDACTED: values that somebody must give again."""
    if isinstance(value, Mapping):
        return [place for name, inner in value.items() for place in redacted_places(inner, (*path, str(name)))]
    if isinstance(value, list | tuple):
        return [place for number, inner in enumerate(value) for place in redacted_places(inner, (*path, str(number)))]
    return [path] if value == REDACTED else []
