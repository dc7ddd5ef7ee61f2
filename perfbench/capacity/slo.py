"""SLO: a search carried out: from a scenario to slo.json, kept after every probe, taken up again where it was left.

slo.json is a `SearchRecord`: everything that was seen, and what it says. All of it can be computed again from the
probes in it and the run folders that they name.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from perfbench.capacity.folder import PROBES, SLO, SWEEP, new_folder, read, scenario_file, write
from perfbench.capacity.objective import Objective, parse_objective
from perfbench.capacity.probe import Probe
from perfbench.capacity.runner import RunProber
from perfbench.capacity.search import Answer, Search, Terms
from perfbench.capacity.sequential import Outcome
from perfbench.capacity.sweep import Sweep
from perfbench.capacity.talk import Talk
from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.report.text import harmless
from perfbench.runfolder import SCENARIO, write_whole
from perfbench.scenario import Scenario

Kind = Literal["rate", "parallel"]
FIRST: dict[Kind, float] = {"rate": 1.0, "parallel": 1.0}
MOST: dict[Kind, float] = {"rate": 100_000.0, "parallel": 10_000.0}
LEAST: dict[Kind, float] = {"rate": 0.01, "parallel": 1.0}


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the search was asked for, beyond the scenario."""

    search: Kind
    slo: str
    longest_s: float
    probe_s: float
    precision: float
    first: float
    least: float
    most: float
    seed: int
    step: float


class JudgedProbe(msgspec.Struct, frozen=True, kw_only=True):
    """A probe, and what it says by itself."""

    probe: Probe
    outcome: Outcome


class FoundModel(msgspec.Struct, frozen=True, kw_only=True):
    """The queue model that the answer stands on, if it does."""

    slots: int | None
    slowdown: float
    mean_service_s: float
    capacity_per_s: float | None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, as `search.Answer` has it."""

    outcome: Outcome
    load: float | None
    interval: tuple[float, float] | None
    why: str
    at_most: bool = False


class SearchRecord(msgspec.Struct, kw_only=True):
    """slo.json."""

    schema: int = 1
    kind: str = "slo"
    started_at: str
    wishes: Wishes
    criteria: list[dict[str, Any]]
    """text, metric, allowed (share that may miss), limit_ms, comparison of each condition."""
    probes: list[JudgedProbe] = []
    answer: Found | None = None
    model: FoundModel | None = None
    elapsed_s: float = 0.0
    """Over all that was done, resumed or not."""
    ended: Literal["known", "time", "interrupted"] | None = None
    scenario: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Ended:
    folder: Path
    record: SearchRecord
    exit_code: ExitCode


def begin(scenario: Scenario, wishes: Wishes, talk: Talk, *, live: bool | None) -> Ended:
    """Search, in a new folder in outputs_dir. Raises what a run raises before anything is sent."""
    objective = parse_objective(wishes.slo, open_loop=wishes.search == "rate")
    folder = new_folder(scenario.outputs_dir, "slo")
    write_whole(folder / SCENARIO, scenario.to_yaml().encode())
    record = SearchRecord(
        started_at=datetime.now().astimezone().isoformat(timespec="seconds"), wishes=wishes,
        criteria=[asdict(criterion) for criterion in objective.criteria], scenario=scenario.dump(),
    )  # fmt: skip
    return _carry_out(scenario, objective, folder, record, wishes.longest_s, talk, live)


def resume(folder: Path, given: Mapping[str, Any], longest_s: float | None, talk: Talk, *, live: bool | None) -> Ended:
    """Take up a search where it was left: its probes count and are not taken again. `given` are flags for what no file
    keeps (the key)."""
    record = read(folder / SLO, SearchRecord, "slo")
    scenario = Scenario.from_yaml(scenario_file(folder), given)
    wishes = record.wishes
    objective = parse_objective(wishes.slo, open_loop=wishes.search == "rate")
    left_s = longest_s if longest_s is not None else max(wishes.longest_s - record.elapsed_s, 0.0)
    return _carry_out(scenario, objective, folder, record, left_s, talk, live)


def _carry_out(
    scenario: Scenario, objective: Objective, folder: Path, record: SearchRecord, left_s: float, talk: Talk,
    live: bool | None,
) -> Ended:  # fmt: skip
    wishes = record.wishes
    terms = Terms(
        criteria=objective.criteria, open_loop=objective.open_loop, first=wishes.first, most=wishes.most,
        least=wishes.least, longest_s=left_s, probe_s=wishes.probe_s, precision=wishes.precision, seed=wishes.seed,
        step=wishes.step,
    )  # fmt: skip
    (folder / PROBES).mkdir(exist_ok=True)
    prober = RunProber(scenario.model_copy(update={"seed": wishes.seed}), objective, folder, live=live)
    before_s, began_s = record.elapsed_s, time.monotonic()

    def keep(answer: Answer, ended: Literal["known", "time", "interrupted"] | None = None) -> None:
        record.probes = [JudgedProbe(probe=p, outcome=search.outcome_of(p)) for p in search.probes]
        record.answer = Found(
            outcome=answer.outcome, load=answer.load, interval=answer.interval, why=answer.why, at_most=answer.at_most
        )
        record.model = _model(search)
        record.elapsed_s, record.ended = before_s + time.monotonic() - began_s, ended
        write(folder / SLO, record)

    def told(probe: Probe, answer: Answer) -> None:
        keep(answer)
        talk.probed(probe, search.outcome_of(probe), answer, objective, before_s + time.monotonic() - began_s)

    search = Search(
        terms, prober, time.monotonic, [judged.probe for judged in record.probes], on_probe=told,
        on_begin=lambda load, seconds, why: talk.probing(load, seconds, why, objective),
    )  # fmt: skip
    try:
        answer = search.run()
    except KeyboardInterrupt:
        keep(search.answer(), "interrupted")
        return Ended(folder, record, ExitCode.INTERRUPTED)
    keep(answer, "time" if answer.outcome == "inconclusive" else "known")
    codes: dict[Outcome, ExitCode] = {
        "met": ExitCode.DONE, "missed": ExitCode.GATE_MISSED, "inconclusive": ExitCode.INCONCLUSIVE
    }  # fmt: skip
    return Ended(folder, record, codes[answer.outcome])


def _model(search: Search) -> FoundModel | None:
    model = search.model
    if model is None or not search.modelled:
        return None
    limited = model.slots < (1 << 30)
    return FoundModel(
        slots=model.slots if limited else None, slowdown=model.slowdown, mean_service_s=model.mean_s,
        capacity_per_s=model.capacity_per_s if limited or model.slowdown else None,
    )  # fmt: skip


def first_load(folder: Path, search: Kind) -> float:
    """Where to begin, as an earlier search or sweep in that folder suggests. Raises ScenarioError."""
    if (folder / SWEEP).is_file():
        swept = read(folder / SWEEP, Sweep, "sweep")
        if swept.over != search:
            raise ScenarioError(f"{folder} holds a sweep over {swept.over}, but the search is over {search}")
        loads = [point.load for point in swept.points if point.slo == "met"]
        loads = loads or [min((point.load for point in swept.points), default=FIRST[search])]
        return max(loads)
    record = read(folder / SLO, SearchRecord, "slo")
    if record.wishes.search != search:
        raise ScenarioError(f"{folder} holds a search over {record.wishes.search}, but this one is over {search}")
    found = record.answer.load if record.answer is not None else None
    return found if found is not None else record.wishes.first


def said(record: SearchRecord) -> str:
    """The SLO in a line that is safe to print."""
    return harmless(record.wishes.slo)
