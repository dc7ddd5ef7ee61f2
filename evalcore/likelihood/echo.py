"""Echo: completions that repeat the prompt, with the likelihood of each of its tokens.

OpenAI's legacy API, kept by vLLM and llama-cpp-python. One token is asked for, since max_tokens 0 means "no limit" to
some servers (llama-cpp-python); whether it stands among the tokens differs too, and does not matter: what stands behind
the prompt is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from evalcore.benchmarks.base import Pair
from evalcore.likelihood.base import Unreadable
from evalcore.likelihood.exact import ExactWay, Token
from perfbench.engine.request import Answer


@dataclass(frozen=True, slots=True)
class Echo(ExactWay):
    name: ClassVar[str] = "echo"

    def body(self, pair: Pair) -> dict[str, Any]:
        prompt = pair.context + pair.continuation
        return {"prompt": prompt, "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}

    def tokens(self, answer: Answer, prompt: str) -> tuple[list[Token], str]:
        found = (answer.extra or {}).get("logprobs")
        if not isinstance(found, dict):
            raise Unreadable("the reply has no logprobs")
        texts, logprobs = found.get("tokens"), found.get("token_logprobs")
        if not isinstance(texts, list) or not isinstance(logprobs, list) or len(texts) != len(logprobs):
            raise Unreadable("its logprobs are not those of completions: no tokens and token_logprobs")
        said = answer.text or ""
        if not said.startswith(prompt):
            raise Unreadable("echo was ignored: the reply does not begin with the prompt")
        tops = found.get("top_logprobs")
        tops = tops if isinstance(tops, list) and len(tops) == len(texts) else [None] * len(texts)
        return [
            Token(str(text), _number(logprob), _is_likeliest(logprob, top))
            for text, logprob, top in zip(texts, logprobs, tops, strict=True)
        ], said


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _is_likeliest(logprob: Any, top: Any) -> bool | None:
    if not isinstance(top, dict) or not isinstance(logprob, int | float):
        return None
    others = [value for value in top.values() if isinstance(value, int | float)]
    return logprob >= max(others) if others else None
