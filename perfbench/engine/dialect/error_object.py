"""Error objects: what a server says when it says no. One reading for every dialect and every status."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

MOST_CHARACTERS = 500


def error_message(body: bytes) -> str:
    """The message in an error reply, whatever its shape; the beginning of the body if it is not JSON.

    An error status over an event stream (litellm) has its message in the first event.
    """
    if body.startswith(b"data:"):
        body = body[len(b"data:") :].split(b"\n", 1)[0]
    try:
        return message_of(orjson.loads(body))
    except orjson.JSONDecodeError:
        return body[: 4 * MOST_CHARACTERS].decode("utf-8", "replace")[:MOST_CHARACTERS].strip()


def message_of(value: Any) -> str:
    """The message inside `{"error": {"message": ...}}`, `{"detail": ...}`, `{"message": ...}` or a plain string."""
    while isinstance(value, dict):
        inner = next((value[key] for key in ("error", "message", "detail", "msg") if value.get(key)), None)
        if inner is None:
            break
        value = inner
    return (value if isinstance(value, str) else msgspec.json.encode(value).decode())[:MOST_CHARACTERS]
