"""Objective: an SLO as shares of requests that may miss it, which is what a search can count.

"p99 ttft < 500ms" says that at most 1 in 100 requests may wait longer; "error_rate < 1%" that at most 1 in 100 may
fail. `Criterion` is one of them, `parse_objective` reads them from the line that `--slo` takes, and `count` counts a
run's records against them, block by block of time. In open loop the response base counts, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perfbench.engine.errors import ScenarioError
from perfbench.metrics.columns import CANCELLED, FAILED, OK, BoolArray, Columns, FloatArray, IntArray
from perfbench.metrics.judgement import BASES, ENDS
from perfbench.metrics.latency import PER_REQUEST, between_ms, itl_ms
from perfbench.metrics.percentile import SHARES
from perfbench.metrics.slo import COMPARISONS, Slo, parse_slo, resolve

FAILURES_ALLOWED = 0.01
"""Of a search whose SLO says nothing of failures: an endpoint that turns requests away is not one that carries them."""
BLOCKS = 12
"""Of time in a probe: each should be longer than misses stay together, and there should be several."""
Blocks = tuple[tuple[int, int], ...]
"""(requests, misses) of each block of time, in order."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition as a share of requests that may miss."""

    text: str
    metric: str
    """A latency of names.NAMES with its base settled, `error_rate`, or `goodput`."""
    allowed: float
    """Share that may miss: 0 < allowed < 1."""
    limit_ms: float | None = None
    comparison: str = "<"

    def holds(self, values_ms: FloatArray) -> BoolArray:
        """Which of the latencies meet the limit: shape (n,)."""
        met: BoolArray = np.asarray(COMPARISONS[self.comparison](values_ms, self.limit_ms), np.bool_)  # type: ignore[arg-type]
        return met


@dataclass(frozen=True, slots=True)
class Objective:
    """All criteria of an SLO, and the loop they are asked in."""

    slo: Slo
    criteria: tuple[Criterion, ...]
    open_loop: bool

    @property
    def longest_limit_s(self) -> float:
        """After so long every request has met or missed its latency limits."""
        return max((c.limit_ms for c in self.criteria if c.limit_ms is not None), default=0.0) / 1e3


def parse_objective(text: str, *, open_loop: bool) -> Objective:
    """Read an SLO for a search. Raises ScenarioError for what no share of requests can say, with what to write."""
    slo = parse_slo(text)
    found = []
    for condition in slo.conditions:
        upper = condition.comparison in ("<", "<=")
        if condition.metric == "error_rate" and upper:
            found.append(Criterion(condition.text, "error_rate", _share(condition.limit, condition.text)))
        elif condition.metric == "goodput" and not upper:
            found.append(Criterion(condition.text, "goodput", _share(1 - condition.limit, condition.text)))
        elif condition.statistic is None:
            raise ScenarioError(
                f"slo {condition.text!r}: a search looks for the largest load, and this says nothing against a large "
                "one; give latency percentiles, error_rate with <, or goodput with >"
            )
        elif (share := SHARES.get(condition.statistic.replace(".", "_"))) is None or not upper:
            raise ScenarioError(
                f"slo {condition.text!r}: a search counts requests that miss a limit, so it takes percentiles with < "
                f"or <=, not {condition.statistic} {condition.comparison}; write p99 {condition.metric} < ..., or p50"
            )
        else:
            metric = resolve(condition.metric, open_loop=open_loop)
            found.append(Criterion(condition.text, metric, 1 - share, condition.limit, condition.comparison))
    if any(c.metric == "goodput" for c in found) and not slo.request_limits(open_loop=open_loop):
        raise ScenarioError("slo: goodput counts requests that met the latency limits; give one, like p99 ttft < 500ms")
    if not any(c.metric in ("error_rate", "goodput") for c in found):
        found.append(Criterion(f"error_rate < {FAILURES_ALLOWED:.0%}", "error_rate", FAILURES_ALLOWED))
    return Objective(slo, tuple(found), open_loop)


def _share(share: float, text: str) -> float:
    if not 0 < share < 1:
        raise ScenarioError(
            f"slo {text!r}: a search needs a share of misses between 0 and 1 to look for, not {share:g}"
        )
    return share


def count(objective: Objective, columns: Columns, from_ns: int, to_ns: int) -> tuple[Blocks, ...]:
    """(requests, misses) of every criterion in BLOCKS blocks of equal time, by the instant a request was due.

    Only requests due in [from_ns, to_ns) count. One that was cut off counts as a miss where it had already waited
    longer than the limit, and not at all where it had not; so did one that never left, as everywhere. A failed
    request has no latency: it is error_rate's business, and goodput's.
    """
    base_ns = columns.intended_ns
    inside = (base_ns >= from_ns) & (base_ns < to_ns)
    width_ns = max((to_ns - from_ns) / BLOCKS, 1.0)
    block = np.clip(((base_ns - from_ns) / width_ns).astype(np.int64), 0, BLOCKS - 1)
    return tuple(_blocks(block, inside, *_judged(objective, criterion, columns)) for criterion in objective.criteria)


def _judged(objective: Objective, criterion: Criterion, columns: Columns) -> tuple[IntArray, IntArray]:
    """How many things each record has that the criterion judges, and how many of them miss: shapes (n,)."""
    failed, ok = np.equal(columns.outcome, FAILED), np.equal(columns.outcome, OK)
    if criterion.metric == "error_rate":
        return (failed | ok).astype(np.int64), failed.astype(np.int64)
    if criterion.metric == "goodput":
        missed = failed.copy()
        known = failed | ok
        for name, limit_ms in objective.slo.request_limits(open_loop=objective.open_loop).items():
            judged, late = _late(Criterion("", name, 0.5, limit_ms, "<="), columns)
            known |= late
            missed |= late & judged
        return known.astype(np.int64), missed.astype(np.int64)
    if criterion.metric == "itl":
        counts = np.where(columns.ok & columns.stream, columns.itl_count, 0).astype(np.int64)
        owner = np.repeat(np.arange(columns.size), counts)
        missed_gaps = np.bincount(owner[~criterion.holds(itl_ms(columns).astype(np.float64))], minlength=columns.size)
        return counts, missed_gaps.astype(np.int64)
    judged, late = _late(criterion, columns)
    return judged.astype(np.int64), (judged & late).astype(np.int64)


def _late(criterion: Criterion, columns: Columns) -> tuple[BoolArray, BoolArray]:
    """(whether the latency is known well enough to be judged, whether it misses): shapes (n,)."""
    values_ms = PER_REQUEST[criterion.metric](columns)
    known = ~np.isnan(values_ms)
    late = known & ~criterion.holds(values_ms)
    if criterion.metric in BASES:
        since_ns = columns.intended_ns if BASES[criterion.metric] == "response" else columns.written_ns
        reached_ns = columns.finished_ns
        cut_off = np.equal(columns.outcome, CANCELLED)
        if criterion.metric in ENDS:  # it may have had its first token before it was cut off
            first_ns = getattr(columns, ENDS[criterion.metric])
            had_it = cut_off & columns.stream & (first_ns > 0)
            reached_ns = np.where(had_it, first_ns, reached_ns)
            known |= had_it
        waited_ms = between_ms(since_ns, reached_ns, cut_off)
        too_long = cut_off & ~np.isnan(waited_ms) & ~criterion.holds(np.nan_to_num(waited_ms))
        late |= too_long
        known |= too_long
    return known, late


def _blocks(block: IntArray, inside: BoolArray, counts: IntArray, misses: IntArray) -> Blocks:
    of = np.bincount(block[inside], weights=counts[inside], minlength=BLOCKS).astype(int)
    bad = np.bincount(block[inside], weights=misses[inside], minlength=BLOCKS).astype(int)
    return tuple(zip(of.tolist(), bad.tolist(), strict=True))
