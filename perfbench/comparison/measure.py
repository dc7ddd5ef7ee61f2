"""Measure: the figures that are compared, and what each run says about them.

A figure is a ratio of sums over blocks of the run: values over their number, requests at or below a mark over requests,
amounts over seconds. So one test fits all, and knows about dependence by the length of the blocks. To compare another
figure, add it to `figures_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from perfbench.comparison.source import Source
from perfbench.metrics.columns import FAILED, UNSENT, AnyArray, BoolArray, Columns
from perfbench.metrics.goodput import meeting
from perfbench.metrics.latency import PER_REQUEST, arrival_order, itl_ms, itl_owners, latency_spread
from perfbench.metrics.names import RESPONSE_OF
from perfbench.metrics.percentile import SHARES
from perfbench.metrics.slo import Slo
from perfbench.metrics.throughput import rate_intervals, throughput, window_ns
from perfbench.statistics.dependence import BLOCK_COUNTS, Dependence, Floats, block_sums
from perfbench.statistics.means import Interval, rate_slices, share_interval

LATENCIES = ("ttft", "tpot", "itl", "e2e")
MOST_PARTS, FEWEST_PARTS = BLOCK_COUNTS[0][0], BLOCK_COUNTS[-1][0]
STATISTICS = ("mean", "p50", "p90", "p99")
Better = Literal["lower", "higher"]
Blocks = tuple[Floats, Floats]
"""Sums and sizes, shape (blocks,) each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one run."""

    name: str
    """As an SLO would write it: "p99 ttft", "requests_per_s"."""
    unit: Literal["ms", "/s", "share"]
    better: Better
    base: Literal["service", "response"] | None
    value: float | None
    interval: Interval | None
    count: int
    """Requests behind it."""
    method: str
    parts: int
    """Into how many blocks the run can be cut that are independent of each other; 0 where there are none."""
    blocks: Callable[[float | None, int], Blocks]
    """Sums and sizes in that many blocks, at most `parts`; of a percentile, for the mark that it is given."""
    mark: AnyArray | None = None
    """A percentile's values, out of which a common mark is taken."""
    share: float | None = None


def figures_of(run: Source, slo: Slo | None) -> dict[str, Figure]:
    """Figures of a run by name; those that it has no data for are left out."""
    records = run.records
    found: dict[str, Figure] = {}
    for name in LATENCIES:
        found |= _latency(records, name, is_open=bool(run.open_loop))
    if records.sent.any():
        found |= _rates(records)
    ended = np.equal(records.outcome, FAILED) | records.ok
    found |= _share("error_rate", "lower", records, np.equal(records.outcome, FAILED), ended)
    if slo is not None:
        is_open = bool(run.open_loop)
        good = meeting(records, slo.request_limits(open_loop=is_open), slo.fluid, open_loop=is_open)
        if good is not None:
            due = records.sent | np.equal(records.outcome, UNSENT)
            found |= _share("goodput", "higher", records, good, due)
    return found


def _latency(records: Columns, plain: str, *, is_open: bool) -> dict[str, Figure]:
    name = RESPONSE_OF.get(plain, plain) if is_open else plain
    spread = latency_spread(records, name)
    if spread is None:
        return {}
    order = arrival_order(records)
    sizes: Floats | None = None
    starts: npt.NDArray[np.int64] | None = None
    place: npt.NDArray[np.int64] | None = None
    if name == "itl":
        values: AnyArray = itl_ms(records)
        owners = itl_owners(records)
        starts = np.concatenate(([0], np.cumsum(owners, dtype=np.int64)[:-1]))
        owns = records.ok & records.stream & (records.itl_count > 0)
        place = (np.cumsum(owns) - 1)[order[owns[order]]]
        sizes = owners[place].astype(np.float64)
    else:
        values = PER_REQUEST[name](records)[order]
        values = values[~np.isnan(values)]

    def per_unit(of_values: AnyArray) -> Floats:
        if starts is None or place is None:
            return of_values.astype(np.float64)
        summed: Floats = np.add.reduceat(of_values, starts, dtype=np.float64)[place]
        return summed

    units = values.size if sizes is None else sizes.size
    heavy = np.ones(units) if sizes is None else sizes

    def blocks(mark: float | None, parts: int) -> Blocks:
        return in_blocks(per_unit(values if mark is None else values <= mark), heavy, parts)

    base: Literal["service", "response"] | None = None
    if plain in RESPONSE_OF:
        base = "response" if is_open else "service"
    found = {}
    for statistic in STATISTICS:
        share = SHARES.get(statistic)
        value = spread.mean if share is None else spread.percentiles.get(statistic)
        if value is not None and not np.isfinite(value):
            value = None
        found[f"{statistic} {plain}"] = Figure(
            f"{statistic} {plain}", "ms", "lower", base, value, spread.intervals.get(statistic), units,
            spread.dependence.method(), independent_parts(units, spread.dependence), blocks,
            None if share is None else values, share,
        )  # fmt: skip
    return found


def independent_parts(units: int, found: Dependence) -> int:
    """Any twenty parts of a run whose units are independent, at least two in each; else the fewest there can be: what
    little neighbouring blocks still have in common widens an interval by a hair, but makes every tenth test wrong."""
    if found.independent:
        return min(MOST_PARTS, units // 2)
    return min(found.blocks, FEWEST_PARTS)


def in_blocks(sums: Floats, sizes: Floats, parts: int) -> Blocks:
    """Sums and sizes over that many consecutive blocks of units."""
    length = sums.size // parts
    return block_sums(sums, length)[:parts], block_sums(sizes, length)[:parts]


def _rates(records: Columns) -> dict[str, Figure]:
    from_ns, to_ns = window_ns(records)
    values = throughput(records, from_ns, to_ns)
    intervals = rate_intervals(records, from_ns, to_ns)
    ok = records.ok
    amounts: Mapping[str, Floats] = {
        "requests_per_s": np.ones(int(ok.sum())),
        "output_tokens_per_s": np.maximum(records.output_tokens[ok], 0).astype(np.float64),
    }
    found = {}
    for name, amount in amounts.items():
        slices = rate_slices(records.finished_ns[ok], amount, from_ns, to_ns)
        ends, value = intervals[f"{name}_ci"], values[name]
        if value is None:
            continue
        parts = 0 if slices is None else slices.size
        found[name] = Figure(
            name, "/s", "higher", None, value, None if ends is None else (ends[0], ends[1]), int(ok.sum()),
            f"{parts} slices of time", parts, _slices(slices, (to_ns - from_ns) / 1e9),
        )  # fmt: skip
    return found


def _slices(slices: Floats | None, length_s: float) -> Callable[[float | None, int], Blocks]:
    def blocks(_mark: float | None, parts: int) -> Blocks:
        assert slices is not None, "a figure without parts has no blocks"
        return slices.reshape(parts, -1).sum(axis=1), np.full(parts, length_s / parts)

    return blocks


def _share(name: str, better: Better, records: Columns, hits: BoolArray, among: BoolArray) -> dict[str, Figure]:
    order = arrival_order(records)
    trials = hits[order][among[order]]
    if trials.size == 0:
        return {}
    known = share_interval(trials)
    interval, dependence = known if known is not None else (None, Dependence(0.0, None, 0))
    ones = np.ones(trials.size)
    return {
        name: Figure(
            name, "share", better, None, float(trials.mean()), interval, trials.size, dependence.method(),
            independent_parts(trials.size, dependence),
            lambda _, parts: in_blocks(trials.astype(np.float64), ones, parts),
        )
    }  # fmt: skip
