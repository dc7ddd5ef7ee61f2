"""Security: who may ask, under which name, and from which page.

The order of the checks: the Host is one of ours, no other site's page is behind it, and then the token. Comparisons are
in constant time. The cookie that a login sets holds no token: it is a time and its HMAC under the token, so it ends by
itself, and a restart keeps it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Iterable, Mapping

from aiohttp import web

from evalcore.service.problems import Refused
from evalcore.service.settings import Settings

COOKIE = "evalcore_session"
COOKIE_AGE_S = 7 * 24 * 3600
OPEN = frozenset({"/health", "/login", "/api/v1/login"})
"""What is answered without a token; /health then tells no more than that it lives."""
OPEN_BELOW = ("/static/",)
"""Files that are the same for everybody: style and scripts of the login page."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "evalcore",
}
"""Of every answer that has none of its own."""


def check_host(host: str, settings: Settings) -> None:
    """Raise Refused unless the Host is an address, localhost, or a name that we are known under.

    A page of another site can be made to point at this machine by its name server (DNS rebinding), but the browser
    still sends that site's name. An address cannot be rebound.
    """
    name = _without_port(host).casefold()
    if name == "localhost" or name in map(str.casefold, (*settings.allow_hosts, settings.host)):
        return
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        raise Refused(
            421, f"Host {name[:200]!r} is no name of this service; ask by address, or start it with --allow-host"
        ) from None
    if settings.is_local and not address.is_loopback:
        raise Refused(421, f"Host {name!r} is not this machine's own address, and only that is served")


def check_origin(method: str, headers: Mapping[str, str], scheme: str, host: str, settings: Settings) -> None:
    """Raise Refused for what a page of another site has sent; following its link is the user's own doing."""
    origin = headers.get("Origin")
    ours = [f"{scheme}://{host}".casefold()]
    if _without_port(host).casefold() in map(str.casefold, settings.allow_hosts):  # by a proxy, which may speak TLS
        ours.append(f"https://{host}".casefold())
    if origin is not None and origin.casefold() not in ours:
        raise Refused(403, f"the request comes from a page of {origin[:200]!r}, and this is {scheme}://{host}")
    site = headers.get("Sec-Fetch-Site", "same-origin")
    goes = (method, headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
    navigates = goes == ("GET", "navigate", "document")
    if site not in ("same-origin", "none") and not navigates:
        raise Refused(403, "the request comes from a page of another site")


def check_token(request: web.Request, settings: Settings) -> None:
    """Raise Refused unless the request carries the token, or a cookie that it has given."""
    if settings.token is None or is_known(request, settings.token):
        return
    if request.path in OPEN or request.path.startswith(OPEN_BELOW):
        return
    raise Refused(
        401, "a token is needed: send Authorization: Bearer TOKEN, or log in", headers={"WWW-Authenticate": "Bearer"}
    )


def is_known(request: web.Request, token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and is_token(given.strip(), token):
        return True
    return is_session(request.cookies.get(COOKIE, ""), token, time.time())


def is_token(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def new_session(token: str, now_s: float) -> str:
    """The value of a cookie."""
    ends = str(int(now_s) + COOKIE_AGE_S)
    return f"{ends}.{_signed(ends, token)}"


def is_session(value: str, token: str, now_s: float) -> bool:
    ends, _, signature = value.partition(".")
    is_ours = hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), _signed(ends, token).encode())
    return is_ours and ends.isascii() and ends.isdigit() and int(ends) > now_s


def _signed(text: str, token: str) -> str:
    said = f"evalcore session {text}".encode("utf-8", "surrogateescape")
    return hmac.new(token.encode(), said, hashlib.sha256).hexdigest()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def dress(response: web.StreamResponse) -> None:
    """Give an answer the headers that all have."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def hashes_policy(hashes: Iterable[str]) -> str:
    """The policy of a report page: its own scripts by their hashes, in a frame that has no access to anything."""
    scripts = " ".join(hashes) or "'none'"
    return (
        f"sandbox allow-scripts allow-downloads; default-src 'none'; script-src {scripts}; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
