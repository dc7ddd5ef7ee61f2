"""Exact: what the two ways share that score any text: one request per option, its tokens picked out by their place.

Definitions as in EleutherAI/lm-evaluation-harness: the log-likelihood of a continuation is the sum over its tokens of
log P(token | all before it), the context and the continuation tokenized as one text. A token that holds the end of the
context and the beginning of the continuation is counted to the continuation, and said to be `merged`: the harness cuts
by the number of tokens that the context alone has, which for such a token means nothing.

The unconditional likelihood, for mutual information, is that of the continuation after no context (the harness); that
takes a server that puts a token before the prompt and tells the likelihood of the second. Of others it is that after
"Answer:" (Brown et al. 2020, section 2.4), which is another protocol, and named so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from msgspec import structs

from evalcore.benchmarks.base import Comparison, Pair
from evalcore.likelihood.align import Misaligned, lay, tokens_after
from evalcore.likelihood.base import Reading, Unreadable
from evalcore.types import Likelihood
from perfbench.engine.request import Answer

MOST = 1e-6
"""Above this a logarithm of a probability is none; a little above 0 is rounding."""
ANSWER_CONTEXT = "Answer:"


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    logprob: float | None
    """None: the first of a text has none."""
    is_likeliest: bool | None = None


@dataclass(frozen=True, slots=True)
class ExactWay:
    """A way that scores whole texts. `begins`: the first token of a text has a likelihood too."""

    begins: bool = False
    name: ClassVar[str]
    letters_only: ClassVar[bool] = False

    @property
    def api(self) -> str:
        return "completions"

    def body(self, pair: Pair) -> dict[str, Any]:
        raise NotImplementedError

    def tokens(self, answer: Answer, prompt: str) -> tuple[list[Token], str]:
        """Tokens of the prompt, perhaps with what was generated behind it, and the text they are laid along."""
        raise NotImplementedError

    def bodies(self, compared: Comparison) -> list[dict[str, Any]]:
        return [self.body(pair) for pair in (*compared.pairs, *self._priors(compared))]

    def read(self, compared: Comparison, answers: Sequence[Answer]) -> Reading:
        pairs = (*compared.pairs, *self._priors(compared))
        found = [self.likelihood(pair, answer) for pair, answer in zip(pairs, answers, strict=True)]
        count = len(compared.pairs)
        kind = "prior" if self.begins else "prior_answer"
        priors = [one.logprob for one in found[count:]] or [None] * count
        return Reading(
            tuple(structs.replace(one, **{kind: prior}) for one, prior in zip(found[:count], priors, strict=True))
        )

    def facts(self) -> Mapping[str, Any]:
        return {"chat": False}

    def _priors(self, compared: Comparison) -> list[Pair]:
        if not compared.priors:
            return []
        return [Pair("" if self.begins else ANSWER_CONTEXT, pair.continuation) for pair in compared.pairs]

    def likelihood(self, pair: Pair, answer: Answer) -> Likelihood:
        """Raises Unreadable."""
        prompt = pair.context + pair.continuation
        tokens, text = self.tokens(answer, prompt)
        try:
            layout = lay([token.text for token in tokens], text, len(prompt))
            first, merged = tokens_after(layout, len(pair.context))
        except Misaligned as error:
            raise Unreadable(f"the tokens do not rebuild the prompt: {error}") from None
        last = next((at for at, start in enumerate(layout.starts) if start >= len(prompt)), len(layout.starts))
        if not pair.context and first == 0 and last > 1 and tokens[0].logprob is None and layout.starts[1] == 0:
            first = 1  # the token before the prompt
        chosen = tokens[first:last]
        logprobs = [token.logprob for token in chosen if token.logprob is not None]
        if not chosen or len(logprobs) < len(chosen):
            raise Unreadable(f"a token of {pair.continuation!r} has no likelihood")
        if max(logprobs) > MOST:
            raise Unreadable(f"a likelihood of {pair.continuation!r} is {max(logprobs):g}; logarithms are at most 0")
        told = [token.is_likeliest for token in chosen]
        greedy = None if None in told else all(told)
        return Likelihood(
            text=pair.continuation, logprob=sum(logprobs), tokens=len(chosen), greedy=greedy, merged=merged
        )
