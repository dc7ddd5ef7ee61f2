"""Prompts: what is sent, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import PROMPTS, Rule, Section
from perfbench.scenario.target import NOT_STREAMED

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario


KEY_OF = {
    "fixed": "prompt",
    "lines": "prompts_file",
    "conversations": "conversations",
    "mix": "mix",
    "synthetic": "prompt_tokens",
}
"""The key of each workload that implies it, when no workload is named."""
NEEDED = ("fixed", "lines", "conversations", "mix")
"""Those that cannot do without their key."""
FINITE = ("conversations",)
"""Those that say themselves how much there is to send; a run of one that is given no other end stops there."""
TALKING = ("chat", "responses", "messages")
"""APIs that take a history of messages."""


class Prompts(Section):
    workload: t.WorkloadName | None = key(
        None, PROMPTS,
        "What is sent: synthetic, fixed (prompt), lines (prompts_file), conversations, or a mix (FILE.yaml).",
        shown="by the other keys", metavar="NAME|FILE",
    )  # fmt: skip
    prompt: t.Prompts | None = key(
        None, PROMPTS, "One prompt, or @FILE with one; repeat it for several.", metavar="TEXT"
    )
    prompts_file: t.File | None = key(
        None, PROMPTS, "A prompt a line: .txt, or .jsonl with prompt, messages or body.", metavar="FILE"
    )
    conversations: t.File | None = key(
        None, PROMPTS, "Sessions of several turns: .jsonl with messages a line, or ShareGPT's .json; .gz too.",
        metavar="FILE",
    )  # fmt: skip
    prompt_tokens: t.Count | None = key(
        None, PROMPTS, "Length of the synthetic prompts, each unlike any other; an estimate.", shown="128"
    )
    batch: t.Count | None = key(
        None, PROMPTS, "Texts per embeddings request, documents per rerank request.", shown="1 text, 10 documents"
    )
    tokenizer: t.File | None = key(
        None, PROMPTS, "tokenizer.json to count output with, where the server does not.", metavar="FILE"
    )

    @property
    def workload_name(self) -> str:
        """The workload that is asked for, by name or by the key that implies it."""
        implied = (name for name, key in KEY_OF.items() if getattr(self, key, None) is not None)
        return self.workload or next(implied, "synthetic")


def conflicts(scenario: Scenario) -> list[Rule]:
    s, api = scenario, scenario.spoken_api
    asked = s.workload
    implied = [(name, key) for name, key in KEY_OF.items() if getattr(s, key) is not None]
    sources = [key for name, key in implied if name != "synthetic"]
    return [
        *((asked == name and getattr(s, KEY_OF[name]) is None, "workload", f"is {name}; give {KEY_OF[name]} too")
          for name in NEEDED),
        *((asked not in (None, name), key, f"is for workload {name}, but workload is {asked}; take one of them out")
          for name, key in implied),
        *((True, sources[0], f"and {key} both say what to send; keep one") for key in sources[1:]),
        (s.prompt_tokens is not None and bool(sources) and asked is None, "prompt_tokens",
         f"is the length of synthetic prompts, but {' and '.join(sources)} is given; keep one"),
        (s.conversations is not None and api not in TALKING, "conversations",
         f"needs an API that takes a history ({', '.join(TALKING)}), but api is {api}; change it"),
        (s.batch is not None and api not in NOT_STREAMED, "batch",
         f"is for api embeddings and rerank, but api is {api}; take it out"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    synthetic = scenario.workload_name == "synthetic"
    return {
        "workload": scenario.workload_name,
        "prompt_tokens": 128 if synthetic else None,
        "batch": {"embeddings": 1, "rerank": 10}.get(scenario.spoken_api),
    }
