"""Prompts: what is sent, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import PROMPTS, Rule, Section
from perfbench.scenario.target import NOT_STREAMED

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario


class Prompts(Section):
    prompt: t.Prompts | None = key(
        None, PROMPTS, "One prompt, or @FILE with one; repeat it for several.", metavar="TEXT"
    )
    prompts_file: t.File | None = key(
        None, PROMPTS, "A prompt a line: .txt, or .jsonl with prompt, messages or body.", metavar="FILE"
    )
    prompt_tokens: t.Count | None = key(
        None, PROMPTS, "Length of the synthetic prompts, each unlike any other; an estimate.", shown="128"
    )
    batch: t.Count | None = key(
        None, PROMPTS, "Texts per embeddings request, documents per rerank request.", shown="1 text, 10 documents"
    )
    tokenizer: t.File | None = key(
        None, PROMPTS, "tokenizer.json to count output with, where the server does not.", metavar="FILE"
    )


def conflicts(scenario: Scenario) -> list[Rule]:
    s, api = scenario, scenario.spoken_api
    return [
        (s.prompt is not None and s.prompts_file is not None, "prompt",
         "and prompts_file both say what to send; keep one"),
        (s.prompt_tokens is not None and (s.prompt is not None or s.prompts_file is not None),
         "prompt_tokens", "is the length of synthetic prompts, but prompt or prompts_file is given; keep one"),
        (s.batch is not None and api not in NOT_STREAMED, "batch",
         f"is for api embeddings and rerank, but api is {api}; take it out"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    synthetic = scenario.prompt is None and scenario.prompts_file is None
    return {
        "prompt_tokens": 128 if synthetic else None,
        "batch": {"embeddings": 1, "rerank": 10}.get(scenario.spoken_api),
    }
