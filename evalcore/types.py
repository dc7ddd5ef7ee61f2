"""The values that flow through an evaluation: Sample -> (request) -> Answer -> Scores.

A `Sample` is one item of a data set, ready to be asked; an `Answer` is what a model said to it, the reasoning kept
apart; a `Score` is what one named protocol makes of that. All are frozen. An item that got no answer never becomes an
`Answer`: it is unscored, which is not the same as wrong (see evalcore.run).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

Message: TypeAlias = dict[str, Any]
"""One chat message: {"role": ..., "content": ...}."""


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item. `id` is stable: the source's own, or a hash of the content; never the position."""

    id: str
    subset: str = "main"
    question: str
    target: Any
    """What is right: a text, a letter, a list of accepted texts, test code, ...; the benchmark knows."""
    choices: tuple[str, ...] = ()
    """Texts of the options, in the order they are shown; letters follow from the position."""
    context: str = ""
    """Passage, or whatever stands before the question."""
    group: str = ""
    """Items that share a passage or a question, for clustered standard errors; empty: stands alone."""
    category: str = ""
    """For figures per category (a subject, a level); empty: the subset."""
    meta: Mapping[str, Any] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model said, once the reply was whole."""

    text: str
    """Without reasoning: neither a reasoning field nor a leading <think> block."""
    reasoning: str = ""
    finish_reason: str = ""
    """length means that it was cut by max_tokens."""


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one protocol makes of one answer."""

    value: float
    """0 to 1 unless the protocol says otherwise."""
    extracted: str | None = None
    """What was read out of the answer; None: nothing could be, and that is not a guess."""
    detail: Mapping[str, Any] = {}


Scores: TypeAlias = Mapping[str, Score]
"""By protocol name; every protocol of the benchmark is there."""
