"""The table of workloads: how the one that a scenario asks for is opened. Names are those of `fieldtypes.WORKLOADS`."""

from __future__ import annotations

from collections.abc import Callable

from perfbench.engine.errors import ScenarioError
from perfbench.scenario import Scenario
from perfbench.workload.base import Texts, Workload
from perfbench.workload.fixed import FixedTexts
from perfbench.workload.lines import JsonLines, TextLines
from perfbench.workload.shaped import Batches, Rankings, Single
from perfbench.workload.synthetic import SyntheticTexts


def open_workload(scenario: Scenario) -> Workload:
    """The workload of a scenario. Raises ScenarioError when its prompts cannot be used."""
    return WORKLOADS[scenario.workload_name](scenario)


def _synthetic(scenario: Scenario) -> Workload:
    return _shaped(SyntheticTexts(scenario.seed or 0, scenario.prompt_tokens or 128), scenario)


def _fixed(scenario: Scenario) -> Workload:
    return _shaped(FixedTexts(scenario.prompt or ()), scenario)


def _lines(scenario: Scenario) -> Workload:
    path = scenario.prompts_file
    if path is None or path.suffix not in (".txt", ".jsonl"):
        raise ScenarioError(f"prompts_file {path} is neither .txt (a prompt a line) nor .jsonl; rename or convert it")
    if path.suffix == ".txt":
        return _shaped(TextLines(path), scenario)
    lines = JsonLines(path)
    return _shaped(lines, scenario) if lines.kinds == {"prompt"} else lines


def _shaped(texts: Texts, scenario: Scenario) -> Workload:
    match scenario.api:
        case "embeddings":
            return Batches(texts, scenario.batch or 1)
        case "rerank":
            return Rankings(texts, scenario.batch or 10)
        case _:
            return Single(texts)


WORKLOADS: dict[str, Callable[[Scenario], Workload]] = {
    "synthetic": _synthetic,
    "fixed": _fixed,
    "lines": _lines,
}
