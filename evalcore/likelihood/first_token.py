"""First token: letters, by the list of the likeliest first tokens of an answer.

Exact as far as the list goes: a letter's likelihood is that of all listed tokens that read as the letter, with and
without a blank; one that is not listed is less likely than any that is. Where no letter is listed nothing is known, and
the sample is unscored. Completions are asked after a plain text that ends where the letter belongs; where there are
none, a chat is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from evalcore.benchmarks.base import Comparison
from evalcore.likelihood.base import Reading, Unreadable
from evalcore.types import Likelihood
from perfbench.engine.request import Answer

TOPS = (200, 20, 5)
"""How many alternatives are asked for, until an endpoint agrees: llama-server gives any number, many 20, OpenAI's
completions 5."""
_BLANKS = " \t\r\nĠ▁Ċ"


@dataclass(frozen=True, slots=True)
class FirstToken:
    api: Literal["completions", "chat"] = "completions"
    top: int = TOPS[0]
    name: ClassVar[str] = "first_token"
    letters_only: ClassVar[bool] = True

    def bodies(self, compared: Comparison) -> list[dict[str, Any]]:
        one = {"max_tokens": 1, "temperature": 0}
        if self.api == "chat":
            return [{"messages": list(compared.messages), **one, "logprobs": True, "top_logprobs": self.top}]
        return [{"prompt": compared.pairs[0].context, **one, "logprobs": self.top}]

    def read(self, compared: Comparison, answers: Sequence[Answer]) -> Reading:
        listed = likeliest(answers[0])
        likelihoods = tuple(_likelihood(letter, listed) for letter in compared.letters)
        if all(one.logprob is None for one in likelihoods):
            raise Unreadable(f"none of {', '.join(compared.letters)} is among the {len(listed)} likeliest first tokens")
        return Reading(likelihoods)

    def facts(self) -> Mapping[str, Any]:
        return {"chat": self.api == "chat", "top_logprobs": self.top}


def likeliest(answer: Answer) -> dict[str, float]:
    """The alternatives of the first token, in the shape of chat or of completions. Raises Unreadable."""
    found = (answer.extra or {}).get("logprobs")
    if not isinstance(found, dict):
        raise Unreadable("the reply has no logprobs")
    listed: dict[str, float] = {}
    try:
        if found.get("content"):
            first = found["content"][0]
            for one in [first, *(first.get("top_logprobs") or [])]:
                listed[one["token"]] = float(one["logprob"])
        elif found.get("top_logprobs"):
            listed = {token: float(logprob) for token, logprob in found["top_logprobs"][0].items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Unreadable(f"its logprobs cannot be read: {str(found)[:80]}") from None
    if not listed:
        raise Unreadable("the reply lists no alternatives (top_logprobs)")
    return listed


def _likelihood(letter: str, listed: Mapping[str, float]) -> Likelihood:
    forms = [logprob for token, logprob in listed.items() if token.strip(_BLANKS) == letter]
    if not forms:
        return Likelihood(text=letter)
    top = max(forms)
    total = top + math.log(sum(math.exp(logprob - top) for logprob in forms))
    return Likelihood(text=letter, logprob=total, tokens=1, greedy=top >= max(listed.values()))
