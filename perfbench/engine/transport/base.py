"""Transport: how bytes travel.

A transport moves one request's bytes to one of the endpoint's targets and fills a `Reply` with what comes back and
when. It decodes HTTP (chunking, compression), nothing else: it does not know JSON, tokens, retries, or pacing. To add
one, write a class with these two methods, a line in `TRANSPORTS`, and run the conformance suite in
tests/engine/transport against it.
"""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from perfbench.engine.errors import ScenarioError
from perfbench.engine.redact import is_secret_header, secrets_in
from perfbench.engine.request import Reply, Request


class Transport(Protocol):
    async def send(self, request: Request, reply: Reply) -> None:
        """Carry one request and fill `reply`; return once the whole reply is there, whatever its status.

        Raises a `TransportFault`, and no exception of any HTTP library; what had arrived until then is in `reply`.
        Opening a connection is bounded by the endpoint's `connect_timeout_s`; the other deadlines are the
        scheduler's, which cancels the calling task: the connection is then closed, not returned to the pool.
        A reused connection that dies before the first byte is tried once more on a fresh one (`reply.reconnects`).
        """

    async def close(self) -> None:
        """Close every connection. The transport cannot be used afterwards."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and what every one of them carries. `urls` are base URLs (".../v1") or full paths."""

    urls: tuple[str, ...]
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    connect_timeout_s: float = 10.0
    balance: Literal["round_robin", "least_in_flight"] = "round_robin"
    verify: bool = True  # --insecure
    ca: str | None = None  # --ca: a PEM file
    trust_env: bool = False  # HTTP_PROXY and its like, for `aiohttp` and `sdk`; `wire` knows no proxies
    model_args: Mapping[str, Any] = field(default_factory=dict, repr=False)  # for `sdk` only

    def secrets(self) -> tuple[str, ...]:
        """What must not get into a record when a server echoes it: the key, and what looks like one in headers and
        `model_args`."""
        headers = (value for name, value in self.headers.items() if is_secret_header(name))
        found = [value for value in (self.api_key, *headers, *secrets_in(self.model_args)) if value]
        bare = [value.rpartition(" ")[2] for value in found]  # of "Bearer KEY", KEY alone
        return tuple(dict.fromkeys([*found, *bare]))

    def ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:  # ssl.SSLError is one too
            raise ScenarioError(f"ca {self.ca!r} cannot be used: {error}; give the path of a PEM file") from None
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


TRANSPORTS: dict[str, str] = {
    "wire": "perfbench.engine.transport.wire:WireTransport",
    "aiohttp": "perfbench.engine.transport.aiohttp:AiohttpTransport",
    "sdk": "perfbench.engine.transport.sdk:SdkTransport",
}


def open_transport(name: str, endpoint: Endpoint) -> Transport:
    """The transport of that name for that endpoint; call it inside the running loop."""
    if name not in TRANSPORTS:
        raise ScenarioError(f"transport {name!r} does not exist; there are {', '.join(TRANSPORTS)}")
    module, _, attribute = TRANSPORTS[name].partition(":")
    transport: Transport = getattr(importlib.import_module(module), attribute)(endpoint)
    return transport
