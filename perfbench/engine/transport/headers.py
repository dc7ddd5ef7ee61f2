"""Headers: what every transport sends with a request, put together in one place.

Later ones win, names compare without case: our defaults < the dialect's authorization < the endpoint's headers < the
request's own. Content-Length belongs to the transport, and so does Host, unless the user names one. A transport whose
client library has defaults of its own takes `extra_headers` instead, which leaves ours out. Values never appear in an
error: they may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import perfbench
from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Request
from perfbench.engine.transport.base import Endpoint

DEFAULTS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "accept-encoding": "gzip, deflate",  # what every transport can decode, and no more
    "user-agent": f"perfbench/{perfbench.__version__}",
}
OWNED = frozenset({"content-length", "transfer-encoding"})  # how the body is framed is not for a user to say
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_ODD = re.compile(r"[^\t\x20-\x7e]")


def request_headers(endpoint: Endpoint, request: Request) -> dict[str, str]:
    """All headers of a request but those that belong to the transport; names in lower case."""
    merged = dict(DEFAULTS)
    if request.dialect.method == "GET":
        del merged["content-type"]
    return merged | authorization(endpoint, request) | extra_headers(endpoint, request)


def authorization(endpoint: Endpoint, request: Request) -> dict[str, str]:
    """How the API key is shown: as a bearer token, unless the dialect has a method `headers(api_key)`."""
    own = getattr(request.dialect, "headers", None)
    if own is not None:
        return _checked(own(endpoint.api_key).items(), "the API key")
    if not endpoint.api_key:
        return {}
    return _checked([("authorization", f"Bearer {endpoint.api_key}")], "the API key")


def extra_headers(endpoint: Endpoint, request: Request) -> dict[str, str]:
    """What the user asked for on top: the endpoint's headers, then the request's."""
    return _checked(endpoint.headers.items(), "headers") | _checked(request.headers, "headers of the request")


def _checked(headers: Iterable[tuple[str, str]], place: str) -> dict[str, str]:
    checked: dict[str, str] = {}
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise ScenarioError(f"{place}: {name!r} is not a header name; use letters, digits and dashes")
        if name.lower() in OWNED:
            raise ScenarioError(f"{place}: {name} is set from the body that is sent; leave it out")
        odd = _ODD.search(value)
        if odd is not None:
            what = "a line break" if odd[0] in "\r\n" else f"the character {odd[0]!r}"
            raise ScenarioError(
                f"{place}: the value of {name} has {what} at position {odd.start() + 1} of {len(value)}; "
                "only printable ASCII can be sent"
            )
        checked[name.lower()] = value.strip(" \t")
    return checked
