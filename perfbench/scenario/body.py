"""Body: what every request asks for beyond its prompt, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import BODY, WAITS, Rule, Section
from perfbench.scenario.target import NOT_STREAMED

if TYPE_CHECKING:
    from perfbench.engine.dialect.base import Options
    from perfbench.scenario.scenario import Scenario


ALIASES = {"extra_body": "extra_args"}


class Sampling(Section):
    stream: bool | None = key(None, BODY, "Ask for a stream of events.", shown="yes, where the api can")
    max_tokens: t.Count | None = key(None, BODY, "Longest reply.", shown="the server's")
    min_tokens: t.CountOrNone | None = key(None, BODY, "Shortest reply (vLLM and others).")
    ignore_eos: bool | None = key(None, BODY, "Go on to max_tokens whatever the model says (vLLM and others).")
    temperature: float | None = key(None, BODY, "Sampling temperature.", shown="the server's", ge=0)
    top_p: float | None = key(None, BODY, "Nucleus sampling.", ge=0, le=1)
    top_k: int | None = key(None, BODY, "Sample among the k likeliest.")
    sampling_seed: int | None = key(None, BODY, "The body's seed.")
    stop: t.Texts | None = key(None, BODY, "Texts that end a reply.", metavar="TEXT")
    n_choices: t.Count | None = key(None, BODY, "Replies per request.")
    frequency_penalty: float | None = key(None, BODY, "Penalty for frequent tokens.")
    repetition_penalty: float | None = key(None, BODY, "Penalty for repeated tokens.")
    logprobs: t.WholeOrFlag | None = key(None, BODY, "Ask for log probabilities.", metavar="BOOL|INT")
    extra_args: t.Json = key(
        {}, BODY, "Any other body fields; they win. Also called extra_body.", metavar="JSON", repr=False
    )


class Body(Sampling):
    connect_timeout: t.Limit = key(10.0, WAITS, "Longest wait for a connection.")
    first_byte_timeout: t.Limit = key(300.0, WAITS, "Longest wait for the reply's first byte.")
    idle_timeout: t.Limit = key(60.0, WAITS, "Longest silence within a reply.")
    total_timeout: t.Limit = key(1800.0, WAITS, "Longest a request may take in all.")


def conflicts(scenario: Scenario) -> list[Rule]:
    s, api = scenario, scenario.spoken_api
    return [
        (s.stream is True and api in NOT_STREAMED, "stream", f"is on, but api {api} cannot; take it out"),
        (s.min_tokens is not None and s.max_tokens is not None and s.min_tokens > s.max_tokens,
         "min_tokens", f"is {s.min_tokens}, more than max_tokens {s.max_tokens}"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    return {"stream": scenario.spoken_api not in NOT_STREAMED}


def renamed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Keys under their own names. An alias beside its name is left, and so refused as unknown."""
    return {
        ALIASES.get(str(k), str(k)) if ALIASES.get(str(k)) not in mapping else str(k): v for k, v in mapping.items()
    }


def options_of(body: Sampling, model: str | None) -> Options:
    """What every request's body asks for."""
    from perfbench.engine.dialect.base import Options

    ignore_eos = {} if body.ignore_eos is None else {"ignore_eos": body.ignore_eos}
    return Options(
        model=model or "",
        stream=bool(body.stream),
        max_tokens=body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        seed=body.sampling_seed,
        stop=list(body.stop) if body.stop is not None else None,
        n=body.n_choices,
        min_tokens=body.min_tokens,
        frequency_penalty=body.frequency_penalty,
        repetition_penalty=body.repetition_penalty,
        logprobs=body.logprobs,
        extra={**ignore_eos, **body.extra_args},
    )
