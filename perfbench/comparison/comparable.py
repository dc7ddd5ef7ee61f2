"""Comparable: what two runs must have in common before a difference between them means anything.

Everything that shapes the load or the work must be the same; where it is, what differs between the runs is the service.
A key of a scenario that is not known to be harmless is taken to matter, so that a new one cannot slip through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from perfbench.comparison.source import Source
from perfbench.metrics.columns import AnyArray

HARMLESS = frozenset(
    {
        "name", "url", "model", "api_key", "api_key_file", "api_key_env", "headers", "transport", "ca", "insecure",
        "balance", "model_args", "simulator", "outputs_dir", "workers", "keep_texts", "keep_chunks", "max_error_rate",
        "slo", "seed", "number", "duration", "grace", "tokenizer", "connect_timeout", "repeat", "until",
        "sampling_seed",
    }
)  # fmt: skip
"""Where the service is, how long it was measured and by whom; none of it is work. Another seed draws other prompts of
the same kind."""
FILES = ("prompts_file", "prompt", "trace", "conversations", "workload", "image_files")
"""Known by the name of the file: the same file may lie elsewhere on another machine."""
SAME_LENGTH = 0.05
"""Mean prompt lengths that differ by more are other work."""
CHANCE = 4.0
"""Standard errors by which mean lengths differ at times although they are drawn alike."""
SAME_ANSWER = 0.15
"""Mean answer lengths vary by themselves where the model decides them."""


def incomparable(first: Source, second: Source) -> list[str]:
    """Why these two cannot be compared, each reason naming both values; empty when they can."""
    found: list[str] = []
    loops = {None: None, True: "an open loop", False: "a closed loop"}
    if first.open_loop is not None and second.open_loop is not None and first.open_loop != second.open_loop:
        found.append(
            f"one is {loops[first.open_loop]}, the other {loops[second.open_loop]}: in a closed loop a slow service "
            "slows the load down, in an open loop it does not"
        )
    else:
        found += _keys(first.facts, second.facts, both_ours=first.tool == second.tool == "perfbench")
    for what, column, most in (("prompts", "input_tokens", SAME_LENGTH), ("answers", "output_tokens", SAME_ANSWER)):
        one, other = (_known(getattr(each.records, column)[each.records.ok]) for each in (first, second))
        if one.size and other.size and _differ(one, other, most):
            found.append(f"{what} are {one.mean():.1f} tokens long on average in one, {other.mean():.1f} in the other")
    streams = [bool(each.records.stream[each.records.ok].any()) for each in (first, second) if each.records.ok.any()]
    if len(set(streams)) > 1 and not any("stream" in reason for reason in found):
        found.append("one streams its replies, the other does not")
    return found


def _keys(first: Mapping[str, Any], second: Mapping[str, Any], *, both_ours: bool) -> list[str]:
    # A key that our scenario leaves out plays no part; what another tool's file leaves out is not known.
    names = first.keys() | second.keys() if both_ours else first.keys() & second.keys()
    found = []
    for name in sorted(names - HARMLESS):
        values = [_plain(name, facts.get(name)) for facts in (first, second)]
        if values[0] != values[1]:
            found.append(f"{name} is {_shown(values[0])} in one, {_shown(values[1])} in the other")
    return found


def _plain(name: str, value: Any) -> Any:
    if name in FILES and isinstance(value, str) and "/" in value:
        return PurePath(value.removeprefix("@")).name
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _shown(value: Any) -> str:
    text = "not given" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _known(counts: AnyArray) -> AnyArray:
    return counts[counts >= 0]


def _differ(one: AnyArray, other: AnyArray, most: float) -> bool:
    """Whether mean lengths differ by more than that share, and by more than a few draws explain."""
    apart = abs(float(other.mean() - one.mean()))
    chance = math.sqrt(sum(float(lengths.var()) / lengths.size for lengths in (one, other)))
    return apart > most * max(float(one.mean()), float(other.mean())) and apart > CHANCE * chance
