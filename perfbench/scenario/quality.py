"""Quality: benchmark items as the load (`workload: eval:gsm8k`), and which of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import PROMPTS, Rule, Section

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario

EVAL = "eval"
"""The workload, before the colon and the names of benchmarks."""
PATHS = ("local_path", "dataset_dir")
"""Of eval_args: in a file, relative to that file; as a flag, relative to the working folder."""
TALKS = ("chat", "responses", "messages")


class Quality(Section):
    eval_args: t.EvalArgs | None = key(
        None, PROMPTS, "Of workload eval:NAME: limit, few_shot_num, dataset_dir, local_path, subset_list, ... as in "
        "evalcore's dataset_args; seed chooses the items, the same ones at every load.", metavar="JSON",
    )  # fmt: skip


def benchmarks_of(workload: str) -> tuple[str, ...]:
    """Names in `eval:gsm8k,arc`."""
    return tuple(name.strip() for name in workload.partition(":")[2].split(",") if name.strip())


def conflicts(scenario: Scenario) -> list[Rule]:
    s = scenario
    if s.workload_kind != EVAL:
        text = f"is for benchmarks, but workload is {s.workload_name}; take it out, or give workload: eval:NAME"
        return [(s.eval_args is not None, "eval_args", text)]
    changed = [name for name in ("images", "image_files", "output_tokens") if getattr(s, name, None) is not None]
    return [
        (s.spoken_api not in TALKS, "workload",
         f"is {s.workload}, whose questions are messages, but api is {s.spoken_api}; take one of {', '.join(TALKS)}"),
        *((True, name, f"would change what benchmarks ask, and workload is {s.workload}; take it out")
          for name in changed),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    return {}
