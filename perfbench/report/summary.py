"""Summary: everything a run says, as one dict: the contract of summary.json (DESIGN.md section 6, `schema` 1).

Computed from the run folder and the scenario alone, so that any summary can be computed again. What never happened is
null and never 0. JSON has no infinity: a latency that is infinite is null and named in `infinite` beside it (see
`percentile.Spread.as_json`). The definitions are in perfbench.metrics; here they are only put in their places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from perfbench.engine.errors import ScenarioError
from perfbench.findings.base import Clocks, Evidence
from perfbench.findings.table import findings
from perfbench.metrics import client, errors, groups, latency
from perfbench.metrics.arrivals import Along, Audit, audit_arrivals
from perfbench.metrics.backlog import backlog
from perfbench.metrics.columns import TOKEN_SOURCES, UNSENT, AnyArray, BoolArray, Columns, columns
from perfbench.metrics.concurrency import Steps, in_flight, littles_law_residual
from perfbench.metrics.goodput import meeting
from perfbench.metrics.judgement import judge
from perfbench.metrics.latency import between_ms, latency_values
from perfbench.metrics.percentile import spread
from perfbench.metrics.replayed import audit_replay
from perfbench.metrics.slo import Slo, parse_slo
from perfbench.metrics.steady import METHOD, SteadyWindow, steady_window
from perfbench.metrics.throughput import last_dispatch_ns, rate_intervals, throughput, window_ns
from perfbench.metrics.until import parse_until, reached
from perfbench.report.asked import curve_of, held_ns, warmup_of
from perfbench.report.quality import quality_notes, quality_section
from perfbench.report.recount import recounted
from perfbench.report.said import Said
from perfbench.report.server import server_notes, server_section
from perfbench.report.text import harmless, open_loop, replays
from perfbench.runfolder import SCENARIO, SUMMARY, RunFolder, RunInfo, write_whole
from perfbench.settings import units, yamlfile
from perfbench.statistics.means import share_interval

SCHEMA = 1
HELD_MS = 1.0
"""Between handed over and let go: where there is a limit and it took longer than that, the limit held the request."""
LIMITS = ("parallel", "rps", "tpm")


def load(folder: RunFolder, warnings: list[str] | None = None, said: Said | None = None) -> Columns:
    """The records of a run folder as columns; lines that are not whole are left out and named in `warnings`."""
    batches = folder.records(warnings)
    return columns(batches if said is None else said.watch(batches))


def write_summary(folder: RunFolder) -> dict[str, Any]:
    """Compute summary.json from what is in the folder, write it all or nothing, and return it.

    A folder without scenario.yaml (records from elsewhere) is summarised as a closed loop without an SLO. Raises
    ScenarioError for a scenario that cannot be read, SinkFailed when the file cannot be written.
    """
    scenario = read_scenario(folder)
    summary = summarise(folder, scenario)
    write_whole(folder.file(SUMMARY), orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return summary


def read_scenario(folder: RunFolder) -> dict[str, Any]:
    """The mapping in scenario.yaml; empty when there is no such file."""
    file: Path = folder.file(SCENARIO)
    return yamlfile.read(file, {}).values if file.is_file() else {}


def summarise(folder: RunFolder, scenario: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of the folder's records. Plain JSON values throughout.

    Of the scenario only the load, the limits and slo are read; all of it is repeated in the result. Requests of a
    warm-up are in no figure but the arrival audit's and the number in flight. An empty or headless folder gives a
    summary too, with nulls.
    """
    warnings: list[str] = []
    said = Said()
    whole = load(folder, warnings, said)
    everything = whole.where(~whole.warmup)
    info = folder.info()
    is_open = open_loop(scenario)
    slo = parse_slo(str(scenario["slo"])) if scenario.get("slo") is not None else None
    span = window_ns(everything) if everything.sent.any() else None
    flight = in_flight(whole)
    zero_ns = info.began_ns if info is not None else span[0] if span else 0
    steady = _steady_window(whole, everything, flight, scenario, zero_ns) if span else None
    rates = throughput(everything, *span) if span else throughput(everything, 0, 0)
    good = None if slo is None else _goodput(everything, slo, is_open, span)
    right = quality_section(folder, _met(whole, slo, is_open), (span[1] - span[0]) / 1e9 if span else None, warnings)
    figures = {
        "error_rate": errors.error_rate(everything),
        "goodput": None if good is None else good["share"],
        "requests_per_s": rates["requests_per_s"],
        "output_tokens_per_s": rates["output_tokens_per_s"],
    }
    arrivals = _arrivals(whole, scenario, zero_ns) if is_open else None
    queued = _backlog(whole, steady, zero_ns) if is_open and steady else None
    server = server_section(folder.server_samples(warnings), whole, span, zero_ns)
    found_ms = latencies(everything, open_loop=is_open)
    until = parse_until(str(scenario["until"])) if scenario.get("until") is not None else None
    settled = None if until is None else reached(until, found_ms, open_loop=is_open)
    summary = {
        "schema": SCHEMA,
        "requests": {
            "planned": None if info is None else info.planned,
            **(
                {}
                if info is None or not info.workload.get("sessions")
                else {"planned_arrivals": scenario.get("number")}
            ),
            **errors.counts(everything),
            "error_rate": figures["error_rate"],
            "error_rate_ci": errors.error_rate_interval(everything),
            "errors": errors.by_kind(everything),
            "error_details": said.commonest(),
        },
        "window_s": None if span is None else (span[1] - span[0]) / 1e9,
        "throughput": {**rates, **rate_intervals(everything, *(span or (0, 0)))},
        "latency_ms": found_ms,
        "until": settled,
        "tokens": _tokens(everything),
        "client": _client(folder, everything, is_open, span, warnings),
        "slo": None if slo is None else judge(slo, everything, open_loop=is_open, figures=figures),
        "goodput": good,
        "steady_state": None if steady is None else _steady(whole, flight, steady, is_open, zero_ns),
        "warmup": _warmup(whole, scenario, zero_ns),
        "arrivals": arrivals,
        "backlog": queued,
        "server": server,
        "concurrency": {
            "mean": None if span is None else flight.mean(*span),
            "max": None if span is None else flight.maximum(),
        },
        "scenario": dict(scenario),
        "workload": None if info is None or not info.workload else info.workload,
        "by_tag": {tag: _group(group, is_open, span) for tag, group in groups.by_tag(everything).items()} or None,
        "by_turn": {turn: _group(group, is_open, span) for turn, group in groups.by_turn(everything).items()} or None,
        "sessions": _sessions(everything, span),
        "quality": right,
        "environment": _environment(info),
        "run": {
            "ended": None if info is None else info.ended,
            "dispatched": None if info is None else info.dispatched,
            "zero_ns": zero_ns,
        },
        "notes": [
            *([] if info is None else info.notes),
            *_notes(everything, info, arrivals, queued),
            *_unsettled(settled),
            *server_notes(server),
            *quality_notes(right, scenario),
            *warnings,
        ],
    }
    evidence = Evidence(
        records=everything, summary=summary, scenario=scenario, workload={} if info is None else info.workload,
        open_loop=is_open, clocks=_clocks(info), recounted=recounted(said.counted, scenario.get("tokenizer")),
    )  # fmt: skip
    summary["findings"] = [finding.as_json() for finding in findings(evidence)]
    plain: dict[str, Any] = _plain(summary)
    return plain


def latencies(records: Columns, *, open_loop: bool) -> dict[str, Any]:
    """Every latency by name; null for one that no request has, and for the response base in a closed loop."""
    found: dict[str, Any] = {}
    for name in latency.NAMES:
        if name.startswith("response_") and not open_loop:
            found[name] = None
            continue
        of_name = latency.latency_spread(records, name)
        # All of them infinite because nothing was ever sent is a finding; TTFT without a stream is not one.
        found[name] = None if of_name is None else of_name.as_json()
    return found


def _group(records: Columns, is_open: bool, span: tuple[int, int] | None) -> dict[str, Any]:
    """Part of a run, with figures by the same names."""
    return {
        "requests": {
            **errors.counts(records), "error_rate": errors.error_rate(records), "errors": errors.by_kind(records)
        },
        "throughput": throughput(records, *(span or (0, 0))),
        "latency_ms": latencies(records, open_loop=is_open),
        "tokens": _tokens(records),
    }  # fmt: skip


def _sessions(records: Columns, span: tuple[int, int] | None) -> dict[str, Any] | None:
    found = groups.sessions(records)
    if found is None:
        return None
    duration_s = spread(found.duration_s)
    length_s = (span[1] - span[0]) / 1e9 if span else 0.0
    return {
        "count": found.count,
        "completed": found.completed,
        "failed": found.failed,
        "cut_short": found.cut_short,
        "turns": found.turns,
        "turns_per_s": found.turns / length_s if length_s > 0 else None,
        "completed_per_s": found.completed / length_s if length_s > 0 else None,
        "duration_s": None if duration_s is None else duration_s.as_json(),
    }


def _tokens(records: Columns) -> dict[str, Any]:
    """Sums over successful requests; null where not one of them was told. `unknown`: successes without a count."""
    ok = records.ok
    sources = np.unique(records.token_source[ok & (records.token_source >= 0)])
    return {
        "input": _sum(records.input_tokens[ok]),
        "output": _sum(records.output_tokens[ok]),
        "reasoning": _sum(records.reasoning_tokens[ok]),
        "cached": _sum(records.cached_tokens[ok]),
        "source": " + ".join(TOKEN_SOURCES[code] for code in sources) or None,
        "unknown": int((records.output_tokens[ok] < 0).sum()),
    }


def _sum(counts: AnyArray) -> int | None:
    known = counts[counts >= 0]
    return int(known.sum(dtype=np.int64)) if known.size else None


def _goodput(records: Columns, slo: Slo, is_open: bool, span: tuple[int, int] | None) -> dict[str, Any]:
    """Good requests per second of the window, and as a share of all that were due: sent or not."""
    limits = slo.request_limits(open_loop=is_open)
    mask = _met(records, slo, is_open)
    counted = _due(records)
    due = int(counted.sum())
    good = None if mask is None else int(mask.sum())
    length_s = (span[1] - span[0]) / 1e9 if span else 0.0
    return {
        "per_s": good / length_s if good is not None and length_s > 0 else None,
        "share": good / due if good is not None and due else None,
        "share_ci": None if mask is None else _share_ci(records, mask, counted),
        "good": good,
        "of": due,
        "limits_ms": limits,
    }


def _met(records: Columns, slo: Slo | None, is_open: bool) -> BoolArray | None:
    """Which requests met every limit of the SLO; None where nothing can be judged by it."""
    if slo is None:
        return None
    return meeting(records, slo.request_limits(open_loop=is_open), slo.fluid, open_loop=is_open)


def _due(records: Columns) -> BoolArray:
    """Requests that were to be answered: sent or not. Who hangs up on purpose has missed nothing."""
    due: BoolArray = (records.sent | np.equal(records.outcome, UNSENT)) & ~records.is_error("hung_up")
    return due


def _share_ci(records: Columns, good: BoolArray, due: BoolArray) -> list[float] | None:
    order = latency.arrival_order(records)
    found = share_interval(good[order][due[order]])
    return None if found is None else list(found[0])


def _client(
    folder: RunFolder, records: Columns, is_open: bool, span: tuple[int, int] | None, warnings: list[str]
) -> dict[str, Any]:
    figures = None
    if span is not None:
        last_ns = last_dispatch_ns(records)
        # While it drains a client idles, which would dilute its figures; a single burst has only its drain.
        to_ns = last_ns if (last_ns - span[0]) * 2 > span[1] - span[0] else span[1]
        figures = client.client_figures(folder.client_samples(warnings), span[0], to_ns)
    lateness_ms = latency.dispatch_lateness_ms(records)[np.argsort(records.intended_ns, kind="stable")]
    ttft, _ = latency_values(records, "ttft")
    spoiled = ttft if ttft.size else latency_values(records, "e2e")[0]
    found = client.describe(
        figures, lateness_ms[~np.isnan(lateness_ms)], spoiled, open_loop=is_open, streamed=ttft.size > 0
    )
    if starved := errors.by_kind(records).get("client_limit"):
        reason = f"{starved} requests had no file or port left on this machine; raise its limits (ulimit -n)"
        found |= {"verdict": "saturated", "reasons": [reason, *found["reasons"]]}
    return found


def _steady(records: Columns, flight: Steps, window: SteadyWindow, is_open: bool, zero_ns: int) -> dict[str, Any]:
    started_in_it = records.where(window.holds(records))
    return {
        "from_s": (window.from_ns - zero_ns) / 1e9,
        "to_s": (window.to_ns - zero_ns) / 1e9,
        "plateau": window.plateau,
        "method": METHOD,
        "truncation": _truncation(window, zero_ns),
        "stationary": window.stationary,
        "growth": window.growth,
        "drift": None if window.drift is None else {**asdict(window.drift), "drifting": window.drift.drifting},
        "requests": started_in_it.size,
        "throughput": {
            **throughput(records, window.from_ns, window.to_ns),
            **rate_intervals(records, window.from_ns, window.to_ns),
        },
        "latency_ms": latencies(started_in_it, open_loop=is_open),
        "concurrency": {"mean": flight.mean(window.from_ns, window.to_ns)},
        "littles_law_residual": littles_law_residual(flight, records, window.from_ns, window.to_ns),
    }


def _steady_window(
    whole: Columns, measured: Columns, flight: Steps, scenario: Mapping[str, Any], zero_ns: int
) -> SteadyWindow | None:
    """The steady state after a warm-up, and of a shaped load where it was held still the longest."""
    from_ns = window_ns(measured)[0] if measured.size < whole.size else None
    curve = curve_of(scenario)
    if curve is None:
        return steady_window(measured, flight, (from_ns, None))
    held = held_ns(scenario, curve, zero_ns)
    if held is None:
        return None
    within = (held[0] if from_ns is None else max(held[0], from_ns), held[1])
    return steady_window(measured, flight, within)


def _truncation(window: SteadyWindow, zero_ns: int) -> dict[str, Any]:
    """What MSER-5 made of the beginning: null where the series is too short for it."""
    found = window.truncation
    return {
        "at_s": None if found.at_ns is None else (found.at_ns - zero_ns) / 1e9,
        "dropped": found.dropped,
        "of": found.of,
    }


def _warmup(whole: Columns, scenario: Mapping[str, Any], zero_ns: int) -> dict[str, Any] | None:
    """What was sent before; null where nothing was."""
    before = whole.where(whole.warmup)
    if not before.size:
        return None
    counted = errors.counts(before)
    measured_ns = whole.intended_ns[~whole.warmup]
    return {
        "asked": str(warmup_of(scenario)),
        "requests": before.size,
        "succeeded": counted["succeeded"],
        "failed": counted["failed"],
        "until_s": (int(measured_ns.min()) - zero_ns) / 1e9 if measured_ns.size else None,
    }


def _arrivals(records: Columns, scenario: Mapping[str, Any], zero_ns: int) -> dict[str, Any]:
    if replays(scenario):
        begun = records.sent & records.begins
        audit = audit_replay(records.intended_ns[begun], records.first_started_ns[begun])
    else:
        audit = _audit_of_law(records, scenario, zero_ns)
    limited = any(scenario.get(name) is not None for name in LIMITS)
    waited = between_ms(records.dispatched_ns, records.first_started_ns, records.sent) > HELD_MS
    return {**audit.as_json(), "held_back": int(waited.sum()) if limited else 0}


def _audit_of_law(records: Columns, scenario: Mapping[str, Any], zero_ns: int) -> Audit:
    curve = curve_of(scenario)
    try:
        rate_per_s = 0.0 if curve is not None else units.rate_per_s(scenario["rate"])
    except ValueError as error:
        raise ScenarioError(f"{SCENARIO}: rate: {error}") from None
    burstiness = scenario.get("burstiness")
    return audit_arrivals(
        records.first_started_ns[records.sent & records.begins],
        str(scenario.get("arrival") or "poisson"),
        rate_per_s,
        1.0 if burstiness is None else float(burstiness),
        None if curve is None else Along(curve, harmless(scenario["shape"], 80), zero_ns),
    )


def _backlog(records: Columns, window: SteadyWindow, zero_ns: int) -> dict[str, Any] | None:
    found = backlog(records, window.from_ns, window.to_ns)
    if found is None:
        return None
    return {"from_s": (window.from_ns - zero_ns) / 1e9, "to_s": (window.to_ns - zero_ns) / 1e9, **asdict(found)}


def _clocks(info: RunInfo | None) -> Clocks | None:
    if info is None or info.ended_clock_monotonic_ns is None or info.ended_clock_unix_ns is None:
        return None
    return Clocks(
        (info.clock_monotonic_ns, info.ended_clock_monotonic_ns), (info.clock_unix_ns, info.ended_clock_unix_ns)
    )


def _environment(info: RunInfo | None) -> dict[str, Any]:
    return {} if info is None else {"started_at": info.started_at, "workers": info.workers, **info.environment}


def _unsettled(settled: Mapping[str, Any] | None) -> list[str]:
    """Of a run that was to go on until an interval was narrow, and ended before it was."""
    if settled is None or settled["met"]:
        return []
    reach = settled["reach"]
    known = "no interval can be told yet" if reach is None else f"it is known within {reach:.3g} ms"
    return [f"until {settled['asked']} was not reached: {known}; give the run more requests, or more time"]


def _notes(
    records: Columns, info: RunInfo | None, arrivals: Mapping[str, Any] | None, queued: Mapping[str, Any] | None
) -> list[str]:
    """What a reader of the figures must know, beyond the figures."""
    notes = []
    counted = errors.counts(records)
    if info is not None and info.ended is None:
        notes.append("the run was killed before it ended: requests then in flight left no record")
    cut_off = counted["cancelled"] - counted["hung_up"]
    if counted["hung_up"]:
        notes.append(f"{counted['hung_up']} requests were hung up on, as asked for; they are in no latency")
    if cut_off:
        notes.append(
            f"{cut_off} requests were cut off at the end and are in no latency; "
            "had they ended, the upper percentiles would be higher"
        )
    if counted["unsent"]:
        notes.append(
            f"{counted['unsent']} arrivals were due and never sent; they count as infinitely late on the response base"
        )
    if queued is not None and queued["growing"]:
        notes.append(
            f"the endpoint did not keep up: from {queued['from_s']:.1f} s to {queued['to_s']:.1f} s, "
            f"{queued['arrived_per_s']:.1f} requests a second came and {queued['over_per_s']:.1f} were over, so the "
            f"backlog grew from {queued['at_start']} to {queued['at_end']}, and latencies with it: they say how long "
            "the run was, not how fast the endpoint is"
        )
    if arrivals is not None and arrivals["held_back"]:
        notes.append(
            f"{arrivals['held_back']} of {arrivals['count']} arrivals were held back by a limit before they left; the "
            "wait is in the response latencies, and the server did not see the arrivals that were asked for"
        )
    if records.size and not counted["succeeded"]:
        notes.append("no request succeeded, so there is no latency to report")
    return notes


def _plain(value: Any) -> Any:
    """Plain JSON values: numpy's scalars unpacked, and null for a number that JSON cannot hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
