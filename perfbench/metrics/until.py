"""Until: how narrow an interval must be for a run to have measured enough.

    p99 ttft +-5%        mean e2e ±20ms

A statistic of a latency, as an SLO names it, and how far the interval at 95 % may reach to either side: a share of the
value or a time. Light: reading a scenario loads no numpy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.engine.errors import ScenarioError
from perfbench.metrics.slo import ALIASES, UNITS, resolve
from perfbench.settings.suggest import nearest

METRICS = ("ttft", "tpot", "e2e")
"""Those that the engine processes tell while a run lasts, request by request. Of ITL they tell a sample, without saying
which gaps belong to one request."""
STATISTICS = ("mean", "p50", "p90", "p95", "p99", "p99.9")
_FORM = re.compile(
    r"(?P<words>.+?)\s*(?:\+-|±|\+/-)\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>%|us|µs|ms|s)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Until:
    text: str
    metric: str
    statistic: str
    share: float | None
    """Of the value, to either side; else `ms` counts."""
    ms: float | None

    def reach(self, value: float) -> float:
        """How far to either side the interval of that value may go, in ms."""
        return self.share * abs(value) if self.share is not None else float(self.ms or 0.0)

    @property
    def key(self) -> str:
        """The statistic's name in a summary."""
        return self.statistic.replace(".", "_")


def parse_until(text: str) -> Until:
    """Raises ScenarioError with the word that is wrong, the nearest right one, or the form."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ScenarioError(f'{text!r} is not of the form "p99 ttft +-5%" or "mean e2e +-20ms"')
    words = [ALIASES.get(word, word) for word in found["words"].lower().split()]
    metrics, statistics = ([w for w in words if w in known] for known in (METRICS, STATISTICS))
    for word in words:
        if word not in METRICS and word not in STATISTICS:
            near = nearest(word, (*METRICS, *STATISTICS), like=0.5)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ScenarioError(
                f"{word!r} is no latency that a run can wait for{hint} (there are {', '.join(METRICS)})"
            )
    if len(metrics) != 1 or len(statistics) != 1:
        raise ScenarioError(f"{text!r} needs one statistic ({', '.join(STATISTICS)}) of one of {', '.join(METRICS)}")
    number, unit = float(found["number"]), found["unit"].lower()
    if not number > 0:
        raise ScenarioError(f"{text!r}: the interval must be wider than nothing")
    if unit == "%":
        return Until(text.strip(), metrics[0], statistics[0], number / 100, None)
    return Until(text.strip(), metrics[0], statistics[0], None, number * UNITS["latency"][unit])


def reached(until: Until, latency_ms: Mapping[str, Any], *, open_loop: bool) -> dict[str, Any]:
    """`until` of the summary: {asked, metric, value, reach, allowed, met}, in ms; nulls where there is no interval."""
    name = resolve(until.metric, open_loop=open_loop)
    figures = latency_ms.get(name) or {}
    value, interval = figures.get(until.key), figures.get(f"{until.key}_ci")
    reach = None if interval is None or None in interval else (interval[1] - interval[0]) / 2
    allowed = until.reach(value) if value is not None else None
    met = reach is not None and allowed is not None and reach <= allowed
    return {"asked": until.text, "metric": name, "value": value, "reach": reach, "allowed": allowed, "met": met}
