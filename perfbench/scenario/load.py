"""Load: how much is sent, in which shape, and for how long."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

from perfbench import fieldtypes as t
from perfbench.engine.pacing import Curve, ShapedLoop
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
    shape: t.Shape | None = key(
        None, LOAD,
        "Rate or concurrency over time: 'ramp 1/s -> 50/s over 60s; hold 30s', 'parallel: steps 1, 8, 64 every 30s', "
        "'sine 20% <-> 100% every 10m for 1h' (of rate or parallel); also exp, step, square, bursts.", metavar="TEXT",
    )  # fmt: skip
    warmup: t.Warmup | None = key(
        None, LOAD, "Sent before what is measured, 30s or 100 requests: recorded, tagged, in no figure.",
        metavar="TIME|COUNT",
    )  # fmt: skip
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
        replays: bool = getattr(self, "replays", False)  # a scenario knows; its section of prompts says it
        return self.rate is not None or replays or (self.shape is not None and self.shape.of == "rate")

    @property
    def curve(self) -> Curve | None:
        """The shape in arrivals a second or in slots, after the warm-up; None where the load has no shape."""
        if self.shape is None:
            return None
        curve = self.shape.level_curve(self.rate if self.rate is not None else self.parallel)
        return curve.after(self.warmup.seconds if self.warmup is not None else 0.0)

    @property
    def slots(self) -> int | None:
        """The most requests that are to be in flight at once; None when nothing bounds them."""
        if self.shape is not None and not self.open_loop and self.curve is not None:
            return ShapedLoop(self.curve).most
        return self.parallel

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
        (not s.open_loop and s.arrival is not None, "arrival", "is the law of an open loop; give rate too"),
        (s.burstiness is not None and s.arrival != "gamma", "burstiness", "needs arrival: gamma"),
        (s.rate is not None and s.ramp_up not in (None, "auto"), "ramp_up",
         "opens the slots of a closed loop, but rate makes the loop open; take one of them out"),
        *(_of_shape(s) if s.shape is not None else ()),
        (s.warmup is not None and s.warmup.number > 0 and s.shape is not None, "warmup",
         "counts requests, but shape counts time; give a time, e.g. 30s"),
        (s.warmup is not None and s.warmup.number > 0 and s.duration is not None, "warmup",
         "counts requests, but duration counts time; give a time, e.g. 30s"),
    ]  # fmt: skip


def _of_shape(scenario: Scenario) -> list[Rule]:
    s, shape = scenario, scenario.shape
    assert shape is not None
    starts_at_nothing = shape.curve.first_level <= 0
    return [
        (shape.of == "share" and s.rate is None and s.parallel is None, "shape",
         "is a share (%) of rate or parallel; give one of them, as the 100 %"),
        (shape.of != "share" and s.rate is not None, "rate",
         "and shape both say how much is sent; write the shape in % of rate, or take one of them out"),
        (shape.of == "parallel" and s.parallel is not None, "parallel",
         "and shape both say how many slots are open; write the shape in % of parallel, or take one of them out"),
        (shape.of == "rate" and not shape.says_of and s.parallel is not None, "shape",
         "does not say what it is of, and parallel is given; write 'rate: ...' for arrivals a second with parallel as "
         "a cap, or 'parallel: ...' for open slots, and then take parallel out"),
        (s.ramp_up not in (None, "auto"), "ramp_up",
         "opens the slots of a closed loop, but shape says when slots open; take one of them out"),
        (s.warmup is not None and starts_at_nothing, "warmup",
         "is sent at the level that shape begins with, which is 0; begin the shape above 0"),
    ]  # fmt: skip


def defaults(scenario: Scenario) -> dict[str, Any]:
    closed = not scenario.open_loop
    shape = scenario.shape
    timed = scenario.duration is not None or shape is not None
    return {
        "parallel": 1 if closed and shape is None else None,
        "duration": None if shape is None else shape.curve.lasts_s,
        "number": 1000 if not timed and scenario.workload_kind not in FINITE else None,
        "arrival": None if closed or scenario.replays else "poisson",
        "burstiness": 1.0 if scenario.arrival == "gamma" else None,
        "ramp_up": "auto" if closed and shape is None else None,
        "seed": secrets.randbelow(1 << 31),
    }
