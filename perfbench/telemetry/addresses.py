"""Addresses: from a scenario to what is asked at /metrics, and with which key."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from perfbench.engine.dialect.urls import request_url
from perfbench.scenario import Scenario
from perfbench.telemetry.sample import Kind
from perfbench.telemetry.scraper import Address

AUTO = ("auto",)


def addresses(scenario: Scenario, urls: tuple[str, ...]) -> list[Address]:
    """What the scenario asks to be scraped, each address once; `urls` are those under load.

    The key and the headers of the run go to hosts that are under load, and to nobody else.
    """
    servers = tuple(map(beside, urls)) if scenario.server_metrics == AUTO else scenario.server_metrics or ()
    kinds: dict[str, Kind] = dict.fromkeys(servers, "server")
    kinds |= dict.fromkeys(scenario.gpu_metrics or (), "gpu")
    return [_address(scenario, urls, url, kind) for url, kind in kinds.items()]


def beside(url: str) -> str:
    """/metrics next to an API's /v1."""
    base = request_url(url, "").partition("?")[0]
    return f"{base.removesuffix('/v1')}/metrics"


def _address(scenario: Scenario, urls: tuple[str, ...], url: str, kind: Kind) -> Address:
    address = Address(url, kind)
    if _host(url) not in map(_host, urls):
        return address
    endpoint = scenario.endpoint(urls)
    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key is not None else {}
    tls = endpoint.ssl_context() if url.startswith("https:") else None
    return replace(address, headers={**headers, **endpoint.headers}, tls=tls)


def _host(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
