"""Trace: keys of a replay: which file, which part of it, how fast, and what becomes of prompts that are too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.section import PROMPTS, Rule, Section

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario

TraceFormat = Literal["azure", "burstgpt", "mooncake", "bailian", "lengths", "own"]
ONLY = ("trace_format", "trace_from", "trace_duration", "speed", "trace_times", "max_input", "too_long")
"""Keys that mean nothing without a trace."""


class Trace(Section):
    trace: t.File | None = key(
        None, PROMPTS, "Replay a trace: Azure's or BurstGPT's .csv, Mooncake's or your own .jsonl; .gz too.",
        metavar="FILE",
    )  # fmt: skip
    trace_format: TraceFormat | None = key(None, PROMPTS, "Format of the trace", shown="by its first line")
    trace_from: t.Duration | None = key(None, PROMPTS, "Where in the trace to begin.", shown="its first request")
    trace_duration: t.Limit | None = key(
        None, PROMPTS, "How much of the trace to replay, in its own time.", shown="all of it"
    )
    speed: float | None = key(None, PROMPTS, "The trace's time runs so many times as fast.", shown="1", gt=0)
    trace_times: bool | None = key(
        None, PROMPTS, "Requests leave when the trace says; without, only its lengths and prefixes are taken, and "
        "rate, parallel or shape say when.", shown="yes",
    )  # fmt: skip
    max_input: t.Count | None = key(
        None, PROMPTS, "Longest prompt of the trace, in tokens; see too_long.", shown="as long as the trace says"
    )
    too_long: Literal["cut", "skip"] | None = key(
        None, PROMPTS, "What becomes of prompts beyond max_input", shown="cut"
    )


def conflicts(scenario: Scenario) -> list[Rule]:
    s = scenario
    is_trace = s.workload_name == "trace"
    times = [name for name in ("rate", "shape", "arrival", "burstiness") if getattr(s, name) is not None]
    if s.ramp_up not in (None, "auto"):
        times.append("ramp_up")
    return [
        *((not is_trace and getattr(s, name) is not None, name,
           f"is for a trace, but workload is {s.workload_name}; take it out, or give trace") for name in ONLY),
        *((s.replays, name, "and trace both say when requests leave; take it out, or say trace_times: no")
          for name in times),
        (s.trace_times is False and s.speed is not None, "speed",
         "is how fast the trace's time runs, but trace_times is off; take one of them out"),
        (s.too_long is not None and s.max_input is None, "too_long",
         "says what becomes of prompts beyond max_input; give that too"),
        (is_trace and s.spoken_api == "rerank", "trace", "has no documents to rank; take another api"),
    ]  # fmt: skip
