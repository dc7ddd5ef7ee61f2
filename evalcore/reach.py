"""Reach: whether anybody answers at an endpoint, found out before thousands of samples fail one by one.

Two questions. Before the first request: does anything listen there? And once requests are answered: was any of the
first ones a success, or does the endpoint turn all of them away for what no waiting mends (a wrong key, a model that it
does not know, a page where an API should be)? A run that has had one answer is never ended by this: what fails after
that may heal, and is counted as what it is.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from evalcore.types import Prediction
from perfbench.engine.errors import TargetUnreachable
from perfbench.report.text import harmless

PATIENCE_S = 1.0  # for a server that is restarted this very moment
PAUSE_S = 0.25
CONNECT_S = 5.0
HOPELESS = {
    "http_401": "is the key right?",
    "http_404": "are the address and the model's name right?",
    "http_405": "is the address that of an API?",
    "bad_body": "is the address that of an API?",
    "tls": "is it https, with a certificate that this machine knows?",
    "dns": "is the host's name right?",
    "connect_refused": "is the server running?",
}
"""Kinds of fault that every further request would meet, and what to look at."""
HOPELESS_AFTER = 4
"""Answers, if there are no others before: one alone may be an accident."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


async def knock(urls: Iterable[str]) -> None:
    """Open a connection to each address, and close it. Raises TargetUnreachable when nobody opens."""
    for url in dict.fromkeys(urls):
        await _knock(url)


async def _knock(url: str) -> None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    began_s = time.perf_counter()
    while True:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
            return
        except (OSError, TimeoutError) as error:
            if time.perf_counter() - began_s > PATIENCE_S:
                said = f"no connection within {CONNECT_S:g} s" if isinstance(error, TimeoutError) else str(error)
                raise TargetUnreachable(
                    f"nobody answers at {parts.hostname}:{port}: {said}; is the server running, "
                    f"and the address {parts.scheme}://{parts.netloc.rpartition('@')[2]} right?"
                ) from None
        await asyncio.sleep(PAUSE_S)


def goes_directly(client: str) -> bool:
    """Whether this client opens its connections to the endpoint itself, and not to a proxy of the environment's."""
    return client == "wire" or not any(os.environ.get(name) or os.environ.get(name.lower()) for name in PROXIES)


class FirstAnswers:
    """Watches the first answers of a run."""

    def __init__(self) -> None:
        self._is_answered = False
        self._hopeless = 0

    def add(self, prediction: Prediction, url: str) -> None:
        """Raises TargetUnreachable when none of the first was an answer."""
        self._is_answered = self._is_answered or prediction.fault not in HOPELESS
        if self._is_answered:
            return
        self._hopeless += 1
        if self._hopeless >= HOPELESS_AFTER:
            said = f" ({harmless(prediction.detail, 300)})" if prediction.detail else ""
            raise TargetUnreachable(
                f"{url} answered none of the first {self._hopeless} requests: {prediction.fault}{said}; "
                f"{HOPELESS[prediction.fault]}"
            )
