"""Fall: does accuracy fall as load rises, and from where on? Tested item by item: every load asks the same ones.

An item that is hard is hard at every load, so items are strata: under no fall, the outcomes of one item may as well
have come at any of its loads. That is what is resampled, so the p-value holds without a model of how hard items are.

- The loads are split in two at every place (each a stratified Cochran-Armitage test, which for two loads is McNemar's;
  also the score test of conditional logistic regression), and a trend over all of them is tested too (linear in their
  rank). The largest standardised figure of these looks is compared with what it would be under no fall, so that having
  looked several times is paid for (P. Westfall, S. Young, Resampling-based multiple testing, 1993).
- One-sided: a server that gets better under load is not accused.
- Where it begins: the split that tells the loads apart best, with a bootstrap over items for how sure that is.
- Beside it every load against the lowest, by McNemar's exact test or a paired bootstrap, corrected by Holm.

Pure functions; chance is seeded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from evalcore.statistics import Floats, Z, paired
from perfbench.review import ItemReview
from perfbench.statistics.multiplicity import holm

LEVEL = 0.05
RESAMPLES = 20_000
BOOTSTRAPS = 2_000
MOST_ARRANGEMENTS = 1_000
"""Of the right answers of an item over its loads: up to so many, items are drawn by the count of each arrangement."""
MOST_DRAWN = 1 << 22
"""Values permuted at a time."""
SURE = 0.95
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Paired:
    """Outcomes of the same units at several loads."""

    loads: tuple[float, ...]
    """Ascending."""
    values: Floats
    """Shape (units, loads); NaN where a unit was not scored at a load."""
    kind: str
    """Of a unit: an item, or a group of items that share a passage."""


def pairs(points: Mapping[float, Sequence[ItemReview]]) -> Paired:
    """The first answer to each item at each load. Units are items, or groups where items have one.

    An item that was scored at a single load says nothing. Of a group those items count that were scored at all loads,
    so that its figure means the same everywhere.
    """
    loads = tuple(sorted(points))
    items: dict[str, list[float]] = {}
    groups: dict[str, str] = {}
    for place, load in enumerate(loads):
        seen: set[str] = set()
        for review in sorted(points[load], key=lambda one: one.index):
            if review.item in seen:
                continue
            seen.add(review.item)
            groups.setdefault(review.item, review.group)
            if review.value is not None:
                items.setdefault(review.item, [math.nan] * len(loads))[place] = review.value
    if not any(groups.values()):
        rows = [row for row in items.values() if sum(not math.isnan(value) for value in row) > 1]
        return Paired(loads, np.array(rows, np.float64).reshape(-1, len(loads)), "items")
    sums: dict[str, Floats] = {}
    for name, row in items.items():
        if not any(map(math.isnan, row)):
            unit = groups[name] or f"\0{name}"
            sums[unit] = sums.get(unit, np.zeros(len(loads))) + np.array(row)
    return Paired(loads, np.array(list(sums.values()), np.float64).reshape(-1, len(loads)), "groups of items")


def fall(points: Mapping[float, Sequence[ItemReview]], *, seed: int = 0) -> dict[str, Any]:
    """What the reviews of several loads say together: the `quality` of sweep.json.

    {verdict, falls, p_value, p_least, level, method, units, unit, changing, begins, trend, loads, excluded_beyond}.
    `falls` is None where there is too little to tell. `p_least`: no smaller p-value can come out. `changing`: units
    whose outcome is not the same at all loads. `begins`: {after, at, between: loads within which it lies at 95 %},
    where it falls. `loads`: each against the lowest, on the units that both scored. `excluded_beyond`: where none was
    found, a fall that deep would have shown (95 %, at each load by itself).
    """
    table = pairs(points)
    told = [_against_lowest(points, load, table.loads[0], seed) for load in table.loads[1:]]
    adjusted = holm(np.array([one["p_value"] for one in told if one is not None], np.float64)).tolist()
    for one in told:
        if one is not None:
            one["p_adjusted"] = adjusted.pop(0)
    found = assess(table, seed=seed)
    base: dict[str, Any] = {
        "level": LEVEL, "units": int(table.values.shape[0]), "unit": table.kind,
        "loads": [{"load": load, **one} for load, one in zip(table.loads[1:], told, strict=True) if one is not None],
    }  # fmt: skip
    if found is None or not np.nansum(table.values) > 0:
        why = "one load has nothing to be compared with"
        if len(table.loads) > 1:
            why = "no item was scored at two loads" if found is None else "not one answer was right at any load"
        return {"verdict": f"cannot be told: {why}", "falls": None, "p_value": None, "begins": None, **base}
    falls = found.p_value < LEVEL
    lows = [one["low"] for one in told if one is not None and one["low"] is not None]
    return {
        "verdict": "accuracy falls as load rises" if falls else "no fall found",
        "falls": falls,
        "p_value": found.p_value,
        "p_least": 1 / (RESAMPLES + 1),
        "method": f"largest of {found.looks} paired looks, against {RESAMPLES} rearrangements within {table.kind}",
        "changing": found.changing,
        "trend": {"z": found.trend_z, "p_value": _upper_tail(found.trend_z), "method": "stratified Cochran-Armitage"},
        "begins": _begins(table, found) if falls else None,
        "excluded_beyond": None if falls or not lows else max(0.0, -min(lows)),
        **base,
    }


@dataclass(frozen=True, slots=True)
class Found:
    p_value: float
    """One-sided, of all looks together."""
    looks: int
    changing: int
    trend_z: float
    """Of the linear trend by itself; positive: it falls."""
    split: int
    """The loads before it, and those from it on, differ the most."""
    splits_likely: tuple[int, ...]
    """The fewest splits that are the best one in 95 % of bootstrap resamples."""


def assess(table: Paired, *, seed: int = 0, resamples: int = RESAMPLES) -> Found | None:
    """The test of the module's head; None without a unit at two loads."""
    units, loads = table.values.shape
    if units == 0 or loads < 2:
        return None
    there = ~np.isnan(table.values)
    counts = there.sum(axis=1, keepdims=True)
    values = np.where(there, table.values, 0.0)
    residuals = np.where(there, values - values.sum(axis=1, keepdims=True) / counts, 0.0)
    changing = np.abs(residuals).max(axis=1) > 1e-12
    residuals, there, counts, values = residuals[changing], there[changing], counts[changing], values[changing]
    contrasts = np.array([[1.0] * split + [0.0] * (loads - split) for split in range(1, loads)])
    contrasts = np.vstack([contrasts, -np.arange(loads, dtype=np.float64)]) if loads > 2 else contrasts
    if not changing.any():
        return Found(1.0, len(contrasts), 0, 0.0, 1, tuple(range(1, loads)))
    spread = _deviations(residuals, there, counts, contrasts)
    usable = spread > 1e-12
    scaled = np.where(usable[:, None], contrasts / np.where(usable, spread, 1.0)[:, None], 0.0)
    looks: Floats = scaled @ residuals.sum(axis=0)
    rng = np.random.default_rng(seed)
    largest = float(looks.max())
    sums = _rearranged(values, residuals, there, rng, resamples)
    extreme = int(((sums @ scaled.T).max(axis=1) >= largest - 1e-9).sum())
    weights = rng.poisson(1.0, (BOOTSTRAPS, int(changing.sum()))).astype(np.float64)
    bests = (weights @ residuals @ scaled[: loads - 1].T).argmax(axis=1)
    often = np.bincount(bests, minlength=loads - 1) / BOOTSTRAPS
    order = np.argsort(-often, kind="stable")
    enough = int(np.searchsorted(np.cumsum(often[order]), SURE - 1e-9)) + 1
    return Found(
        p_value=(extreme + 1) / (resamples + 1), looks=len(contrasts), changing=int(changing.sum()),
        trend_z=float(looks[-1]), split=int(looks[: loads - 1].argmax()) + 1,
        splits_likely=tuple(sorted(int(split) + 1 for split in order[:enough])),
    )  # fmt: skip


def _deviations(residuals: Floats, there: Booleans, counts: npt.NDArray[np.int64], contrasts: Floats) -> Floats:
    """Standard deviation of each contrast of sums when outcomes are rearranged within units: shape (contrasts,)."""
    scatter = np.square(residuals).sum(axis=1) / np.maximum(counts[:, 0] - 1, 1)
    found = np.zeros(len(contrasts))
    for place, contrast in enumerate(contrasts):
        middle = (there * contrast).sum(axis=1) / counts[:, 0]
        off = np.where(there, contrast - middle[:, None], 0.0)
        found[place] = math.sqrt(float(scatter @ np.square(off).sum(axis=1)))
    return found


def _rearranged(values: Floats, residuals: Floats, there: Booleans, rng: np.random.Generator, resamples: int) -> Floats:
    """Sums over units at each load, outcomes rearranged within units: shape (resamples, loads).

    Units that were scored at the same loads are drawn together; of those that are right or wrong, only how many show
    each arrangement, which is the same law and does not grow with their number.
    """
    loads = values.shape[1]
    total = np.zeros((resamples, loads))
    patterns, of = np.unique(there, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        rows, places = of.reshape(-1) == number, np.flatnonzero(pattern)
        own, ones = residuals[np.ix_(rows, places)], values[np.ix_(rows, places)]
        binary = bool(np.isin(ones, (0.0, 1.0)).all())
        rest = np.ones(len(own), np.bool_)
        if binary:
            right = ones.sum(axis=1).astype(int)
            for count in range(1, len(places)):
                alike = right == count
                if not alike.any() or math.comb(len(places), count) > MOST_ARRANGEMENTS:
                    continue
                rest &= ~alike
                shapes = np.zeros((math.comb(len(places), count), len(places)))
                for row, chosen in enumerate(combinations(range(len(places)), count)):
                    shapes[row, chosen] = 1.0
                drawn = rng.multinomial(int(alike.sum()), np.full(len(shapes), 1 / len(shapes)), size=resamples)
                total[:, places] += drawn @ (shapes - count / len(places))
        if rest.any():
            total[:, places] += _permuted(own[rest], rng, resamples)
    return total


def _permuted(rows: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Sums over rows, each permuted by itself: shape (resamples, loads)."""
    sums = np.empty((resamples, rows.shape[1]))
    at_once = max(1, MOST_DRAWN // rows.size)
    for begun in range(0, resamples, at_once):
        some = min(at_once, resamples - begun)
        copies = np.broadcast_to(rows, (some, *rows.shape)).copy()
        sums[begun : begun + some] = rng.permuted(copies, axis=2, out=copies).sum(axis=1)
    return sums


def _begins(table: Paired, found: Found) -> dict[str, Any]:
    loads, likely = table.loads, found.splits_likely
    return {
        "after": loads[found.split - 1],
        "at": loads[found.split],
        "between": [loads[min(likely) - 1], loads[max(likely)]],
    }


def _against_lowest(
    points: Mapping[float, Sequence[ItemReview]], load: float, lowest: float, seed: int
) -> dict[str, Any] | None:
    """A load against the lowest, on the items that both scored; None when there is none."""
    first, second = _first_scores(points[lowest]), _first_scores(points[load])
    common = [name for name in first if name in second]
    if not common:
        return None
    groups = [first[name].group for name in common]
    before, after = ([of[name].value or 0.0 for name in common] for of in (first, second))
    found = paired(before, after, groups if any(groups) else None, seed=seed)
    low, high = found.low, found.high
    if found.method.startswith("McNemar"):
        low, high = difference_interval(found.gained, found.lost, found.n)
    return {
        "items": found.n, "accuracy": sum(after) / found.n, "difference": found.difference, "low": low, "high": high,
        "p_value": found.p_value, "method": found.method, "gained": found.gained, "lost": found.lost,
    }  # fmt: skip


def _first_scores(reviews: Sequence[ItemReview]) -> dict[str, ItemReview]:
    first: dict[str, ItemReview] = {}
    for review in sorted(reviews, key=lambda one: one.index):
        first.setdefault(review.item, review)
    return {name: review for name, review in first.items() if review.value is not None}


def difference_interval(gained: int, lost: int, n: int) -> tuple[float, float]:
    """Interval at 95 % of a difference of two shares on the same n items, by what changed from one to the other.

    The adjusted Wald interval (D. Bonett, R. Price, Journal of Educational and Behavioral Statistics 37, 2012), which
    keeps its promise with few changes, and does not shrink to nothing with none.
    """
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    reach = Z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return max(-1.0, up - down - reach), min(1.0, up - down + reach)


def _upper_tail(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2
