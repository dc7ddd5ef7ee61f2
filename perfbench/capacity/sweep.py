"""Sweep: one run at each of several loads, in one folder, with what they say together in sweep.json.

Each point is an ordinary run, with a seed of its own that is fixed beforehand, so that a sweep that was interrupted
goes on with the same arrivals: finished points stay, the one that was cut short is run again beside its first try.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from perfbench.capacity.folder import POINTS, SWEEP, new_folder, read, run_folder, scenario_file, write
from perfbench.capacity.runner import at_load, throughput_of
from perfbench.capacity.sequential import Outcome
from perfbench.capacity.talk import Talk
from perfbench.capacity.usl import ScalingFit, fit_scaling
from perfbench.engine.errors import ExitCode, NoData, ScenarioError
from perfbench.run import run_scenario
from perfbench.runfolder import SCENARIO, RunFolder, write_whole
from perfbench.scenario import Scenario
from perfbench.settings import units
from perfbench.settings.warmup import Warmup
from perfbench.workload import open_workload
from perfbench.workload.quality import evals_of, fall_of

Over = Literal["rate", "parallel"]
Order = Literal["ascending", "shuffled"]
ORDERS: tuple[Order, ...] = ("ascending", "shuffled")
LEAST_NUMBER = 20
COLLAPSE = 0.5
"""A throughput below this share of the best so far ends a sweep that ascends: more load only makes it worse."""
WARM_SHARE = 0.1
"""Of a point's duration that is sent before, unless the scenario says how much."""
LATENCIES = ("ttft", "tpot", "e2e", "response_ttft", "response_e2e")


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """How much is sent at each point: one of the four."""

    number: int | None = None
    numbers: dict[str, int] | None = None
    """By load, as `load_key` writes it: a number of its own for each point."""
    per_load: float | None = None
    """So many requests for each request in flight, or each request a second."""
    duration_s: float | None = None

    def requests(self, load: float) -> int | None:
        if self.per_load is not None:
            return max(LEAST_NUMBER, math.ceil(self.per_load * load))
        return self.number if self.numbers is None else self.numbers[load_key(load)]


def load_key(load: float) -> str:
    return f"{load:.12g}"


class Point(msgspec.Struct, kw_only=True):
    """One load. Figures are None until it was run; throughput is that of the steady state where there was one."""

    load: float
    seed: int
    state: Literal["waiting", "done", "skipped"] = "waiting"
    folder: str | None = None
    """Of its run, relative to that of the sweep."""
    requests: int = 0
    error_rate: float | None = None
    requests_per_s: float | None = None
    requests_per_s_ci: tuple[float, float] | None = None
    output_tokens_per_s: float | None = None
    latency_ms: dict[str, Any] = {}
    """By name of the latency: count, mean, percentiles and their intervals, as in summary.json."""
    in_flight: float | None = None
    """On average."""
    verdict: str | None = None
    """Of the client: ok, suspect, saturated, unknown."""
    growing: bool | None = None
    """Open loop: the backlog grew throughout."""
    slo: Outcome | None = None
    quality: dict[str, Any] | None = None
    """As in summary.json, where benchmarks are sent."""
    exit_code: int | None = None


class Sweep(msgspec.Struct, kw_only=True):
    """sweep.json."""

    schema: int = 1
    kind: str = "sweep"
    started_at: str
    over: Over
    amount: Amount
    order: Order
    slo: str | None
    stop_early: bool = True
    points: list[Point]
    """In order of load; `run_order` has the order in which they were run."""
    run_order: list[int]
    scaling: ScalingFit | None = None
    """Of throughput by concurrency, where the sweep is over parallel and points suffice."""
    quality: dict[str, Any] | None = None
    """Whether accuracy falls as load rises (perfbench.workload.quality.fall_of), where benchmarks are sent."""
    stopped: str | None = None
    """Why no more points were run, if the last was not the end."""
    ended: Literal["done", "stopped", "interrupted"] | None = None
    elapsed_s: float = 0.0
    scenario: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Ended:
    folder: Path
    sweep: Sweep
    exit_code: ExitCode


def parse_loads(text: str, over: Over) -> list[float]:
    """`1,2,4,8`. Raises ScenarioError."""
    read_one = units.count if over == "parallel" else units.rate_per_s
    try:
        loads = [float(read_one(part.strip())) for part in str(text).split(",")]
    except ValueError as error:
        raise ScenarioError(f"--{over} {error}; a sweep takes several, like {EXAMPLES[over]}") from None
    if not all(load > 0 for load in loads):
        raise ScenarioError(f"--{over} {text!r} holds a 0; every point needs a load")
    if len(set(loads)) != len(loads):
        raise ScenarioError(f"--{over} {text!r} holds a load twice; once each is enough")
    return sorted(loads)


EXAMPLES: dict[Over, str] = {"parallel": "1,2,4,8,16", "rate": "1,2,5,10"}
_PER_LOAD = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[x×]\s*", re.IGNORECASE)


def parse_amount(
    number: str | None, duration: str | None, loads: str | None = None, over: Over = "parallel"
) -> Amount:  # fmt: skip
    """`--number 20x` (per unit of load), `--number 500`, `--number 10,80,320` (one for each of `loads`, in the order
    that they were given in), or `--duration 30s`; 20x where neither is given."""
    if number is not None and duration is not None:
        raise ScenarioError("--number and --duration both say how long a point is; keep one")
    if duration is not None:
        try:
            seconds = units.duration_s(duration)
        except ValueError as error:
            raise ScenarioError(f"--duration {error}") from None
        if seconds <= 0:
            raise ScenarioError(f"--duration {duration!r}: a point needs some time")
        return Amount(duration_s=seconds)
    if number is None:
        return Amount(per_load=20.0)
    if (per := _PER_LOAD.fullmatch(str(number))) is not None and float(per[1]) > 0:
        return Amount(per_load=float(per[1]))
    if "," in str(number):
        return _one_each(str(number), loads, over)
    try:
        count = units.count(number)
    except ValueError as error:
        raise ScenarioError(f"--number {error}, or 20x for 20 per unit of load") from None
    if count < 1:
        raise ScenarioError(f"--number {number!r}: a point needs requests")
    return Amount(number=count)


def _one_each(number: str, loads: str | None, over: Over) -> Amount:
    points = [] if loads is None else [parse_loads(part, over)[0] for part in str(loads).split(",")]
    try:
        counts = [units.count(part.strip()) for part in number.split(",")]
    except ValueError as error:
        raise ScenarioError(f"--number {error}; several are one for each load, like 10,80,320") from None
    if len(counts) != len(points) or min(counts) < 1:
        raise ScenarioError(
            f"--number {number!r} gives {len(counts)} numbers to {len(points)} loads; give one of at least 1 for each, "
            "or 20x for 20 per unit of load"
        )
    return Amount(numbers={load_key(load): count for load, count in zip(points, counts, strict=True)})


def whole_exam(scenario: Scenario, amount: Amount) -> Amount:
    """Where benchmarks are all that is sent and nobody said how much: each of their items once, at every load."""
    if scenario.mix is not None or not evals_of(scenario.dump()):
        return amount
    return Amount(number=open_workload(scenario).length)


def begin(
    scenario: Scenario, over: Over, loads: list[float], amount: Amount, order: Order, stop_early: bool, talk: Talk, *,
    live: bool | None,
) -> Ended:  # fmt: skip
    """Run a new sweep, in a new folder in outputs_dir."""
    folder = new_folder(scenario.outputs_dir, "sweep")
    write_whole(folder / SCENARIO, scenario.to_yaml().encode())
    seed = scenario.seed or 0
    run_order = list(range(len(loads)))
    if order == "shuffled":
        random.Random(f"order {seed}").shuffle(run_order)
    sweep = Sweep(
        started_at=datetime.now().astimezone().isoformat(timespec="seconds"), over=over, amount=amount, order=order,
        slo=scenario.slo, stop_early=stop_early, run_order=run_order, scenario=scenario.dump(),
        points=[Point(load=load, seed=(seed + 1 + index) % (1 << 31)) for index, load in enumerate(loads)],
    )  # fmt: skip
    return _carry_out(scenario, folder, sweep, talk, live)


def resume(folder: Path, given: Mapping[str, Any], talk: Talk, *, live: bool | None) -> Ended:
    """Go on with a sweep: points that are done are not run again. `given` are flags for what no file keeps."""
    sweep = read(folder / SWEEP, Sweep, "sweep")
    for point in sweep.points:
        if point.state == "skipped":
            point.state = "waiting"
    return _carry_out(Scenario.from_yaml(scenario_file(folder), given), folder, sweep, talk, live)


def _carry_out(scenario: Scenario, folder: Path, sweep: Sweep, talk: Talk, live: bool | None) -> Ended:
    before_s, began_s = sweep.elapsed_s, time.monotonic()
    sweep.stopped = sweep.ended = None

    def keep() -> None:
        sweep.elapsed_s = before_s + time.monotonic() - began_s
        sweep.scaling = _scaling(sweep)
        sweep.quality = _quality(folder, sweep)
        write(folder / SWEEP, sweep)

    waiting = [index for index in sweep.run_order if sweep.points[index].state == "waiting"]
    try:
        for done, index in enumerate(waiting):
            point = sweep.points[index]
            talk.pointing(sweep, index, done, len(waiting), time.monotonic() - began_s)
            _run_point(scenario, folder, sweep, point, live)
            keep()
            talk.pointed(sweep, point)
            sweep.stopped = _why_stop(sweep, point)
            if sweep.stopped is not None:
                for rest in waiting[done + 1 :]:
                    sweep.points[rest].state = "skipped"
                break
    except KeyboardInterrupt:
        sweep.ended = "interrupted"
        keep()
        return Ended(folder, sweep, ExitCode.INTERRUPTED)
    sweep.ended = "done" if sweep.stopped is None else "stopped"
    keep()
    return Ended(folder, sweep, _exit_code(sweep))


def _run_point(scenario: Scenario, folder: Path, sweep: Sweep, point: Point, live: bool | None) -> None:
    """Raises KeyboardInterrupt when it was interrupted: the point is still waiting then."""
    amount = sweep.amount
    number = amount.requests(point.load)
    warm = scenario.warmup
    if warm is None:
        warm = Warmup(number=max(1, math.ceil(point.load))) if number is not None else None
        if amount.duration_s is not None:
            warm = Warmup(seconds=amount.duration_s * WARM_SHARE)
    at = at_load(scenario, point.load, open_loop=sweep.over == "rate").model_copy(
        update={"number": number, "duration": amount.duration_s, "seed": point.seed, "warmup": warm}
    )
    place = run_folder(folder / POINTS, f"{sweep.over}_{point.load:g}")
    place.parent.mkdir(exist_ok=True)
    result = run_scenario(at, live=live, quiet=not live, folder=place)
    if result.exit_code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    _read(point, result.summary)
    point.folder, point.exit_code, point.state = str(place.relative_to(folder)), int(result.exit_code), "done"


def _read(point: Point, summary: dict[str, Any]) -> None:
    rates = (summary.get("steady_state") or summary)["throughput"]
    interval = rates.get("requests_per_s_ci")  # of the same window as the rate itself, or it need not hold it
    point.requests = summary["requests"]["succeeded"]
    point.error_rate = summary["requests"]["error_rate"]
    point.requests_per_s = throughput_of(summary)
    point.requests_per_s_ci = None if interval is None else (float(interval[0]), float(interval[1]))
    point.output_tokens_per_s = rates.get("output_tokens_per_s")
    point.latency_ms = {name: summary["latency_ms"][name] for name in LATENCIES if summary["latency_ms"].get(name)}
    point.in_flight = summary["concurrency"]["mean"]
    point.verdict = summary["client"]["verdict"]
    point.quality = summary.get("quality")
    point.growing = None if summary["backlog"] is None else summary["backlog"]["growing"]
    slo = summary["slo"]
    point.slo = None if slo is None else {True: "met", False: "missed", None: "inconclusive"}[slo["met"]]  # type: ignore[assignment]
    if slo is not None and point.growing:
        point.slo = "missed"
    elif slo is not None and (point.verdict == "saturated" or any(c["certain"] is False for c in slo["observed"])):
        point.slo = "inconclusive"


def _why_stop(sweep: Sweep, point: Point) -> str | None:
    if not sweep.stop_early:
        return None
    if point.requests == 0:
        return f"at {sweep.over} {point.load:g} not one request succeeded"
    if sweep.order != "ascending":
        return None
    if point.error_rate is not None and point.error_rate > sweep.scenario.get("max_error_rate", 0.5):
        return f"at {sweep.over} {point.load:g} {point.error_rate:.0%} of the requests failed"
    best = max((p.requests_per_s or 0.0 for p in sweep.points if p.state == "done"), default=0.0)
    if point.requests_per_s is not None and point.requests_per_s < COLLAPSE * best:
        return (
            f"at {sweep.over} {point.load:g} the throughput fell to {point.requests_per_s:.3g} req/s, from {best:.3g}"
        )
    if point.verdict == "saturated":
        return (
            f"at {sweep.over} {point.load:g} this client was at its limit, so that more load says nothing of the server"
        )
    return None


def _scaling(sweep: Sweep) -> ScalingFit | None:
    """The Universal Scalability Law over the points of a sweep over parallel; None where too few stand behind it."""
    if sweep.over != "parallel":
        return None
    sound = [p for p in sweep.points if p.state == "done" and p.requests_per_s and p.verdict != "saturated"]
    deviations = [
        None if p.requests_per_s_ci is None else (p.requests_per_s_ci[1] - p.requests_per_s_ci[0]) / 3.92 for p in sound
    ]
    try:
        return fit_scaling([p.load for p in sound], [p.requests_per_s or 0.0 for p in sound], deviations)
    except NoData:
        return None


def _quality(folder: Path, sweep: Sweep) -> dict[str, Any] | None:
    """What the answers of all points say together, item by item; None where no benchmarks are sent."""
    reviews = {
        point.load: found for point in sweep.points
        if point.state == "done" and point.folder is not None
        and (found := RunFolder(folder / point.folder).reviews()) is not None
    }  # fmt: skip
    return fall_of(reviews) if reviews else None


def _exit_code(sweep: Sweep) -> ExitCode:
    """Done when points were measured: a sweep looks for limits, so reaching them is no failure."""
    done = [point for point in sweep.points if point.state == "done"]
    if not any(point.requests for point in done):
        return ExitCode.TARGET
    return ExitCode.DONE
