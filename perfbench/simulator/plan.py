"""Plan: how the simulator treats one request, and the model-name language that says so.

    sim:ttft=200,itl=20,n=64        first token after 200 ms, then one every 20 ms, 64 tokens
    sim--ttft.200_itl.20_n.64       the same, for clients that do not let "=" or "," through

A name that is not "sim" followed by ":" or "--" (a prefix that ends in "/" is allowed) asks for nothing: the defaults
of the server apply, and they apply to every key that a name leaves out. To add a key, add a field to `Plan` and a
line to `KEYS`; what it does belongs elsewhere.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

from perfbench.engine.errors import ScenarioError
from perfbench.settings.suggest import nearest

KEYS: dict[str, str] = {
    "ttft": "milliseconds until the first token",
    "itl": "milliseconds between events",
    "n": "tokens of a reply when the request names no maximum",
    "jit": "0 to 1: how much of each gap is an exponential draw",
    "multi": "tokens in one event",
    "blast": "1: no pacing, the whole stream in one write",
    "slots": "requests served at a time, the rest wait in arrival order; 0: no limit",
    "load": "each gap grows with the batch: gap * (1 + load * (active - 1))",
    "role": "1: chat streams begin with an event that holds the role alone",
    "ka": "1: a comment line before each event",
    "crlf": "1: CRLF line ends in streams",
    "split": "1: every event in two writes",
    "reason": "so many of the first tokens are reasoning",
    "nousage": "1: never say how many tokens were used",
    "nodone": "1: no [DONE] at the end of a stream",
    "e429": "share of requests answered 429, Retry-After: 1",
    "e500": "share of requests answered 500",
    "reset": "share of streams reset (TCP RST) half way",
    "trunc": "share of streams closed half way, without an end",
    "stall": "share of streams that fall silent half way, until the client leaves",
    "junk": "share of streams with one event that is not JSON half way",
    "mid": "share of streams that end half way with an error object",
    "skill": "0 to 1: share of the questions of the answer key that are answered rightly",
    "busy": "requests served at a time beyond which it is busyskill; 0: never",
    "busyskill": "0 to 1: share that is answered rightly while more than busy are served at a time",
}
Refusal = Literal["e429", "e500"]
Break = Literal["reset", "trunc", "stall", "junk", "mid"]
REFUSALS: tuple[Refusal, ...] = get_args(Refusal)
FAULTS: tuple[Refusal | Break, ...] = (*REFUSALS, *get_args(Break))
"""In the order in which one draw decides among them. Only streams break; any request can be refused."""
MOST_TOKENS = 1_000_000  # a whole reply is held in memory; beyond this a typing error is likelier than a wish

_SHARES = frozenset({"jit", "skill", "busyskill", *FAULTS})
_FLAGS = frozenset({"blast", "role", "ka", "crlf", "split", "nousage", "nodone"})
_COUNTS = {
    "n": (1, MOST_TOKENS), "multi": (1, 100), "slots": (0, 1_000_000), "reason": (0, MOST_TOKENS),
    "busy": (0, 1_000_000),
}  # fmt: skip
_LANGUAGE = re.compile(r"(?:.*/)?sim(?::|--)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one request. Field names are the keys of the language; `KEYS` says what they mean."""

    ttft: float = 20.0
    itl: float = 5.0
    n: int = 16
    jit: float = 0.0
    multi: int = 1
    blast: int = 0
    slots: int = 0
    load: float = 0.0
    role: int = 0
    ka: int = 0
    crlf: int = 0
    split: int = 0
    reason: int = 0
    nousage: int = 0
    nodone: int = 0
    e429: float = 0.0
    e500: float = 0.0
    reset: float = 0.0
    trunc: float = 0.0
    stall: float = 0.0
    junk: float = 0.0
    mid: float = 0.0
    skill: float | None = None
    busy: int = 0
    busyskill: float | None = None

    def __post_init__(self) -> None:
        for key in KEYS:
            value = getattr(self, key)
            if value is not None:
                _check(key, value)
        total = sum(getattr(self, key) for key in FAULTS)
        if total > 1.0 + 1e-9:
            raise ScenarioError(f"the shares of {', '.join(FAULTS)} add up to {total:g}; together they are at most 1")
        if self.busy and self.busyskill is None:
            raise ScenarioError(f"busy={self.busy} needs the skill of a larger batch; give busyskill, a share like 0.6")

    def served(self, active: int) -> Plan:
        """The plan of a request that comes while so many others are served: with the skill of that batch."""
        batch = min(active + 1, self.slots or active + 1)
        return _tired(self) if self.skill is not None and 0 < self.busy < batch else self


def _check(key: str, value: float) -> None:
    if key in _SHARES:
        low, high, what = 0.0, 1.0, "a share from 0 to 1"
    elif key in _FLAGS:
        low, high, what = 0.0, 1.0, "0 or 1"
    elif key in _COUNTS:
        low, high = _COUNTS[key]
        what = f"a whole number from {low} to {high}"
    else:
        low, high, what = 0.0, 1e9, "a number from 0 to 1e9"
    whole = key in _FLAGS or key in _COUNTS
    if not low <= value <= high or (whole and value != int(value)):  # this way round so that NaN is refused too
        raise ScenarioError(f"{key}={value:g} does not do; {key} is {what} ({KEYS[key]})")


@lru_cache(maxsize=4096)
def _tired(plan: Plan) -> Plan:
    return replace(plan, skill=plan.busyskill)


DEFAULTS = Plan()


@lru_cache(maxsize=4096)
def parse(model: str, defaults: Plan = DEFAULTS) -> Plan:
    """The plan that a model name asks for, on top of `defaults`.

    Raises ScenarioError for an unknown key (naming the nearest known one) or an unfit value. A key named twice has
    its last value.
    """
    language = _LANGUAGE.fullmatch(model)
    if language is None:
        return defaults
    wanted: dict[str, float] = {}
    for pair in filter(None, re.split("[,_]", language[1])):
        key, separator, text = pair.partition("=") if "=" in pair else pair.partition(".")
        if key not in KEYS:
            raise ScenarioError(f"model name {model!r}: unknown key {key!r}; {_nearest(key)}")
        if not separator:
            raise ScenarioError(f"model name {model!r}: {key} has no value; write {key}=1")
        wanted[key] = _number(model, key, text)
    return replace(defaults, **wanted)  # type: ignore[arg-type]  # the values were given their field's type


def _number(model: str, key: str, text: str) -> float:
    try:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError
        _check(key, value)
    except ScenarioError as error:
        raise ScenarioError(f"model name {model!r}: {error}") from None
    except ValueError:
        raise ScenarioError(f"model name {model!r}: {key}={text} is no number; write for example {key}=1") from None
    return int(value) if key in _COUNTS or key in _FLAGS else value


def _nearest(key: str) -> str:
    near = nearest(key, KEYS, like=0.5)
    return f"did you mean {near!r}?" if near else f"there are {', '.join(KEYS)}"
