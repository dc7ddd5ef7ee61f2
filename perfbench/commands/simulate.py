"""perfbench simulate: the built-in endpoint, to be loaded by hand or by others."""

from __future__ import annotations

import asyncio
import inspect
import signal
import sys
from typing import Annotated, Any, get_type_hints

from cyclopts import Group, Parameter
from pydantic import ValidationError

from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.fieldtypes import SIMULATOR_TIMES, simulator_settings
from perfbench.settings.flags import with_flags
from perfbench.settings.problems import describe, flag
from perfbench.simulator.config import SimulatorConfig

PORT = 8000
SERVER, PACE, SHAPE, FAULTS, SKILL = "Server", "Schedule", "Shape of the stream", "Faults", "Skill"

SETTINGS: dict[str, tuple[str, str, str]] = {
    "host": (SERVER, "ADDRESS", "Address to listen at (default: 127.0.0.1)."),
    "port": (SERVER, "INTEGER", f"Port to listen at; 0 is any free one (default: {PORT})."),
    "api_key": (SERVER, "KEY", "Answer 401 to requests without this bearer token."),
    "models": (SERVER, "NAME", "Model that /v1/models lists; repeat it for several (default: sim)."),
    "seed": (SERVER, "INTEGER", "Fixes faults, jitter and skill (default: 0)."),
    "ttft": (PACE, "TIME", "From request to first token, e.g. 200ms."),
    "itl": (PACE, "TIME", "Between tokens, e.g. 20ms."),
    "tokens": (PACE, "COUNT", "Tokens of a reply whose request names no max_tokens."),
    "jitter": (PACE, "SHARE", "Weight of an exponential draw in each gap, 0 to 1."),
    "slots": (PACE, "COUNT", "Requests served at a time, the rest wait in turn; 0 is no limit."),
    "load": (PACE, "NUMBER", "Slowdown by batch: gaps grow by this share for each other active request."),
    "multi": (SHAPE, "INTEGER", "Tokens in one event."),
    "blast": (SHAPE, "", "No pacing: the whole stream in one write."),
    "role": (SHAPE, "", "A first event with the role alone."),
    "ka": (SHAPE, "", "A comment line before each event."),
    "crlf": (SHAPE, "", "Lines end in CRLF."),
    "split": (SHAPE, "", "Every event in two writes."),
    "reason": (SHAPE, "COUNT", "So many first tokens are reasoning."),
    "nousage": (SHAPE, "", "Never send usage."),
    "nodone": (SHAPE, "", "No [DONE] line."),
    "e429": (FAULTS, "SHARE", "Share of requests answered 429."),
    "e500": (FAULTS, "SHARE", "Share of requests answered 500."),
    "reset": (FAULTS, "SHARE", "Share of replies reset half way."),
    "trunc": (FAULTS, "SHARE", "Share of replies closed half way."),
    "stall": (FAULTS, "SHARE", "Share of replies that fall silent half way."),
    "junk": (FAULTS, "SHARE", "Share of replies with an event that is not JSON."),
    "mid": (FAULTS, "SHARE", "Share of replies with an error object half way."),
    "answer_key": (SKILL, "FILE", "JSONL of questions and answers."),
    "skill": (SKILL, "SHARE", "Share of them to answer rightly."),
    "busy": (SKILL, "COUNT", "Requests served at a time beyond which it is busyskill; 0 is never."),
    "busyskill": (SKILL, "SHARE", "Share to answer rightly while more than busy are served."),
    "answer_format": (SKILL, "TEXT", "How an answer is worded, with {answer} in it."),
    "likelihoods": (
        SKILL,
        "NAME",
        "What is told of likelihoods: logprobs, echo, prompt_logprobs, guided_choice; repeat "
        "it for several (default: all).",
    ),
}
"""Flags of the command: group, what to write, help. The settings are those of SimulatorConfig; times without _ms."""


def simulate(**flags: Any) -> int:
    """Serve an OpenAI-compatible endpoint with a known schedule.

    Every setting can also be chosen by one request, through its model name: sim:ttft=200,itl=20,n=64 (milliseconds).
    """
    given = {"port": PORT} | {name: value for name, value in flags.items() if value is not None}
    try:
        config = SimulatorConfig.model_validate(simulator_settings(given))
    except ValidationError as error:
        lines = [_told(dict(line)) for line in error.errors(include_url=False)]
        raise ScenarioError("\n  ".join(["the simulator cannot be started:", *lines])) from None
    except ValueError as error:
        raise ScenarioError(f"the simulator cannot be started:\n  --{error}") from None
    import uvloop

    return uvloop.run(_serve(config))  # like the simulator that a run starts


async def _serve(config: SimulatorConfig) -> int:
    """Serve until SIGINT or SIGTERM, which are how a server is told to end."""
    from perfbench.simulator.server import serve

    def ready(url: str) -> None:
        print(url, flush=True)
        print("the simulator serves; Ctrl-C ends it", file=sys.stderr)

    serving = asyncio.create_task(serve(config, ready))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        print("the simulator has ended", file=sys.stderr)
    return ExitCode.DONE


def _told(line: dict[str, Any]) -> str:
    name = str(line["loc"][0]).removesuffix("_ms") if line["loc"] else ""
    text = describe(line, SETTINGS, what="setting of the simulator", secret=name == "api_key")
    return f"{flag(name)} {text}" if name else text


def _flags() -> list[inspect.Parameter]:
    groups = {title: Group(title, sort_key=number) for number, title in enumerate((SERVER, PACE, SHAPE, FAULTS, SKILL))}
    hints = get_type_hints(SimulatorConfig)
    found = []
    for name, (group, metavar, text) in SETTINGS.items():
        hint = hints[f"{name}_ms" if name in SIMULATOR_TIMES else name]
        kind: Any = bool if hint is bool else list[str] if tuple in (hint, getattr(hint, "__origin__", None)) else str
        parameter = Parameter(
            name=flag(name), group=groups[group], help=text, metavar=metavar or None, negative="", show_default=False,
            consume_multiple=False,
        )  # fmt: skip
        annotation = Annotated[kind | None, parameter]
        found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))
    return found


with_flags(simulate, _flags())
