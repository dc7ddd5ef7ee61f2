"""Addresses: from what a user types to where a request goes.

`http://host:8000`, `http://host:8000/v1` and `http://host:8000/v1/chat/completions` all mean the same endpoint. Pure
functions; add a path here when a dialect is added.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from perfbench.engine.errors import ScenarioError

PATHS = {  # full path endings that name their dialect
    "/chat/completions": "chat",
    "/completions": "completions",
    "/responses": "responses",
    "/embeddings": "embeddings",
    "/rerank": "rerank",
    "/messages": "messages",
}


def named_dialect(url: str) -> str | None:
    """The dialect that a full path names, or None when the URL is only a base."""
    path = urlsplit(url).path.rstrip("/")
    return next((name for ending, name in PATHS.items() if path.endswith(ending)), None)


def request_url(url: str, path: str) -> str:
    """Where a request with that dialect path goes. Raises ScenarioError for what is no http(s) URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        like = "write it like http://127.0.0.1:8000/v1" if "://" in url else f"did you mean http://{url}?"
        raise ScenarioError(f"url {url!r} is not an address; {like}")
    try:
        _ = parts.port
    except ValueError as error:
        raise ScenarioError(f"url {url!r}: {error}") from None
    base = parts.path.rstrip("/")
    for ending in PATHS:
        if base.endswith(ending):
            base = base.removesuffix(ending)
            break
    else:
        base = base or "/v1"
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{base}{path}{query}"
