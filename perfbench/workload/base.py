"""Workload: what the i-th arrival of a run sends.

Items are pure functions of (seed, index), so that workers need not talk to each other and a run can be repeated to
the byte; they are made while the run is going, so they must be cheap (microseconds). To add a workload, write a file
with a class that subclasses `Workload` (or satisfies `Texts`, for `Shaped` to make prompts of), and a line in
`table.WORKLOADS`. From an item to the bytes of a request it is `requests.py`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import msgspec

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.flow import Heard, Pause
from perfbench.engine.pacing import Pacer

CHARACTERS_PER_TOKEN = 4  # of English under the usual tokenizers; where nobody counted, this is the estimate
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
UNIQUE = "none: no two prompts begin alike"
"""The `reuse` of a workload that gives a prefix cache nothing to reuse."""


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request to be: what to ask, and how it differs from the other requests of the run."""

    prompt: Prompt
    options: Mapping[str, Any] = NO_OPTIONS
    """Overrides for this request: names are fields of `engine.dialect.base.Options`; its `extra` (a mapping) adds to
    that of the run."""
    tag: str = ""
    """Which part of a mix it is; figures are given by tag. Empty: the run has one part."""
    wanted_input_tokens: int | None = None
    """Length that the prompt is meant to have."""
    wanted_output_tokens: int | None = None
    """Length that the reply is to have, exactly: sent as max_tokens with ignore_eos (see `requests.options_for`)."""
    turns: int | None = None
    """In a session: how many requests it is to have."""
    cancel_after_s: float | None = None
    """The client hangs up so long after the request was let go, unless the reply is whole by then."""
    item: str = ""
    """A name that is the same in every run, by which its answer is scored and compared (see `quality.py`)."""


Turns: TypeAlias = Generator[Item | Pause, Heard, None]
"""A session: its items, one after the other; each is answered by what came of it. See `engine.flow`."""


class Workload(Protocol):
    """Subclass it: then the members with a default need not be repeated."""

    expected_tokens: int
    """About how many tokens a prompt has, on average: what a limit on tokens a minute admits by, where an item does
    not say `wanted_input_tokens`. Without the reply."""
    reuse: str = UNIQUE
    """One line: which reuse of prompts or beginnings of prompts is intended; the report repeats it."""
    length: int | None = None
    """How many items there are; where a run ends that was given neither number nor duration. None: endless. An index
    beyond it begins anew."""
    arrivals: Pacer | None = None
    """When the items are due, if they say so themselves (a trace); the run is an open loop then."""
    sessions: bool = False
    """Whether `item` gives `Turns`, of all or some of the indices."""

    def item(self, index: int) -> Item | Turns:
        """What arrival `index` (from 0) sends, the same whenever it is asked for and in whatever process."""

    def facts(self) -> Mapping[str, Any]:
        """What else the summary is to say of it, by name; asked for once, by the parent of a run."""
        return {}


class Texts(Protocol):
    """Texts that a `Shaped` workload makes prompts of any API from."""

    mean_tokens: int
    reuse: str

    def text(self, index: int) -> str: ...


def estimated_tokens(characters: float) -> int:
    return max(1, round(characters / CHARACTERS_PER_TOKEN))
