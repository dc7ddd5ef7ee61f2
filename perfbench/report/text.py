"""Words and figures for people: foreign text made harmless, numbers of even width.

Pure functions, no colours. Everything that a server, a model or a scenario said passes `harmless` before it reaches a
terminal; that it is not read as markup there is up to the caller (rich `Text`, never a markup string).
"""

import unicodedata
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import PurePath
from typing import Any

from perfbench.engine.errors import KINDS
from perfbench.settings.shape import parse_shape

NARROW_SPACE = "\u202f"
NOTHING = "–"
ASK_BACK = {401: "; is the key right?", 403: "; may this key do that?", 404: "; are the path and the model right?"}
"""What the status most often means for who asked."""


def harmless(text: object, most: int = 200) -> str:
    """One line of at most `most` characters in which nothing moves the cursor, colours, hides or reverses text.

    Control and format characters (ANSI escapes, line feeds, bidirectional overrides, zero-width signs) become a
    visible `·`; a run of them becomes one.
    """
    shown: list[str] = []
    for character in str(text)[: most * 4]:
        if character.isspace():
            character = " "
        elif unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            character = "·"
        if character in " ·" and shown and shown[-1] == character:
            continue
        shown.append(character)
        if len(shown) > most:
            return "".join(shown[: most - 1]) + "…"
    return "".join(shown).strip()


def number(value: float | None, digits: int = 3) -> str:
    """About `digits` significant digits, thousands grouped: 0.512, 9.31, 52.1, 412, 61 220."""
    if value is None:
        return NOTHING
    size = abs(value)
    for decimals in range(digits - 1, 0, -1):
        if size < 10 ** (digits - decimals) - 0.5 * 10**-decimals:
            return f"{value:.{decimals}f}" if size else "0"
    return grouped(round(value))


def grouped(value: int) -> str:
    """12 345, grouped with narrow no-break spaces from five digits on."""
    return f"{value:,}".replace(",", NARROW_SPACE) if abs(value) >= 10_000 else str(value)


def share(value: float | None) -> str:
    """0.0123 as 1.23 %; small shares that are not nothing stay visible."""
    if value is None:
        return NOTHING
    per_cent = value * 100
    if 0 < abs(per_cent) < 0.01:
        return f"<0.01{NARROW_SPACE}%"
    return f"{number(per_cent)}{NARROW_SPACE}%"


def span(seconds: float) -> str:
    """4.2 s, 1:05, 2:03:59: how long, as on a watch."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}{NARROW_SPACE}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NARROW_SPACE}s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def explain(kind: str) -> str:
    """What an error kind means, in the words of `errors.KINDS`."""
    digits = kind.removeprefix("http_")
    if digits != kind and digits.isdecimal():
        status = int(digits)
        phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "(no registered status)"
        return f"the server answered {digits} {phrase}{ASK_BACK.get(status, '')}"
    return KINDS.get(kind, "a kind this version does not know")


def load_shape(scenario: Mapping[str, Any]) -> str:
    """The load of a resolved scenario in a few words: "closed loop, 64 parallel", "open loop, 20 req/s poisson"."""
    rate, parallel, shape = (scenario.get(name) for name in ("rate", "parallel", "shape"))
    if shape is not None:
        return _shaped(scenario, harmless(shape, 80))
    if replays(scenario):
        return _replayed(scenario)
    sessions = scenario.get("workload") == "conversations"
    if rate is None:
        of = "sessions at a time" if sessions else "parallel"
        return f"closed loop, {harmless(parallel)} {of}" if parallel is not None else "load unknown"
    burstiness = scenario.get("burstiness")
    law = harmless(scenario.get("arrival") or "")
    per_s = f"{rate:g}" if isinstance(rate, int | float) else harmless(rate)
    words = ["open loop", f"{per_s} {'sessions' if sessions else 'req'}/s {law}".strip()]
    words += [f"burstiness {harmless(burstiness)}"] if burstiness is not None and law == "gamma" else []
    return ", ".join(words + ([f"at most {harmless(parallel)} in flight"] if parallel is not None else []))


def open_loop(scenario: Mapping[str, Any]) -> bool:
    """Whether arrivals had a schedule of their own; without one, requests waited for each other."""
    if scenario.get("rate") is not None or replays(scenario):
        return True
    return scenario.get("shape") is not None and parse_shape(scenario["shape"]).of == "rate"


def replays(scenario: Mapping[str, Any]) -> bool:
    """Whether a trace said when requests leave."""
    return scenario.get("workload") == "trace" and scenario.get("trace_times") is not False


def _replayed(scenario: Mapping[str, Any]) -> str:
    speed, parallel = scenario.get("speed"), scenario.get("parallel")
    words = [f"open loop, arrivals of trace {harmless(PurePath(str(scenario.get('trace'))).name, 60)}"]
    words += [f"{speed:g} times as fast"] if isinstance(speed, int | float) and speed != 1 else []
    return ", ".join([*words, *([f"at most {harmless(parallel)} in flight"] if parallel is not None else [])])


def _shaped(scenario: Mapping[str, Any], shape: str) -> str:
    rate, parallel = scenario.get("rate"), scenario.get("parallel")
    if not open_loop(scenario):
        return f"closed loop, {shape}" + (f" of {harmless(parallel)} parallel" if parallel is not None else "")
    words = [f"open loop, {harmless(scenario.get('arrival') or 'poisson')} along {shape}"]
    words += [f"of {rate:g} req/s" if isinstance(rate, int | float) else f"of {harmless(rate)}"] if rate else []
    return ", ".join([" ".join(words), *([f"at most {harmless(parallel)} in flight"] if parallel is not None else [])])


def target(scenario: Mapping[str, Any]) -> str:
    """The URLs, or that it was the built-in simulator."""
    urls = scenario.get("url") or ()
    return ", ".join(harmless(url) for url in ([urls] if isinstance(urls, str) else urls)) or "target unknown"
