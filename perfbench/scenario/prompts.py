"""Prompts: what is sent, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario import images, quality, trace
from perfbench.scenario.section import PROMPTS, Rule, Section
from perfbench.scenario.target import NOT_STREAMED
from perfbench.settings.prefix import SharedPrefix

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario


KEY_OF = {
    "fixed": "prompt",
    "lines": "prompts_file",
    "conversations": "conversations",
    "mix": "mix",
    "trace": "trace",
    "shared_prefix": "shared_prefix",
    "synthetic": "prompt_tokens",
}
"""The key of each workload that implies it, when no workload is named."""
NEEDED = ("fixed", "lines", "conversations", "mix", "trace")
"""Those that cannot do without their key."""
MADE_UP = ("synthetic", "shared_prefix")
"""Those whose prompts, or the part of them that differs, are as long as prompt_tokens says."""
FINITE = ("conversations", "trace", quality.EVAL)
"""Those that say themselves how much there is to send; a run of one that is given no other end stops there."""
NO_REPLY_LAW = ("conversations", "mix", "trace")
"""Those that say themselves how long replies are, or leave it to their parts or to the model."""
TALKING = ("chat", "responses", "messages")
"""APIs that take a history of messages."""


class Prompts(trace.Trace, images.Images, quality.Quality, Section):
    workload: t.WorkloadName | None = key(
        None, PROMPTS,
        "What is sent: synthetic, fixed (prompt), lines (prompts_file), conversations, trace, shared_prefix, a mix "
        "(FILE.yaml), or eval:BENCHMARK, whose answers are scored.",
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
    prompt_tokens: t.Lengths | None = key(
        None, PROMPTS, "Length of the synthetic prompts, each unlike any other: 500, 'uniform(100, 800)', "
        "'lognormal(mean=500, sd=300, max=4000)', or pairs of prompt and reply '128:64@0.5, 1024:256@0.5'. Exact with "
        "a tokenizer, else an estimate.", shown="128", metavar="COUNT|LAW",
    )  # fmt: skip
    output_tokens: t.Lengths | None = key(
        None, PROMPTS, "Length of the replies, exactly, where the server knows ignore_eos; written like prompt_tokens.",
        shown="as long as the model talks", metavar="COUNT|LAW",
    )  # fmt: skip
    shared_prefix: t.SharedPrefix | None = key(
        None, PROMPTS, "Prompts that begin alike: a system prompt, groups, users in each, and prompt_tokens of their "
        "own, e.g. system_tokens=500 groups=10 group_tokens=1000 users=20 user_tokens=300 zipf=1.0.",
        metavar="NAME=VALUE",
    )  # fmt: skip
    batch: t.Count | None = key(
        None, PROMPTS, "Texts per embeddings request, documents per rerank request.", shown="1 text, 10 documents"
    )
    tokenizer: t.File | None = key(
        None, PROMPTS, "tokenizer.json to make up prompts of exact length with, and to count output where the server "
        "does not.", metavar="FILE",
    )  # fmt: skip

    @property
    def workload_name(self) -> str:
        """The workload that is asked for, by name or by the key that implies it."""
        implied = (name for name, key in KEY_OF.items() if getattr(self, key, None) is not None)
        return self.workload or next(implied, "synthetic")

    @property
    def workload_kind(self) -> str:
        """Its name without what it is of: eval, for eval:gsm8k."""
        return self.workload_name.partition(":")[0]

    @property
    def replays(self) -> bool:
        """Whether a trace says when requests leave."""
        return self.workload_name == "trace" and self.trace_times is not False


def conflicts(scenario: Scenario) -> list[Rule]:
    s, api = scenario, scenario.spoken_api
    asked = s.workload
    implied = [(name, key) for name, key in KEY_OF.items() if getattr(s, key) is not None]
    sources = [key for name, key in implied if name != "synthetic"]
    made_up = s.workload_name in MADE_UP
    replies = [name for name in ("prompt_tokens", "output_tokens") if _says_replies(getattr(s, name), name)]
    return [
        *((asked == name and getattr(s, KEY_OF[name]) is None, "workload", f"is {name}; give {KEY_OF[name]} too")
          for name in NEEDED),
        *((asked not in (None, name), key, f"is for workload {name}, but workload is {asked}; take one of them out")
          for name, key in implied if not (name == "synthetic" and made_up)),
        *((True, sources[0], f"and {key} both say what to send; keep one") for key in sources[1:]),
        (s.prompt_tokens is not None and bool(sources) and asked is None and not made_up, "prompt_tokens",
         f"is the length of synthetic prompts, but {' and '.join(sources)} is given; keep one"),
        (s.conversations is not None and api not in TALKING, "conversations",
         f"needs an API that takes a history ({', '.join(TALKING)}), but api is {api}; change it"),
        (s.batch is not None and api not in NOT_STREAMED, "batch",
         f"is for api embeddings and rerank, but api is {api}; take it out"),
        (len(replies) > 1, "output_tokens", "and the pairs of prompt_tokens both say how long replies are; keep one"),
        (s.output_tokens is not None and ":" in str(s.output_tokens), "output_tokens",
         "is of replies alone; write pairs of prompt and reply as prompt_tokens"),
        *((s.workload_name in NO_REPLY_LAW, name,
           f"says how long replies are, but workload is {s.workload_name}; take it out, or give max_tokens")
          for name in replies[:1]),
        *((api in NOT_STREAMED, name, f"says how long replies are, but api {api} has none; take it out")
          for name in replies[:1]),
        *((s.ignore_eos is False, name, "is the exact length of replies, which ignore_eos: false forbids; keep one")
          for name in replies[:1]),
        *trace.conflicts(s), *images.conflicts(s), *quality.conflicts(s),
    ]  # fmt: skip


def _says_replies(value: int | str | None, name: str) -> bool:
    return value is not None and (name == "output_tokens" or ":" in str(value))


def defaults(scenario: Scenario) -> dict[str, Any]:
    name = scenario.workload_name
    return {
        "workload": name,
        "prompt_tokens": 128 if name in MADE_UP else None,
        "shared_prefix": SharedPrefix() if name == "shared_prefix" else None,
        "batch": {"embeddings": 1, "rerank": 10}.get(scenario.spoken_api),
    }
