"""Mix: several workloads in one run, each with its share, its model (or LoRA adapter), its own prompts and sampling.

    mix:
      chat:      {share: 70%, conversations: chats.jsonl, think_time: 3s, max_tokens: 200}
      summaries: {share: 30%, prompt_tokens: 4000, model: my-lora, max_tokens: 100}

The name of a part is its tag: figures are given by it. A part sees the scenario with its own keys over it, and of what
to send only its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from perfbench import fieldtypes as t
from perfbench.engine.errors import ScenarioError
from perfbench.fieldtypes import key
from perfbench.scenario import body, prompts, users
from perfbench.scenario.section import PROMPTS, Rule, Section
from perfbench.settings import yamlfile

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario

SUMS_TO_ONE = 1e-6
YAML = (".yaml", ".yml")
RUN_WIDE = ("tokenizer",)
"""Keys of a part's sections that mean something for a whole run only."""
HANG_UPS = ("cancel_share", "cancel_after")


class Part(users.Users, prompts.Prompts, body.Sampling):
    share: t.Share | None = key(None, PROMPTS, "Its share of the arrivals; the shares of all parts make 100 %.")
    weight: float | None = key(None, PROMPTS, "Instead of shares: arrivals are in this proportion.", shown="1", gt=0)
    model: str | None = key(None, PROMPTS, "Model or LoRA adapter to ask for.", shown="the run's")


def _parts(value: object) -> object:
    given = t.mapping(value)
    if not given:
        raise ValueError("is empty; write parts like {chat: {share: 70%, prompt_tokens: 500}, ...}")
    return {name: body.renamed(part) if isinstance(part, dict) else part for name, part in given.items()}


class Mix(Section):
    mix: Annotated[dict[str, Part], BeforeValidator(_parts)] | None = key(
        None, PROMPTS, "Parts by name, each a workload with a share or weight, a model, and keys of its own.",
        metavar="JSON", repr=False,
    )  # fmt: skip


def weights_of(parts: dict[str, Part]) -> dict[str, float]:
    """By tag; relative to each other."""
    return {
        tag: part.share if part.share is not None else 1.0 if part.weight is None else part.weight
        for tag, part in parts.items()
    }


def _seen_by(scenario: Scenario, part: Part) -> Scenario:
    talks = part.workload_name in users.IN_SESSIONS
    cleared: dict[str, Any] = dict.fromkeys(prompts.Prompts.model_fields.keys() - set(RUN_WIDE))
    cleared |= dict.fromkeys(HANG_UPS if talks else users.Users.model_fields)
    own = {name: getattr(part, name) for name in part.model_fields_set - {"share", "weight"}}
    return scenario.model_copy(update={**cleared, **own, "mix": None, "model": part.model or scenario.model})


def scenario_of(scenario: Scenario, part: Part) -> Scenario:
    """The scenario as a part of its mix sees it, complete."""
    seen = _seen_by(scenario, part)
    filled = {**prompts.defaults(seen), **users.defaults(seen)}
    return seen.model_copy(update={name: value for name, value in filled.items() if getattr(seen, name) is None})


def conflicts(scenario: Scenario) -> list[Rule]:
    parts = scenario.mix or {}
    shares = [part.share for part in parts.values()]
    given = [share for share in shares if share is not None]
    both = [tag for tag, part in parts.items() if part.share is not None and part.weight is not None]
    return [
        *((True, f"mix.{tag}.weight", "and share say the same thing; keep one") for tag in both),
        (0 < len(given) < len(shares), "mix", "gives some parts a share and others none; give one to all, or to none"),
        (bool(given) and len(given) == len(shares) and abs(sum(given) - 1) > SUMS_TO_ONE, "mix",
         f"has shares that make {sum(given):.4g}, not 1 (100 %); change them, or give weights"),
        *(rule for tag, part in parts.items() for rule in _conflicts_of(scenario, tag, part)),
    ]  # fmt: skip


def _conflicts_of(scenario: Scenario, tag: str, part: Part) -> Iterator[Rule]:
    seen = _seen_by(scenario, part)
    for section in (prompts, users, body):
        for broken, name, text in section.conflicts(seen):
            yield broken, f"mix.{tag}.{name}", text
    yield part.workload_name == "mix", f"mix.{tag}.workload", "is a mix within a mix; name its parts here"
    for name in RUN_WIDE:
        yield getattr(part, name) is not None, f"mix.{tag}.{name}", "is for the whole run; give it beside mix"
    yield (
        part.cancel_share is not None and scenario.cancel_share is not None,
        f"mix.{tag}.cancel_share",
        "is given for the whole run too; keep one",
    )


def defaults(scenario: Scenario) -> dict[str, Any]:
    return {}


def from_file(named: object, folder: Path, environment: dict[str, str] | Any) -> yamlfile.YamlFile | None:
    """The file that `workload: FILE.yaml` names, which holds `mix` alone; None when it names no such file.

    Raises ScenarioError naming the file when it cannot be read, or holds anything else.
    """
    if not isinstance(named, str) or not named.endswith(YAML):
        return None
    file = yamlfile.read((folder / Path(named).expanduser()).absolute(), environment)
    if strange := sorted(file.values.keys() - {"mix"}):
        raise ScenarioError(
            f"{file.place((strange[0],))}: a workload file holds mix alone, and not {strange[0]}; "
            "put that into a scenario, or on the command line"
        )
    if not file.values.get("mix"):
        raise ScenarioError(f"{file.path}: names no parts; write mix: and below it a part with a workload each")
    return file
