"""The values that flow through an evaluation: Sample -> (request) -> Answer -> Scores -> Review.

A `Sample` is one item of a data set, ready to be asked; an `Answer` is what a model said to it, the reasoning kept
apart; a `Score` is what one named protocol makes of that. All are frozen. An item that got no answer never becomes an
`Answer`: it is unscored, which is not the same as wrong (see evalcore.run). A `Review` is the line kept of it all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

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


class Likelihood(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How likely a model finds one option, in the place where it would stand."""

    text: str
    """What was scored: the option as it continues the context, leading space included; or its letter."""
    logprob: float | None = None
    """Sum over its tokens of the natural logarithm of the probability; None: the endpoint did not list it."""
    tokens: int = 0
    greedy: bool | None = None
    """Whether every token of it was the likeliest one; None: the endpoint did not tell."""
    merged: bool = False
    """Its first token began within the context, and is counted whole."""
    prior: float | None = None
    """The same sum with nothing before it."""
    prior_answer: float | None = None
    """The same sum with only "Answer:" before it, where an endpoint does not tell it of a text's first token."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model said, once the reply was whole."""

    text: str
    """Without reasoning: neither a reasoning field nor a leading <think> block."""
    reasoning: str = ""
    finish_reason: str = ""
    """length means that it was cut by max_tokens."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """Functions it called, as chat completions write them: {"function": {"name": ..., "arguments": JSON text}}."""
    way: str = ""
    """How options were compared (a name of evalcore.likelihood.ways.WAYS); empty: an answer in words."""
    likelihoods: tuple[Likelihood, ...] = ()
    """Of the benchmark's `pairs`, in their order."""


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one protocol makes of one answer."""

    value: float
    """0 to 1 unless the protocol says otherwise."""
    extracted: str | None = None
    """What was read out of the answer; None: nothing could be, and that is not a guess."""
    detail: Mapping[str, Any] = {}
    weight: float = 1.0
    """In the mean over items, for protocols that pool parts of items (IFEval: each instruction counts alike)."""


Scores: TypeAlias = Mapping[str, Score]
"""By protocol name; every protocol of the benchmark is there."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one judge said, once, of one answer."""

    judge: str
    """Name of the judging model."""
    verdict: str | None = None
    """The word or grade that was read out of its reply; None: none could be, even after retries. Of a pair, who won
    (never the letter under which it was shown), so that both orders can be compared."""
    order: str = ""
    """Of a pair: "ab" or "ba", as shown; empty for a single answer."""
    contender: str = ""
    """Of a pair: the first of the two models, the one that "win" means; empty: the model under test."""
    opponent: str = ""
    """Of a pair: the second."""
    vote: int = 0
    """Which of several answers of this judge to the same question, from 0."""
    fault: str = ""
    """Kind of fault when the judge never answered."""
    attempts: int = 1
    text: str = ""
    """Its reply, for readers."""


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of reviews/MODEL/BENCHMARK_SUBSET.jsonl: what became of one sample in one repeat.

    Everything a report needs stands here, so reports can be made again from reviews alone.
    """

    key: str
    """Hash of the request's content (model, messages, generation settings, repeat)."""
    sample_id: str
    subset: str = "main"
    group: str = ""
    category: str = ""
    repeat: int = 0
    """Which of the repeats, from 0."""
    status: Literal["scored", "unscored"]
    fault: str = ""
    """Why it is unscored: a kind of perfbench.engine.errors.KINDS, or one of evalcore.types.REFUSALS."""
    detail: str = ""
    """What the server said of the fault."""
    scores: Mapping[str, Score] = {}
    """By protocol name; empty when unscored."""
    attempts: int = 1
    """Requests it took, the first one included."""
    verdicts: tuple[Verdict, ...] = ()
    judged_by: str = ""
    """Hash of the judges and of what they were asked; empty: scored by rule. Other judges judge again."""
    filters: tuple[Mapping[str, Any], ...] = ()
    """What was done to the answer before it was read; other filters read it again."""
    prompt: tuple[Message, ...] = ()
    text: str = ""
    """The answer, without reasoning."""
    reasoning_chars: int = 0
    target: Any = None
    choices: tuple[str, ...] = ()
    finish_reason: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    ttft_ms: float | None = None
    latency_ms: float | None = None


REFUSALS: Mapping[str, str] = {
    "context_length": "the prompt and the answer asked for do not fit into the model's context",
    "content_filter": "the endpoint's filter refused the prompt or withheld the answer",
}
"""Faults that are a decision of the endpoint, not an accident: asking again would not help."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of predictions/MODEL/BENCHMARK_SUBSET.jsonl: what was asked, and what came back.

    The sample stands beside it, so that an answer can be scored again without the data set.
    """

    key: str
    """Hash of the request's content and the repeat; resuming goes by it."""
    benchmark: str
    sample: Sample
    repeat: int = 0
    messages: tuple[Message, ...] = ()
    fault: str = ""
    """Why there is no answer: a kind of perfbench.engine.errors.KINDS, or one of REFUSALS; empty: there is one."""
    detail: str = ""
    text: str = ""
    """The answer as it came, without the reasoning field."""
    reasoning: str = ""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    finish_reason: str = ""
    attempts: int = 1
    input_tokens: int | None = None
    output_tokens: int | None = None
    ttft_ms: float | None = None
    latency_ms: float | None = None
    way: str = ""
    """How options were compared (a name of evalcore.likelihood.ways.WAYS); empty: an answer in words."""
    likelihoods: tuple[Likelihood, ...] = ()
    requests: int = 1
    """That it took, retries not counted; `attempts` is of the one that took the most."""
