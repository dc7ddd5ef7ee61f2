"""The table of workloads: how the one that a scenario asks for is opened. Names are those of `fieldtypes.WORKLOADS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from perfbench.engine.errors import ScenarioError
from perfbench.scenario import Scenario
from perfbench.scenario.mix import scenario_of, weights_of
from perfbench.scenario.prompts import TALKING
from perfbench.scenario.target import NOT_STREAMED
from perfbench.settings.delays import delay
from perfbench.settings.lengths import lengths
from perfbench.settings.pictures import files as image_files
from perfbench.settings.pictures import size as image_size
from perfbench.settings.prefix import SharedPrefix
from perfbench.workload.base import UNIQUE, Texts, Workload
from perfbench.workload.conversations import Conversations, Rules
from perfbench.workload.fixed import FixedTexts
from perfbench.workload.hangups import hang_ups_of
from perfbench.workload.images import FromFiles, MadeUp, Pictures, WithImages
from perfbench.workload.lines import JsonLines, TextLines
from perfbench.workload.mix import Mix, Part
from perfbench.workload.noise import open_noise
from perfbench.workload.prefix import SharedPrefixes
from perfbench.workload.quality import eval_items
from perfbench.workload.replies import Replies
from perfbench.workload.rows import Rows
from perfbench.workload.shaped import Batches, Rankings, Single
from perfbench.workload.synthetic import Synthetic, SyntheticTexts
from perfbench.workload.tokens import Tokenizer
from perfbench.workload.trace import Trace
from perfbench.workload.traces.reading import Limits as TraceLimits
from perfbench.workload.traces.reading import Part as TracePart
from perfbench.workload.traces.reading import read_trace
from perfbench.workload.words import Words


def open_workload(scenario: Scenario) -> Workload:
    """The workload of a scenario. Raises ScenarioError when its prompts cannot be used."""
    workload = WORKLOADS[scenario.workload_kind](scenario)
    changed = [key for key in ("output_tokens", "images", "image_files") if getattr(scenario, key) is not None]
    if changed and isinstance(workload, JsonLines) and "body" in workload.kinds:
        raise ScenarioError(
            f"{changed[0]} changes requests, but prompts_file {scenario.prompts_file} has whole bodies, which are sent "
            "as they are; write it into them"
        )
    if scenario.output_tokens is not None:
        workload = Replies(workload, lengths(scenario.output_tokens), scenario.seed or 0)
    if scenario.images is not None or scenario.image_files is not None:
        workload = _with_images(workload, scenario)
    return workload


def bounded(scenario: Scenario, workload: Workload) -> Scenario:
    """The scenario with an end: where it has none, all of the workload is sent once."""
    if scenario.number is not None or scenario.duration is not None:
        return scenario
    if workload.length is None:
        raise ScenarioError(f"workload {scenario.workload_name} has no end of its own; give number or duration")
    number, warmup = workload.length, scenario.warmup
    if warmup is not None and workload.arrivals is not None:  # else there are as many more as the warm-up takes
        warm_ns = warmup.seconds * 1e9
        number = sum(at >= warmup.number and due_ns >= warm_ns for at, due_ns in enumerate(workload.arrivals))
        if not number:
            raise ScenarioError(f"warmup {warmup} takes all {workload.length} requests; make it shorter")
    return scenario.model_copy(update={"number": number})


def described(name: str, workload: Workload) -> dict[str, Any]:
    """What the report says of a workload."""
    return {
        "name": name, "reuse": workload.reuse, "length": workload.length, "sessions": workload.sessions,
        "unique": all(UNIQUE in part for part in workload.reuse.split("; ")), **workload.facts(),
    }  # fmt: skip


def _words(scenario: Scenario, most: int) -> Words:
    """What prompts of up to about so many tokens are made of."""
    tokenizer = None if scenario.tokenizer is None else Tokenizer(scenario.tokenizer)
    return Words(scenario.seed or 0, most, tokenizer)


def _synthetic(scenario: Scenario) -> Workload:
    law = lengths(scenario.prompt_tokens or 128)
    texts = SyntheticTexts(scenario.seed or 0, law, _words(scenario, law.most))
    return _shaped(texts, scenario) if scenario.api in NOT_STREAMED else Synthetic(texts)


def _shared_prefix(scenario: Scenario) -> Workload:
    tree, own = scenario.shared_prefix or SharedPrefix(), lengths(scenario.prompt_tokens or 128)
    longest = max(tree.system_tokens, tree.group_tokens, tree.user_tokens, own.most)
    return SharedPrefixes(
        tree, own, _words(scenario, longest), scenario.seed or 0, roles=scenario.api in TALKING,
        requests=scenario.number,
    )  # fmt: skip


def _trace(scenario: Scenario) -> Workload:
    path = scenario.trace
    assert path is not None  # a scenario without it is refused
    lasts_s = scenario.trace_duration
    table = read_trace(
        path,
        scenario.trace_format,
        TracePart(round((scenario.trace_from or 0) * 1e9), None if lasts_s is None else round(lasts_s * 1e9)),
        TraceLimits(scenario.max_input, skips=scenario.too_long == "skip"),
    )
    words = _words(scenario, max(table.input_tokens))
    speed = (scenario.speed or 1.0) if scenario.replays else None
    return Trace(path, table, words, scenario.seed or 0, speed, as_texts=scenario.api == "embeddings")


def _with_images(workload: Workload, scenario: Scenario) -> Workload:
    pictures: Pictures
    if scenario.image_files is not None:
        pictures = FromFiles(image_files(scenario.image_files))
    else:
        width, height = image_size(scenario.image_size or "512x512")
        noise = open_noise(scenario.image_format or "png", width, height, scenario.seed or 0)
        pictures = MadeUp(noise, scenario.seed or 0)
    return WithImages(workload, pictures, scenario.images or 1, scenario.api or "chat")


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


def _conversations(scenario: Scenario) -> Workload:
    assert scenario.conversations is not None  # a scenario without them is refused
    rules = Rules(
        think_time=None if scenario.think_time is None else delay(scenario.think_time),
        replay_answers=bool(scenario.replay_answers),
        most_turns=scenario.max_turns,
        goes_on_after_failure=scenario.after_failed_turn == "continue",
    )
    return Conversations(Rows(scenario.conversations, "conversations"), rules, scenario.seed or 0)


def _mix(scenario: Scenario) -> Workload:
    assert scenario.mix is not None  # a scenario without one is refused
    base, parts = scenario.options(), []
    for tag, weight in weights_of(scenario.mix).items():
        seen = scenario_of(scenario, scenario.mix[tag])
        workload = open_workload(seen)
        if workload.arrivals is not None:
            raise ScenarioError(f"mix.{tag}: a {seen.workload_name} has arrival times of its own; run it by itself")
        own = seen.options()
        differing = {f.name: value for f in fields(own) if (value := getattr(own, f.name)) != getattr(base, f.name)}
        parts.append(Part(tag, weight, workload, differing, hang_ups_of(seen)))
    return Mix(parts, scenario.seed or 0)


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
    "conversations": _conversations,
    "mix": _mix,
    "trace": _trace,
    "shared_prefix": _shared_prefix,
    "eval": eval_items,
}
