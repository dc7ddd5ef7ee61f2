"""Ending: when a run stops asking before everything is asked, and why.

A run ends early by its budget, by its deadline or by Ctrl-C. What is in flight then may finish (for a budget), may
finish for a while (for a deadline), or is cut off (for Ctrl-C); what has been answered is scored and reported as ever,
and what has not been asked stays for a run with `use_cache`. Here is the account and the reason; the waiting and the
cutting are the run's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalcore.progress import TESTED_LANE
from evalcore.task import TaskConfig
from perfbench.engine.request import Record

GRACE_S = 30.0
"""How long requests in flight may go on after a deadline."""
CHARACTERS_PER_TOKEN = 4  # of English under the usual tokenizers; where nobody counted, this is the estimate


@dataclass(frozen=True, slots=True)
class Prices:
    """Per million tokens."""

    input: float = 0.0
    output: float = 0.0

    def of(self, input_tokens: float, output_tokens: float) -> float:
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """`amount` of money, or of tokens."""

    amount: float
    in_tokens: bool

    def __str__(self) -> str:
        if self.in_tokens:
            return f"{self.amount:,.0f} tokens"
        return f"{self.amount:.2f}" if self.amount >= 1 else f"{self.amount:g}"


class Ending:
    """One run's account; a sink of the scheduler. `reason` is empty while the run may go on.

    `count_tokens` is for texts that no server has counted.
    """

    def __init__(
        self, budget: Budget | None, prices: Prices, count_tokens: Callable[[str], int],
        stopped: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.reason = ""
        self.input_tokens = self.output_tokens = 0
        self.estimated = False
        """Some of these tokens were not counted by the server."""
        self._budget, self._prices, self._count = budget, prices, count_tokens
        self._stopped = stopped
        self._answers = self._in_flight = 0

    @property
    def is_over(self) -> bool:
        return bool(self.reason)

    @property
    def spent(self) -> float:
        """In units of the budget."""
        if self._budget is None or self._budget.in_tokens:
            return self.input_tokens + self.output_tokens
        return self._prices.of(self.input_tokens, self.output_tokens)

    def begin(self) -> bool:
        """Whether one more may be asked; counts it as in flight. What is in flight is taken to cost the mean so far."""
        if self.is_over:
            return False
        if self._budget is not None and self._answers:
            foreseen = self.spent * (1 + self._in_flight / self._answers)
            if foreseen >= self._budget.amount:
                self.stop(f"the budget of {self._budget} is spent, or will be by what is in flight")
                return False
        self._in_flight += 1
        return True

    def end(self) -> None:
        """One that was in flight is over."""
        self._in_flight -= 1

    def stop(self, reason: str) -> None:
        """Ask no more. The first reason stands."""
        if not self.reason:
            self.reason = reason
            self._stopped()

    def add(self, record: Record) -> None:
        """Take a request into the account, judges' too."""
        if record.outcome == "unsent":
            return
        self._answers += record.lane == TESTED_LANE  # each with the judging that comes of it
        known_in, known_out = record.input_tokens, record.output_tokens
        if record.outcome == "ok" and (known_in is None or known_out is None):
            self.estimated = True
            known_in = self._count(record.prompt or "") if known_in is None else known_in
            known_out = self._count((record.reasoning or "") + (record.text or "")) if known_out is None else known_out
        self.input_tokens += known_in or 0
        self.output_tokens += known_out or 0
        if self._budget is not None and self.spent >= self._budget.amount:
            self.stop(f"the budget of {self._budget} is spent")

    async def close(self) -> None:
        """Nothing to do; a sink has this method."""


def estimated_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def prices_of(task: TaskConfig) -> Prices:
    return Prices(task.price_in or 0.0, task.price_out or 0.0)


def budget_of(task: TaskConfig) -> Budget | None:
    """What the task may spend; its text was checked when it was read."""
    if task.budget is None:
        return None
    from perfbench.settings import units

    if task.budget.endswith("tok"):
        return Budget(units.count(task.budget.removesuffix("tok").strip()), in_tokens=True)
    return Budget(float(task.budget), in_tokens=False)


def counter_of(task: TaskConfig) -> Callable[[str], int]:
    """Counts a text's tokens: by the task's tokenizer, else by its length. Raises ScenarioError for no tokenizer."""
    if task.tokenizer is None:
        return estimated_tokens
    from perfbench.workload.tokens import token_counter

    return token_counter(task.tokenizer)
