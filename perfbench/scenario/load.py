"""Load: how much is sent, in which shape, and for how long."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

from perfbench import fieldtypes as t
from perfbench.fieldtypes import key
from perfbench.scenario.prompts import FINITE
from perfbench.scenario.section import LOAD, Rule, Section

if TYPE_CHECKING:
    from perfbench.scenario.scenario import Scenario


class Load(Section):
    parallel: t.Count | None = key(
        None,
        LOAD,
        "Closed loop: requests in flight. With rate: a cap on them.",
        shown="1, or no cap with rate",
        short="p",
    )
    number: t.Count | None = key(
        None, LOAD, "Stop after so many requests; sessions, where they are sent.",
        shown="1000, or all of a file of sessions, if no duration", short="n",
    )  # fmt: skip
    duration: t.Limit | None = key(None, LOAD, "Stop sending after so long, e.g. 60s; the first limit counts.")
    rate: t.Rate | None = key(
        None,
        LOAD,
        "Open loop: arrivals (requests or sessions) a second, whatever became of earlier ones; 20 or 1200/m.",
    )
    arrival: Literal["constant", "poisson", "gamma"] | None = key(
        None, LOAD, "Law of the arrivals, with rate.", shown="poisson"
    )
    burstiness: float | None = key(
        None, LOAD, "Shape of gamma arrivals: below 1 burstier than poisson, above 1 more even.", shown="1", gt=0
    )
    ramp_up: t.RampUp | None = key(
        None, LOAD, "Closed loop: time over which the slots open; 0 is a burst.",
        shown="auto: 1ms a slot, at most 10s and a tenth of duration", metavar="TIME",
    )  # fmt: skip
    grace: t.Duration = key(30.0, LOAD, "After duration: how long requests in flight may go on.")
    rps: t.Rate | None = key(None, LOAD, "Limit: requests a second, on top of the load's own shape.")
    tpm: t.Count | None = key(None, LOAD, "Limit: tokens a minute, prompt and reply.")
    retries: t.CountOrNone = key(0, LOAD, "Tries again per failed request; a retry hides a failure.")
    seed: t.CountOrNone | None = key(
        None, LOAD, "Fixes arrivals and prompts (not sent; see sampling_seed).", shown="drawn, and kept in the result"
    )

    @property
    def open_loop(self) -> bool:
        """Whether arrivals have a schedule of their own, instead of waiting for each other."""
        return self.rate is not None

    @property
    def ramp_up_s(self) -> float:
        """Closed loop: over how many seconds the slots open."""
        if self.ramp_up != "auto":
            return self.ramp_up or 0.0
        longest = 10.0 if self.duration is None else min(10.0, self.duration / 10)
        return min(longest, 0.001 * (self.parallel or 1))


def conflicts(scenario: Scenario) -> list[Rule]:
    s = scenario
    return [
        (s.rate is None and s.arrival is not None, "arrival", "is the law of an open loop; give rate too"),
        (s.burstiness is not None and s.arrival != "gamma", "burstiness", "needs arrival: gamma"),
        (s.rate is not None and s.ramp_up not in (None, "auto"), "ramp_up",
         "opens the slots of a closed loop, but rate makes the loop open; take one of them out"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    closed = not scenario.open_loop
    return {
        "parallel": 1 if closed else None,
        "number": 1000 if scenario.duration is None and scenario.workload_name not in FINITE else None,
        "arrival": None if closed else "poisson",
        "burstiness": 1.0 if scenario.arrival == "gamma" else None,
        "ramp_up": "auto" if closed else None,
        "seed": secrets.randbelow(1 << 31),
    }
