"""Sweeps, searches, plans and comparisons made up for tests, as the values that write the files: a key that one of them
loses is missed here at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import orjson

from perfbench.capacity.folder import PLAN, SLO, SWEEP
from perfbench.capacity.plan import ModelFacts, Option, Plan
from perfbench.capacity.probe import Probe
from perfbench.capacity.slo import Found, FoundModel, JudgedProbe, SearchRecord, Wishes
from perfbench.capacity.sweep import Amount, Point, Sweep
from perfbench.capacity.usl import ScalingFit, fit_scaling
from perfbench.report.summary import write_summary
from tests.report.runs import make_run

SLO_TEXT = "p95 ttft < 200ms and error_rate < 1%"
STARTED = "2026-03-02T14:05:09+01:00"


def plain(value: Any) -> dict[str, Any]:
    """As it would be read from its file."""
    found: dict[str, Any] = orjson.loads(msgspec.json.encode(value))
    return found


def spread(middle: float) -> dict[str, Any]:
    figures = {"mean": middle, "min": middle / 2, "p50": middle, "p90": middle * 1.5, "p95": middle * 1.7,
               "p99": middle * 2, "p99_9": None, "max": middle * 3}  # fmt: skip
    ends = {f"{name}_ci": None if value is None else [0.9 * value, 1.1 * value] for name, value in figures.items()}
    return {"count": 500, **figures, **ends, "infinite": []}


@cache
def law(loads: tuple[float, ...], rates: tuple[float, ...]) -> ScalingFit:
    return fit_scaling(loads, rates)


def sweep(
    *, over: str = "parallel", words: str = "", loads: tuple[float, ...] = (1, 2, 4, 8, 16, 32), **more: Any
) -> Sweep:
    """Throughput bends as loads grow; the largest misses its SLO, the one before is not sure of it."""
    points = []
    for at, load in enumerate(loads):
        rate = 10 * load / (1 + 0.02 * (load - 1) + 0.001 * load * (load - 1))
        middle = 50 + load * 4
        latency_ms = {name: spread(middle) for name in ("ttft", "tpot", "e2e")}
        latency_ms |= {f"response_{name}": spread(middle) for name in ("ttft", "e2e")} if over == "rate" else {}
        left = len(loads) - 1 - at
        points.append(
            Point(
                load=load, seed=at, state="done", folder=f"points/{over}_{load:g}", requests=500, error_rate=0.004,
                requests_per_s=rate, requests_per_s_ci=(0.97 * rate, 1.03 * rate), output_tokens_per_s=10 * rate,
                latency_ms=latency_ms, in_flight=load, verdict="ok",
                slo="missed" if left == 0 else "inconclusive" if left == 1 else "met", exit_code=0,
            )
        )  # fmt: skip
    scaling = None
    if over == "parallel" and len(loads) >= 4:
        scaling = law(loads, tuple(p.requests_per_s for p in points))
    return Sweep(
        started_at=STARTED, over=over, amount=Amount(per_load=20.0), order="ascending", slo=SLO_TEXT, points=points,
        run_order=list(range(len(loads))), scaling=scaling, ended="done", elapsed_s=60.0,
        scenario={"model": words or "some-model", "url": ["http://127.0.0.1:9/v1"], "name": words or "made-up"}, **more,
    )  # fmt: skip


def search(*, words: str = "", answered: bool = True, probes: int = 4) -> SearchRecord:
    loads = (10.0, 40.0, 160.0, 80.0)[:probes]
    outcomes = ("met", "inconclusive", "missed", "inconclusive")
    judged = []
    for at, load in enumerate(loads):
        late = 4 if load > 100 else 0
        blocks = tuple((20, late * (block % 3)) for block in range(12))
        probe = Probe(
            load=load, seconds=8.0, counts=(blocks, tuple((20, 0) for _ in range(12))), throughput_per_s=load,
            halted=words or "the backlog grew" if load > 100 else None, unstable=load > 100,
            latency_ms={"p50 response_ttft": load, "p99 response_ttft": None}, folder=f"probes/{at:03}_rate_{load:g}",
        )  # fmt: skip
        judged.append(JudgedProbe(probe=probe, outcome=outcomes[at]))
    wishes = Wishes(
        search="rate", slo=SLO_TEXT, longest_s=300, probe_s=20, precision=0.04, first=1, least=0.01, most=1e5, seed=1,
        step=4.0,
    )  # fmt: skip
    criteria = [
        {"text": "p95 ttft < 200ms", "metric": "response_ttft", "allowed": 0.05, "limit_ms": 200.0, "comparison": "<"},
        {"text": "error_rate < 1%", "metric": "error_rate", "allowed": 0.01, "limit_ms": None, "comparison": "<"},
    ]
    answer = Found(outcome="met", load=81.3, interval=(79.5, 83.0), why=words or "known to the precision asked for")
    return SearchRecord(
        started_at=STARTED, wishes=wishes, criteria=criteria, probes=judged, answer=answer if answered else None,
        model=FoundModel(slots=20, slowdown=0.01, mean_service_s=0.24, capacity_per_s=83.3) if answered else None,
        elapsed_s=100.0, ended="known" if answered else None,
        scenario={"model": words or "some-model", "url": ["http://127.0.0.1:9/v1"]},
    )  # fmt: skip


def plan(*, words: str = "", outcome: str = "met", price: float | None = 2.5) -> Plan:
    options = [
        Option(
            replicas=count, rate_each_per_s=480 / count, busy=4.6 / count, outcome="met" if count > 4 else "missed",
            chance=1.0 if count > 4 else 0.0, missed={"p95 ttft < 200ms": 0.0 if count > 4 else 0.4},
            latency_ms={"p50 response_ttft": 400 / count, "p99 response_ttft": 900 / count},
            outcome_less_one="met" if count > 5 else "missed", missed_less_one={"p95 ttft < 200ms": 0.2},
            good_tokens_per_s=4000.0, cost_per_hour=None if price is None else price * count,
            cost_per_million_good_tokens=None if price is None else price * count / 14.4,
        )
        for count in (4, 5, 6)
    ]  # fmt: skip
    none = outcome == "missed"
    return Plan(
        target="400 req/s", slo="p95 ttft < 200ms", headroom=0.2, balancer="least_in_flight", outcome=outcome,
        replicas=None if none else 5, interval=(5, None if none else 5), why=words or "93 % of their capacity",
        options=[] if none else options, price_per_hour=price, warnings=[words] if words else [],
        source=words or "a sweep",
        model=ModelFacts(slots=22, slowdown=0.005, mean_service_s=0.16, capacity_per_s=125.0, most_in_flight=64, runs=6,
                         misfit=0.2),
    )  # fmt: skip


def side(value: float | None) -> dict[str, Any]:
    low, high = (None, None) if value is None else (0.9 * value, 1.1 * value)
    return {"value": value, "low": low, "high": high, "count": 900, "method": "order statistics"}


def difference(
    metric: str, verdict: str, relative: float | None, *, unit: str = "ms", p: float | None = 0.01
) -> dict[str, Any]:
    first = 100.0 if unit != "share" else 0.02
    ends = (None, None) if relative is None or p is None else (relative - 0.02, relative + 0.02)
    return {
        "metric": metric, "unit": unit, "better": "lower", "base": "response", "first": side(first),
        "second": side(None if relative is None else first * (1 + relative)),
        "difference": None if relative is None else first * relative,
        "low": None if ends[0] is None else ends[0] * first, "high": None if ends[1] is None else ends[1] * first,
        "relative": relative, "relative_low": ends[0], "relative_high": ends[1], "p_value": p, "p_holm": p, "p_bh": p,
        "verdict": verdict, "why": "chance could have made this difference" if verdict == "undecided" else None,
        "more": 2000 if verdict == "undecided" else None, "for_margin": None,
    }  # fmt: skip


def comparison(*differences: dict[str, Any], words: str = "") -> dict[str, Any]:
    """As `Comparison.as_json` gives it."""
    about = {"tool": "perfbench", "requests": 900, "runs": 1, "lacking": [], "warnings": []}
    return {
        "schema": 1, "margin": 0.05, "level": 0.05, "first": {"name": words or "a", **about},
        "second": {"name": words or "b", **about}, "refused": [words] if words else [], "notes": ["one run each"],
        "differences": list(differences) or [
            difference("p99 ttft", "worse", 0.2), difference("p50 ttft", "better", -0.1),
            difference("p50 e2e", "same", 0.01), difference("p90 e2e", "undecided", 0.06, p=0.3),
            difference("error_rate", "undecided", 0.1, unit="share"), difference("p99 tpot", "undecided", None, p=None),
        ],
    }  # fmt: skip


def folder_of(path: Path, kind: str, *, words: str = "") -> Path:
    """A folder of that kind, with the runs that it names."""
    path.mkdir(parents=True, exist_ok=True)
    if kind == "run":
        write_summary(make_run(path, 400, slo=SLO_TEXT, words=words))
    elif kind == "sweep":
        made = sweep(words=words)
        (path / SWEEP).write_bytes(msgspec.json.encode(made))
        for point in made.points[-2:]:
            write_summary(make_run(path / str(point.folder), 120, slo=SLO_TEXT, words=words))
    elif kind == "slo":
        made_search = search(words=words)
        (path / SLO).write_bytes(msgspec.json.encode(made_search))
        write_summary(
            make_run(path / str(made_search.probes[0].probe.folder), 60, rate=10.0, slo=SLO_TEXT, words=words)
        )
    else:
        (path / PLAN).write_bytes(msgspec.json.encode(plan(words=words)))
    return path
