"""Runner: the prober that sends real requests. One probe is one ordinary run, in a folder of its own.

What a search wants to know is counted from the records, after the run; on the way the snapshots are only looked at to
break off what is plainly hopeless.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perfbench.capacity.folder import PROBES, run_folder
from perfbench.capacity.objective import Criterion, Objective, count
from perfbench.capacity.probe import Halt, Halting, Look, Probe
from perfbench.capacity.queueing import Trace, trace_of
from perfbench.engine.errors import ExitCode
from perfbench.live.base import RunStart
from perfbench.live.snapshot import Snapshot, unpack
from perfbench.metrics.columns import Columns
from perfbench.report.summary import load as load_records
from perfbench.run import RunResult, run_scenario
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario

WARM_SHARE = 0.15
"""Of a probe's time: requests due in it find an endpoint that is not yet as busy as it will be."""
LATE_SHARE = 0.1
"""Of a latency limit: a client that was later than that counts its own lateness as the server's."""
SPREAD_OVER = {"tpot": 1, "e2e_per_token": 0, "response_e2e_per_token": 0}
"""Latencies that one late reading moves by its lateness over the tokens of a reply, less so many."""
FEWEST_COUNTED = 20
IN_SNAPSHOTS = ("ttft", "tpot", "e2e", "response_ttft", "response_e2e")
SHOWN = ("p50", "p90", "p99")


class RunProber:
    """Puts loads on the endpoint of a scenario."""

    def __init__(self, scenario: Scenario, objective: Objective, folder: Path, *, live: bool | None) -> None:
        self._scenario, self._objective, self._folder, self._live = scenario, objective, folder, live
        self._traces: dict[str, Trace] = {}

    def probe(self, load: float, seconds: float, seed: int, halting: Halting) -> Probe:
        """Raises KeyboardInterrupt when the run was interrupted; what it recorded stays in its folder."""
        objective = self._objective
        scenario = at_load(self._scenario, load, open_loop=objective.open_loop).model_copy(
            update={"duration": seconds, "number": None, "seed": seed, "warmup": None, "slo": objective.slo.text}
        )
        kind = "rate" if objective.open_loop else "parallel"
        place = run_folder(self._folder / PROBES, f"{seed - (self._scenario.seed or 0):03}_{kind}_{load:.4g}")
        look = _Looking(objective, WARM_SHARE * seconds, halting)
        result = run_scenario(scenario, live=self._live, quiet=not self._live, watcher=look, folder=place)
        if result.exit_code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        return self._read(load, seconds, result, look.halted)

    def trace(self, probe: Probe) -> Trace | None:
        if probe.folder is None:
            return None
        if probe.folder not in self._traces:
            place = RunFolder(self._folder / probe.folder)
            if not place.path.is_dir() or not place.has_records():
                return None
            self._keep(probe.folder, place, load_records(place))
        return self._traces[probe.folder]

    def _keep(self, name: str, place: RunFolder, columns: Columns) -> None:
        info = place.info()
        began_ns = info.began_ns if info is not None else 0
        self._traces[name] = trace_of(columns, began_ns, open_loop=self._objective.open_loop)

    def _read(self, load: float, seconds: float, result: RunResult, halted: Halt | None) -> Probe:
        place = RunFolder(result.folder)
        columns, info = load_records(place), place.info()
        assert info is not None
        name = str(result.folder.relative_to(self._folder))
        self._keep(name, place, columns)
        until_s = seconds if info.ended_ns is None else min(seconds, (info.ended_ns - info.began_ns) / 1e9)
        from_s, to_s = WARM_SHARE * seconds, until_s
        if halted is not None:
            # Of the last ones only those are known that were quick; where too few are left, the first ones count too.
            settled_s = until_s - self._objective.longest_limit_s
            due_s = (columns.intended_ns - info.began_ns) / 1e9
            windows = ((from_s, settled_s), (0.0, settled_s), (0.0, until_s))
            enough = (w for w in windows if int(((due_s >= w[0]) & (due_s < w[1])).sum()) >= FEWEST_COUNTED)
            from_s, to_s = next(enough, windows[-1])
        counts = count(self._objective, columns, info.began_ns + round(from_s * 1e9), info.began_ns + round(to_s * 1e9))
        summary = result.summary
        e2e = summary["latency_ms"]["e2e"]
        return Probe(
            load=load, seconds=until_s, counts=counts, from_s=from_s, to_s=to_s,
            unstable=halted is not None and halted.unstable, halted=None if halted is None else halted.why,
            suspect=disturbed(summary, self._objective.criteria),
            service_s=None if e2e is None or e2e["p50"] is None else e2e["p50"] / 1e3,
            throughput_per_s=throughput_of(summary),
            latency_ms=shown_latencies(summary, [c.metric for c in self._objective.criteria]), folder=name,
        )  # fmt: skip


def disturbed(summary: dict[str, Any], criteria: Sequence[Criterion]) -> bool:
    """Whether misses may be the client's own: it was at its limit, or late by a good part of what is allowed."""
    client = summary["client"]
    if client["verdict"] != "suspect":
        return bool(client["verdict"] == "saturated")
    lags = [client[name]["p99"] for name in ("send_lag_ms", "loop_lag_ms") if client.get(name)]
    latest_ms = max((lag for lag in lags if lag is not None), default=0.0)
    tokens = (summary["tokens"]["output"] or 0) / max(summary["requests"]["succeeded"], 1)
    return any(
        latest_ms / (max(tokens - SPREAD_OVER[c.metric], 1) if c.metric in SPREAD_OVER else 1) > LATE_SHARE * c.limit_ms
        for c in criteria if c.limit_ms is not None
    )  # fmt: skip


def at_load(scenario: Scenario, load: float, *, open_loop: bool) -> Scenario:
    """The scenario under another load: requests a second, or requests in flight."""
    if open_loop:
        return scenario.model_copy(update={"rate": load})
    workers = scenario.workers if scenario.workers == "auto" else min(int(scenario.workers), int(load))
    return scenario.model_copy(update={"parallel": int(load), "workers": workers})


def throughput_of(summary: dict[str, Any]) -> float | None:
    """Requests a second: of the steady state where there is one, else of the whole."""
    steady = summary.get("steady_state")
    rates = (steady or summary)["throughput"]
    found = rates.get("requests_per_s")
    return None if found is None else float(found)


def shown_latencies(summary: dict[str, Any], metrics: Sequence[str]) -> dict[str, float | None]:
    """Percentiles by name, like `p99 ttft`, in ms."""
    found: dict[str, float | None] = {}
    for metric in dict.fromkeys(metrics):
        of_metric = summary["latency_ms"].get(metric)
        if of_metric is not None:
            found |= {f"{share} {metric}": of_metric[share] for share in SHOWN}
    return found


class _Looking:
    """The watcher of a probe's run: sums up its snapshots for the rule that may end it."""

    def __init__(self, objective: Objective, warm_s: float, halting: Halting) -> None:
        self._warm_s, self._halting = warm_s, halting
        self._criteria = [c for c in objective.criteria if c.metric in IN_SNAPSHOTS or c.metric == "error_rate"]
        self._counts = [[0, 0] for _ in self._criteria]
        self._latest: dict[int, Snapshot] = {}
        self._began_ns = 0
        self.halted: Halt | None = None

    def start(self, info: RunStart) -> None:
        self._began_ns = info.began_ns

    def watch(self, snapshots: Sequence[Snapshot], now_ns: int) -> str | None:
        for snapshot in snapshots:
            if (snapshot.at_ns - self._began_ns) / 1e9 >= self._warm_s:
                self._add(snapshot, self._latest.get(snapshot.worker))
            self._latest[snapshot.worker] = snapshot
        if self.halted is not None or not self._latest:
            return None
        latest = self._latest.values()
        self.halted = self._halting(
            Look(
                at_s=(max(s.at_ns for s in latest) - self._began_ns) / 1e9,
                arrived=sum(s.dispatched for s in latest),
                over=sum(s.finished + s.unsent for s in latest),
                counts=tuple((count, missed) for count, missed in self._counts),
                allowed=tuple(c.allowed for c in self._criteria),
            )
        )
        return None if self.halted is None else self.halted.why

    def _add(self, snapshot: Snapshot, before: Snapshot | None) -> None:
        for criterion, counted in zip(self._criteria, self._counts, strict=True):
            if criterion.metric == "error_rate":
                failed = snapshot.failed - (before.failed if before else 0)
                counted[0] += failed + snapshot.ok - (before.ok if before else 0)
                counted[1] += failed
                continue
            count_, missed = _missed(criterion, getattr(snapshot, f"{criterion.metric}_ns"))
            counted[0] += count_
            counted[1] += missed


def _missed(criterion: Criterion, packed: bytes) -> tuple[int, int]:
    values_ms = np.array(unpack(packed), float) / 1e6
    return values_ms.size, int((~criterion.holds(values_ms)).sum())
