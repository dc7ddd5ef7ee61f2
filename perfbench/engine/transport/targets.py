"""Targets: which of several addresses the next request goes to.

Arithmetic only. `pick` counts the request as in flight at its address until `release`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from perfbench.engine.dialect.urls import request_url
from perfbench.engine.transport.base import Endpoint


class Targets:
    """Round robin takes the addresses in turn; least in flight the idlest one, in turn among equals."""

    def __init__(self, urls: Sequence[str], balance: Literal["round_robin", "least_in_flight"]) -> None:
        self._urls = tuple(dict.fromkeys(urls))
        self._balance = balance
        self._next = 0
        self.in_flight = dict.fromkeys(self._urls, 0)

    def pick(self) -> str:
        urls = self._urls
        if len(urls) == 1:
            url = urls[0]
        else:
            turn = self._next
            if self._balance == "least_in_flight":
                turn = min(range(turn, turn + len(urls)), key=lambda i: self.in_flight[urls[i % len(urls)]])
            url = urls[turn % len(urls)]
            self._next = (turn + 1) % len(urls)
        self.in_flight[url] += 1
        return url

    def release(self, url: str) -> None:
        self.in_flight[url] -= 1


class TargetsByPath:
    """The targets of an endpoint for each path of a dialect, made when first asked for."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._known: dict[str, Targets] = {}

    def of(self, path: str) -> Targets:
        targets = self._known.get(path)
        if targets is None:
            urls = [request_url(url, path) for url in self._endpoint.urls]
            targets = self._known[path] = Targets(urls, self._endpoint.balance)
        return targets
