"""Base: what a way of comparing options is.

A way is a frozen dataclass of plain values: what the probe found out stands in its fields, so that it can be written
down with a run and made again. To add one, write a file with a class that satisfies `Way` and a line in
`evalcore.likelihood.ways.WAYS`; if the endpoint has to be asked whether it offers it, a function there that does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from evalcore.benchmarks.base import Comparison
from evalcore.types import Likelihood
from perfbench.engine.request import Answer


class Unreadable(Exception):
    """An answer that holds no likelihoods, or none that can be believed. Says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the answers to one comparison said."""

    likelihoods: tuple[Likelihood, ...] = ()
    """Of the pairs, in their order; empty where the way knows none."""
    text: str = ""
    """The letter that was chosen, where that is all there is."""


class Way(Protocol):
    name: ClassVar[str]
    letters_only: ClassVar[bool]
    """Only letters can be compared, after a question that shows them."""

    @property
    def api(self) -> str:
        """The dialect of its requests."""

    def bodies(self, compared: Comparison) -> list[dict[str, Any]]:
        """What is sent for one sample, without model and extra fields."""

    def read(self, compared: Comparison, answers: Sequence[Answer]) -> Reading:
        """The answers to `bodies`, in their order. Raises Unreadable."""

    def facts(self) -> Mapping[str, Any]:
        """What a report says of it."""


class Refused(Exception):
    """A request of the probe was not answered. Says what came instead."""


Ask = Callable[[str, dict[str, Any]], Awaitable[Answer]]
"""Sends a body in a dialect. Raises Refused when there is no answer."""
