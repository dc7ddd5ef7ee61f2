"""SLO: what a service must hold, written as one line, and whether a run held it.

    p99 ttft < 500ms and p95 tpot < 40ms and error_rate < 1%

Conditions are joined by `and` or commas. One is a statistic of a latency, a comparison and a limit with its unit; or
a bare figure, a comparison and a limit. `ttft.p99<450ms` and `p99(ttft) < 450ms` are other ways to write the first.
In open loop plain `ttft` and `e2e` mean the response base, because that is what users of the service feel; the result
names the base.

`fluidity(ttft=500ms, tbt=50ms) > 90%` asks for the share of tokens that were there in time for a reader who waits that
long for the first and takes the others at that pace (`perfbench.metrics.fluidity`). A name of `presets.PRESETS`, like
`mlperf:llama2-70b-interactive`, stands for its conditions.

To add a figure, add it to FIGURES and hand its value in; latencies are those of `names.NAMES`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn

from perfbench.engine.errors import ScenarioError
from perfbench.metrics.names import NAMES, RESPONSE_OF
from perfbench.metrics.presets import PRESETS
from perfbench.settings.suggest import nearest

STATISTICS = ("min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max")
FIGURES = {
    "error_rate": "share",
    "goodput": "share",
    "requests_per_s": "rate",
    "output_tokens_per_s": "rate",
    "fluidity": "share",
}
"""Bare figures, and what their limit is measured in."""
ALIASES = {"rps": "requests_per_s", "req_per_s": "requests_per_s", "qps": "requests_per_s", "median": "p50"}
UNITS: dict[str, dict[str, float]] = {
    "latency": {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3},
    "share": {"%": 0.01, "": 1.0},
    "rate": {"/s": 1.0, "": 1.0},
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
PER_REQUEST_LIMITS = tuple(name for name in NAMES if name not in ("itl", "send_lag", "connect"))
"""Latencies that a single request can meet or miss: goodput counts by them. ITL has no single value a request; send lag
and connect are only the way there."""

_CONDITION = re.compile(
    r"""(?P<left> [^<>=≤≥]*? ) \s* (?P<comparison> [<>=≤≥!~]+ ) \s*
        (?P<number> [-+]? (?: \d+ (?:\.\d*)? | \.\d+ ) (?: e[-+]?\d+ )? ) \s* (?P<unit> .*? )""",
    re.VERBOSE | re.IGNORECASE,
)
_PARTED = re.compile(r"(?:\s*,\s*|\s+and\s+)(?![^()]*\))", re.IGNORECASE)
"""Between conditions; what stands in brackets belongs together."""
_FLUIDITY = re.compile(r"fluidity\s*\((?P<deadlines>[^()]*)\)\s*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_DEADLINE = re.compile(
    r"(?P<name>ttft|tbt)\s*=\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>us|µs|ms|s)", re.IGNORECASE
)
_NAMED = re.compile(r"[a-z][a-z0-9_]*:[a-z0-9._-]+", re.IGNORECASE)
_CALL = re.compile(r"([^()]*?)\s*\(\s*([^()]*?)\s*\)")


@dataclass(frozen=True, slots=True)
class TokenDeadlines:
    """Of a reader: when the first token should be there, and how long each further one may take."""

    ttft_ms: float
    tbt_ms: float


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `limit` is in ms for a latency, else a share or a number per second."""

    metric: str
    statistic: str | None
    """None for a bare figure."""
    comparison: str
    limit: float
    text: str
    deadlines: TokenDeadlines | None = None
    """Of fluidity."""

    def __str__(self) -> str:
        return self.text

    def holds(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.limit)


@dataclass(frozen=True, slots=True)
class Slo:
    """All its conditions must hold. Prints as it was written."""

    text: str
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return self.text

    def request_limits(self, *, open_loop: bool) -> dict[str, float]:
        """What a single request must stay under to be good: limits in ms by name in `latency.PER_REQUEST`.

        Whatever the statistic: a limit on the p99 is a limit that 99 of 100 requests should meet. Where one metric
        has several, the loosest counts, because the tighter ones (on the p50, say) allow requests beyond them. Lower
        limits (>) are no promise to a user and are left out.
        """
        limits: dict[str, float] = {}
        for condition in self.conditions:
            name = resolve(condition.metric, open_loop=open_loop)
            if name in PER_REQUEST_LIMITS and condition.comparison in ("<", "<="):
                limits[name] = max(limits.get(name, 0.0), condition.limit)
        return limits

    @property
    def fluid(self) -> tuple[Condition, ...]:
        """Conditions on fluidity that a single request can meet or miss, by its own index."""
        return tuple(c for c in self.conditions if c.deadlines is not None and c.comparison in (">", ">="))


def resolve(metric: str, *, open_loop: bool) -> str:
    """The latency that a plain name means: the response base in open loop, the service base in closed loop."""
    return RESPONSE_OF.get(metric, metric) if open_loop else metric


def parse_slo(text: str) -> Slo:
    """The SLO that the text spells. Raises ScenarioError naming the condition, the word and the nearest right one."""
    if not text.strip():
        raise ScenarioError('slo is empty; write it like "p99 ttft < 500ms and error_rate < 1%"')
    parts = [whole for part in _PARTED.split(text.strip()) for whole in _unfolded(part)]
    return Slo(text.strip(), tuple(_parse_condition(part, number) for number, part in enumerate(parts, 1)))


def _unfolded(part: str) -> list[str]:
    """The conditions of a preset in the place of its name; everything else as it is."""
    name = part.strip().lower()
    if _NAMED.fullmatch(name) is None:
        return [part]
    if name not in PRESETS:
        near = nearest(name, PRESETS, like=0.5)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ScenarioError(f"slo: there is no preset {part.strip()!r}{hint} (there are {', '.join(PRESETS)})")
    return _PARTED.split(PRESETS[name].text)


def _parse_condition(text: str, number: int) -> Condition:
    def refuse(message: str) -> NoReturn:
        raise ScenarioError(f"slo, condition {number} ({text!r}): {message}")

    deadlines = None
    if (fluid := _FLUIDITY.fullmatch(text.strip())) is not None:
        deadlines = _deadlines(fluid["deadlines"], refuse)
    found = _CONDITION.fullmatch(text.strip() if fluid is None else f"fluidity {fluid['rest']}")
    if found is None:
        refuse('not of the form "p99 ttft < 500ms" or "error_rate < 1%"')
    comparison = found["comparison"].replace("≤", "<=").replace("≥", ">=")
    if comparison not in COMPARISONS:
        refuse(f"{comparison!r} is no comparison; there are {', '.join(COMPARISONS)}")
    words = _words(found["left"])
    figure = [word for word in words if word in FIGURES]
    if figure:
        if len(words) > 1:
            refuse(f"{figure[0]} stands alone, without a statistic")
        if figure[0] == "fluidity" and deadlines is None:
            refuse("fluidity needs the reader's deadlines: fluidity(ttft=500ms, tbt=50ms) > 90%")
        limit = _limit(found, FIGURES[figure[0]], refuse)
        return Condition(figure[0], None, comparison, limit, text.strip(), deadlines)
    metric, statistic = _metric_and_statistic(words, refuse)
    return Condition(metric, statistic, comparison, _limit(found, "latency", refuse), text.strip())


def _deadlines(text: str, refuse: Callable[[str], NoReturn]) -> TokenDeadlines:
    found: dict[str, float] = {}
    for part in text.split(","):
        one = _DEADLINE.fullmatch(part.strip())
        if one is None:
            refuse(f"{part.strip()!r} is no deadline; write fluidity(ttft=500ms, tbt=50ms)")
        found[one["name"].lower()] = float(one["number"]) * UNITS["latency"][one["unit"].lower()]
    if found.keys() != {"ttft", "tbt"} or text.count(",") != 1 or not all(found.values()):
        refuse("fluidity takes two deadlines above 0, of the first token and between tokens: (ttft=500ms, tbt=50ms)")
    return TokenDeadlines(found["ttft"], found["tbt"])


def _words(left: str) -> list[str]:
    """`p99 ttft`, `p99(ttft)` and `ttft.p99` as lower-case words; the point of `p99.9` does not part them."""
    spaced = _CALL.sub(r"\1 \2", left.lower())
    words = re.sub(r"\.(?!\d)|(?<!\d)\.", " ", spaced).split()
    return [ALIASES.get(word, word) for word in words]


def _metric_and_statistic(words: list[str], refuse: Callable[[str], NoReturn]) -> tuple[str, str]:
    metrics = [word for word in words if word in NAMES]
    statistics = [word for word in words if word in STATISTICS]
    strange = [word for word in words if word not in metrics and word not in statistics]
    if strange:
        # What is missing says what the strange word should have been.
        if len(words) == 1:
            refuse(f"there is no figure {strange[0]!r}{_nearest(strange[0], (*FIGURES, *NAMES))}")
        if not metrics and statistics:
            refuse(f"there is no metric {strange[0]!r}{_nearest(strange[0], NAMES)}")
        if metrics:
            refuse(f"there is no statistic {strange[0]!r}{_nearest(strange[0], STATISTICS)}")
        refuse(f"{' '.join(strange)!r} is no metric with a statistic{_nearest(strange[-1], NAMES)}")
    if len(metrics) != 1:
        refuse("name one metric: " + ", ".join((*NAMES, *FIGURES)))
    if len(statistics) != 1:
        refuse(f"{metrics[0]} needs one statistic, like 'p99 {metrics[0]}'; there are {', '.join(STATISTICS)}")
    return metrics[0], statistics[0]


def _limit(found: re.Match[str], kind: str, refuse: Callable[[str], NoReturn]) -> float:
    units, unit, number = UNITS[kind], found["unit"].strip().lower(), found["number"]
    if unit not in units:
        named = [name for name in units if name]
        if not unit:
            refuse(f"{number} has no unit; write {number}ms or {number}s")
        if " " in unit:
            refuse(f"{found['unit'].strip()!r} after the number is no unit; join conditions by 'and' or a comma")
        refuse(f"{unit!r} is no unit here{_nearest(unit, named)}")
    limit = float(number) * units[unit]
    if limit < 0 or not math.isfinite(limit):
        refuse(f"the limit {number}{unit} must be finite and not negative")
    if kind == "share" and limit > 1:
        refuse(f"{number}{unit} is more than everything; write a percentage like {number}% or a share from 0 to 1")
    return limit


def _nearest(word: str, right: Iterable[str]) -> str:
    known = list(right)
    near = nearest(word, known, like=0.5)
    return (f"; did you mean {near!r}?" if near else "") + f" (there are {', '.join(known)})"
