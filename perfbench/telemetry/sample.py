"""Sample: one answer of a /metrics address, or that none came: one line of server.jsonl."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["server", "gpu"]


class ServerSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an address said, in common names (`engines.COMMON`) and units."""

    url: str
    kind: Kind
    at_ns: int
    """On the run's clock: the middle between asking and the whole answer, so right to half of `took_ns`."""
    wall_ns: int
    """The same instant as a time of day, ns since 1970."""
    took_ns: int
    engine: str = ""
    """A key of `engines.ENGINES`; empty when nothing in the answer was known."""
    values: dict[str, float] = {}
    error: str = ""
    """Why there are no values."""
