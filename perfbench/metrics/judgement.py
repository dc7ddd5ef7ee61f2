"""Judgement: whether a run held its SLO, condition by condition, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from perfbench.metrics.columns import CANCELLED, FAILED, NEVER, AnyArray, Columns, FloatArray
from perfbench.metrics.errors import error_rate_interval
from perfbench.metrics.fluidity import tokens_in_time
from perfbench.metrics.latency import PER_REQUEST, arrival_order, between_ms, latency_spread, latency_values
from perfbench.metrics.percentile import SHARES, Spread, minimum_count, nearest_rank, spread
from perfbench.metrics.slo import Condition, Slo, resolve
from perfbench.statistics.dependence import dependence
from perfbench.statistics.early_stopping import judge_tail
from perfbench.statistics.means import mean_interval

Outcome = Literal["met", "missed", "inconclusive"]
BASES = {
    "ttft": "service", "ttfat": "service", "e2e": "service", "response_ttft": "response", "response_e2e": "response",
}  # fmt: skip
ENDS = {"ttft": "first_output_ns", "ttfat": "first_answer_ns", "response_ttft": "first_output_ns"}
"""Columns where these end; the others of BASES end with the request. ITL, TPOT, send lag and connect are spans
between two instants of their own and stand on neither base."""
PACES = {"e2e_per_token": "service", "response_e2e_per_token": "response"}
"""Bases of paces, which no wait of a request that was cut off can be held against."""
FEWEST_FOR_MEAN = 30
"""Values from which a mean is taken to be normally distributed; a rule of thumb for moderately skewed laws."""


def judge(slo: Slo, columns: Columns, *, open_loop: bool, figures: Mapping[str, float | None]) -> dict[str, Any]:
    """`slo` of the summary: {expression, met, observed: [one per condition]}.

    `figures` holds the values of FIGURES, None where there is none. A condition is judged by the observed value;
    it is inconclusive when there is none (too few requests for the percentile, or nothing of the kind happened).
    `certain` says whether the verdict would survive chance: the interval at 95 % lies wholly on one side of the
    limit, and so would the value if every request that we cut off had gone on for ever. False where requests hang
    together too much for an interval, null where none is known (minimum, maximum, rates). `tail` holds, for a
    percentile, the exact binomial test of MLPerf at 99 % (`perfbench.statistics.early_stopping`), with the further
    requests that would decide it. Requests that had waited longer than the limit when we cut them off count with
    that wait, and `at_least` says that the observed value may rest on it. An infinite value has `observed` null and
    `infinite` true, and misses every `<`. `met` is false when any condition is missed, else null when any is
    inconclusive, else true.
    """
    spreads: dict[str, Spread | None] = {}
    observed: list[dict[str, Any]] = []
    for condition in slo.conditions:
        if condition.deadlines is not None:
            observed.append(_judge_fluidity(condition, columns, open_loop=open_loop))
            continue
        if condition.statistic is None:
            observed.append(_judge_figure(condition, columns, figures.get(condition.metric)))
            continue
        name = resolve(condition.metric, open_loop=open_loop)
        if name not in spreads:
            spreads[name] = latency_spread(columns, name)
        observed.append(_judge_latency(condition, condition.statistic, name, columns, spreads[name]))
    outcomes = {result["outcome"] for result in observed}
    met = False if "missed" in outcomes else None if "inconclusive" in outcomes else True
    return {"expression": slo.text, "met": met, "observed": observed}


def _waited_ms(columns: Columns, name: str) -> FloatArray:
    """How long requests that we cut off had waited by then for what they lacked: shape (n,), NaN for all others.

    A cut-off request has no pace and no gaps to prolong; what it lacks is its first token or its end.
    """
    if name not in BASES:
        return np.full(columns.size, np.nan)
    since_ns = columns.intended_ns if BASES[name] == "response" else columns.written_ns
    lacking = np.equal(columns.outcome, CANCELLED)
    if name in ENDS:
        lacking &= columns.stream & np.equal(getattr(columns, ENDS[name]), NEVER)
    waited_ms = between_ms(since_ns, columns.finished_ns, lacking)
    waited_ms[lacking & np.isnan(waited_ms)] = 0.0  # not even written
    return waited_ms


def _judge_latency(
    condition: Condition, statistic: str, name: str, columns: Columns, found: Spread | None
) -> dict[str, Any]:
    waited_ms = _waited_ms(columns, name)
    late = waited_ms > condition.limit if condition.comparison in ("<", "<=") else np.zeros(columns.size, np.bool_)
    why, cut_off = None, int((~np.isnan(waited_ms)).sum() - late.sum())
    values, _ = latency_values(columns, name)
    if late.any():
        values = np.where(late, waited_ms, PER_REQUEST[name](columns))[arrival_order(columns)]
        values = values[~np.isnan(values)]
        found = spread(values)
        why = f"{int(late.sum())} were cut off after the limit and count with their wait until then"
    if found is None:
        return _result(condition, name, None, 0, None, f"no request has a {name}")
    certain: bool | None = None
    percentile = statistic.replace(".", "_")
    if percentile in SHARES:
        share = SHARES[percentile]
        observed = found.percentiles.get(percentile)
        if observed is None:
            return _result(condition, name, None, found.count, None, f"{minimum_count(share)} values are needed")
        certain = _survives(condition, observed, found.intervals.get(percentile))
        tail = _tail(condition, values, share, found.effective[percentile])
        if certain and cut_off:
            rank = nearest_rank(found.count + cut_off, share)
            longer = math.inf if rank > found.count else float(np.partition(values, rank - 1)[rank - 1])
            certain = condition.holds(longer) == condition.holds(observed)
        return _result(condition, name, observed, found.count, certain, why, late=bool(late.any()), tail=tail)
    value = {"min": found.min, "mean": found.mean, "max": found.max}[statistic]
    if statistic == "mean" and found.count >= FEWEST_FOR_MEAN and math.isfinite(value):
        certain = _survives(condition, value, found.intervals.get("mean"))
    return _result(condition, name, value, found.count, certain, why, late=bool(late.any()))


def _tail(condition: Condition, values: AnyArray, share: float, effective: float) -> dict[str, Any] | None:
    """The exact test of a limit from above, of as many independent requests as these are worth."""
    if condition.comparison not in ("<", "<=") or effective < 1:
        return None
    over = int((values >= condition.limit).sum() if condition.comparison == "<" else (values > condition.limit).sum())
    worth = min(1.0, effective / values.size)
    found = judge_tail(math.floor(values.size * worth), math.ceil(over * worth), share)
    more = None if found.more is None else math.ceil(found.more / worth)
    return {"outcome": found.outcome, "confidence": 0.99, "over_limit": over, "of": values.size, "more": more}


def _judge_figure(condition: Condition, columns: Columns, value: float | None) -> dict[str, Any]:
    count = int(columns.sent.sum())
    certain: bool | None = None
    if condition.metric == "error_rate":
        failed = int((columns.outcome == FAILED).sum())
        count = failed + int(columns.ok.sum())
        if value is not None and count:
            certain = _survives(condition, value, error_rate_interval(columns))
    why = f"there is no {condition.metric}" if value is None else None
    return _result(condition, condition.metric, value, count, certain, why)


def _judge_fluidity(condition: Condition, columns: Columns, *, open_loop: bool) -> dict[str, Any]:
    """By the share of all tokens (chunks, where they hold several) that were in time; requests are the draws."""
    assert condition.deadlines is not None
    met, total = tokens_in_time(columns, condition.deadlines, open_loop=open_loop)
    order = arrival_order(columns)
    order = order[total[order] > 0]
    base = "response" if open_loop else "service"
    if not order.size:
        why = "no streamed reply whose gaps between chunks were kept"
        return _result(condition, condition.metric, None, 0, None, why) | {"base": base}
    in_time, of = met[order].astype(np.float64), total[order].astype(np.float64)
    share = float(in_time.sum() / of.sum())
    interval = mean_interval(in_time, of, dependence(in_time / of)) if order.size >= FEWEST_FOR_MEAN else None
    return _result(condition, condition.metric, share, int(order.size), _survives(condition, share, interval)) | {
        "base": base
    }


def _survives(condition: Condition, value: float, interval: Sequence[float] | None) -> bool:
    """Whether both ends of the interval give the verdict that the value gives. Without one nothing is certain."""
    return interval is not None and all(condition.holds(end) == condition.holds(value) for end in interval)


def _result(
    condition: Condition,
    name: str,
    value: float | None,
    count: int,
    certain: bool | None,
    why: str | None = None,
    *,
    late: bool = False,
    tail: dict[str, Any] | None = None,
) -> dict[str, Any]:
    outcome: Outcome = "inconclusive" if value is None else "met" if condition.holds(value) else "missed"
    return {
        "condition": condition.text,
        "metric": name,
        "base": BASES.get(name) or PACES.get(name),
        "statistic": condition.statistic,
        "limit_ms": None if condition.statistic is None else condition.limit,
        "limit": condition.limit,
        "observed": value if value is not None and math.isfinite(value) else None,
        "infinite": value is not None and math.isinf(value),
        "at_least": late and value is not None and not condition.holds(value),
        "outcome": outcome,
        "certain": certain,
        "tail": tail,
        "count": count,
        "why": why,
    }
