"""Prefix: a tree of beginnings that prompts share: one system prompt, groups below it, users below each group.

Arithmetic only. `share_expected` says how many of the tokens a cache that forgets nothing would have seen before.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

from perfbench.settings import units
from perfbench.settings.suggest import did_you_mean


class SharedPrefix(BaseModel):
    """Counts of tokens and of branches. `zipf`: the k-th most popular branch is asked for 1 / k^zipf times as often as
    the first; 0 makes all alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system_tokens: int = 500
    groups: int = 10
    group_tokens: int = 1000
    users: int = 20
    """In each group."""
    user_tokens: int = 300
    zipf: float = 1.0

    @property
    def tokens(self) -> int:
        """Of a prompt, the part that is shared."""
        return self.system_tokens + self.group_tokens + self.user_tokens

    def distinct_expected(self, requests: int) -> tuple[float, float]:
        """How many groups, and how many users, so many requests ask for at least once, on average."""
        groups, users = popularity(self.groups, self.zipf), popularity(self.users, self.zipf)
        seen_groups = sum(1 - (1 - p) ** requests for p in groups)
        seen_users = sum(1 - (1 - p * q) ** requests for p in groups for q in users)
        return seen_groups, seen_users

    def share_expected(self, requests: int | None, unique_tokens: float) -> float:
        """Of all tokens sent, the share that repeats a beginning sent before: with so many requests, or in the long
        run (None), and that many tokens of each prompt its own."""
        whole = self.tokens + unique_tokens
        if requests is None:
            return self.tokens / whole
        groups, users = self.distinct_expected(requests)
        first = self.system_tokens + self.group_tokens * groups + self.user_tokens * users
        return (self.tokens * requests - first) / (whole * requests)


def popularity(branches: int, zipf: float) -> list[float]:
    """Shares of the branches, the most popular first; they make 1."""
    weights = [rank**-zipf for rank in range(1, branches + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def until(shares: list[float]) -> list[float]:
    """Where each branch ends between 0 and 1: for drawing one by bisection."""
    ends = list(accumulate(shares))
    ends[-1] = 1.0
    return ends


LIKE = "system_tokens=500 groups=10 group_tokens=1000 users=20 user_tokens=300 zipf=1.0"


def shared_prefix(given: Mapping[str, object]) -> SharedPrefix:
    """Raises ValueError with the name, the value and a remedy."""
    found: dict[str, float] = {}
    for name, value in given.items():
        if name not in SharedPrefix.model_fields:
            raise ValueError(
                f"{name!r} is no setting of a shared prefix{did_you_mean(name, SharedPrefix.model_fields)}"
            )
        try:
            found[name] = _zipf(value) if name == "zipf" else units.count(value)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
        if name in ("groups", "users") and found[name] < 1:
            raise ValueError(
                f"{name} is {value}, but there is at least one; to share nothing there, set its tokens to 0"
            )
    made = SharedPrefix.model_validate(found)
    if not made.tokens:
        raise ValueError("shares no token: system_tokens, group_tokens and user_tokens are all 0; set one above 0")
    return made


def _zipf(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 10:
        raise ValueError(f"is {value!r}, not an exponent from 0 (all alike) to 10; write it like 1.0")
    return number
