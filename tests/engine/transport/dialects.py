"""The smallest dialects a transport can be asked to carry: it only looks at name, method and path."""

from __future__ import annotations

from typing import Any

from perfbench.engine.request import Request


class Post:
    name = "chat"
    method = "POST"
    path = "/chat/completions"
    can_stream = True


class Get:
    name = "models"
    method = "GET"
    path = "/models"
    can_stream = False


class Keyed(Post):
    """A dialect with its own way of showing the key."""

    name = "keyed"

    def headers(self, api_key: str | None) -> dict[str, str]:
        return {"X-Api-Key": api_key or "", "x-version": "1"}


def a_request(body: bytes = b"{}", dialect: Any = None, headers: tuple[tuple[str, str], ...] = ()) -> Request:
    return Request(key="k", body=body, dialect=dialect or Post(), headers=headers)
