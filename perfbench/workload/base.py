"""Workload: which prompt is the i-th of a run.

Prompts are pure functions of (seed, index), so that workers need not talk to each other and a run can be repeated to
the byte; they are made while the run is going, so they must be cheap (microseconds). To add a workload, write a file
with a class that satisfies `Workload` or `Texts`, and a line in `table.WORKLOADS`.
"""

from __future__ import annotations

from typing import Protocol

from perfbench.engine.dialect.base import Prompt

CHARACTERS_PER_TOKEN = 4  # of English under the usual tokenizers; where nobody counted, this is the estimate


class Workload(Protocol):
    expected_tokens: int
    """About how many tokens a prompt has, on average: what a limit on tokens a minute admits by. Without the reply."""

    def prompt(self, index: int) -> Prompt:
        """The prompt of arrival `index` (from 0), the same whenever it is asked for."""


class Texts(Protocol):
    """Texts that a `Shaped` workload makes prompts of any API from."""

    mean_tokens: int

    def text(self, index: int) -> str: ...


def estimated_tokens(characters: float) -> int:
    return max(1, round(characters / CHARACTERS_PER_TOKEN))
