"""Settings: what the service was started with."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from perfbench.engine.errors import ScenarioError

TOKEN_VARIABLE = "EVALCORE_SERVICE_TOKEN"
SHORTEST_TOKEN = 16
"""Characters: what can be guessed over a network is no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    outputs: Path
    """Absolute."""
    host: str = "127.0.0.1"
    port: int = 9000
    token: str | None = field(default=None, repr=False)
    max_jobs: int = 2
    max_perf_jobs: int = 1
    max_queued: int = 1000
    allow_urls: tuple[str, ...] = ()
    """Patterns of targets; empty: any."""
    allow_hosts: tuple[str, ...] = ()
    """Names that this service is known under, beside localhost and addresses."""
    allow_paths: tuple[Path, ...] = ()
    """Folders whose files a body may name, beside the outputs."""
    max_body_bytes: int = 4 << 20
    body_timeout_s: float = 30.0
    """In which a request must have arrived, head and body each; and in which a client must take what it is sent."""
    stop_grace_s: float = 30.0
    """That a job has after it was told to stop, before it is told again, and a third of it before it is killed; and
    that one has which a killed service has left behind."""

    @property
    def state(self) -> Path:
        return self.outputs / ".service"

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def check(settings: Settings) -> None:
    """Raise ScenarioError for what cannot be served."""
    if settings.token is not None and (len(settings.token) < SHORTEST_TOKEN or not settings.token.isascii()):
        raise ScenarioError(
            f"--token has {len(settings.token)} characters; {SHORTEST_TOKEN} of ASCII are the least, "
            "`openssl rand -hex 24` makes one"
        )
    if settings.token is not None and not all("!" <= character <= "~" for character in settings.token):
        raise ScenarioError("--token holds a blank or a control character, which no header can carry; take it out")
    if settings.token is None and not settings.is_local:
        raise ScenarioError(
            f"--host {settings.host} can be reached from other machines, and whoever reaches the service starts "
            f"processes on this one; give --token (or {TOKEN_VARIABLE}), or bind 127.0.0.1"
        )
    for name in ("max_jobs", "max_perf_jobs", "max_queued"):
        if getattr(settings, name) < 1:
            raise ScenarioError(f"--{name.replace('_', '-')} {getattr(settings, name)}: at least 1")
