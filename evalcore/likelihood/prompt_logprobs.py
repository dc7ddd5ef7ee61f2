"""Prompt logprobs: vLLM's own field of completions, the likelihoods of the prompt's tokens.

`choices[0].prompt_logprobs` has an entry per token of the prompt: null for the first, else {token id: {logprob, rank,
decoded_token}}, the prompt's own token first. With 0 no others are listed. The first token has no text there: it is the
one before the prompt, or the beginning of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from evalcore.benchmarks.base import Pair
from evalcore.likelihood.base import Unreadable
from evalcore.likelihood.exact import ExactWay, Token
from perfbench.engine.request import Answer


@dataclass(frozen=True, slots=True)
class PromptLogprobs(ExactWay):
    name: ClassVar[str] = "prompt_logprobs"

    def body(self, pair: Pair) -> dict[str, Any]:
        prompt = pair.context + pair.continuation
        return {"prompt": prompt, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}

    def tokens(self, answer: Answer, prompt: str) -> tuple[list[Token], str]:
        found = (answer.extra or {}).get("prompt_logprobs")
        if not isinstance(found, list) or not found:
            raise Unreadable("the reply has no prompt_logprobs")
        tokens = [_token(entry) for entry in found]
        if not tokens[0].text:
            tokens[0] = Token(_beginning(tokens, prompt), tokens[0].logprob)
        return tokens, prompt


def _beginning(tokens: list[Token], prompt: str) -> str:
    """The text of the first token: what the others leave of the prompt."""
    others = "".join(token.text for token in tokens[1:])
    if prompt.endswith(others):
        return prompt.removesuffix(others) if others else prompt
    return ""


def _token(entry: Any) -> Token:
    if entry is None:
        return Token("", None)
    try:
        own = next(iter(entry.values()))
        rank = own.get("rank")
        return Token(own.get("decoded_token") or "", float(own["logprob"]), None if rank is None else rank == 1)
    except (AttributeError, StopIteration, KeyError, TypeError, ValueError):
        raise Unreadable(f"an entry of prompt_logprobs cannot be read: {str(entry)[:80]}") from None
