"""Statistics: how sure a score is, and whether two of them differ.

Pure functions of numbers, without I/O and without randomness that is not seeded. Every interval is at 95 % and says in
words how it was made, because the right way depends on what was scored: right or wrong, a grade, items that share a
passage. A score speaks for the items that a benchmark's authors could have written, so no interval shrinks because all
the items there are were asked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from perfbench.engine.errors import NoData

Floats: TypeAlias = npt.NDArray[np.float64]
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
RESAMPLES = 10_000
"""Of a bootstrap: the ends of its interval then move by about 1 % of its width from seed to seed."""
_RESAMPLED_AT_ONCE = 1 << 22
"""Draws held in memory at a time, 32 MB of indices."""
# scipy.special, not scipy.stats, and only where it is asked: a run imports this module before its first request, and
# its 0.15 s would be a third of the time until then.


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its standard error and interval. None where the values cannot tell."""

    value: float
    n: int
    se: float | None
    low: float | None
    high: float | None
    method: str


def mean(
    values: Sequence[float] | Floats,
    groups: Sequence[str] | None = None,
    weights: Sequence[float] | Floats | None = None,
) -> Mean:
    """Mean of independent values, or of values in clusters. Raises NoData when there are none, or no weight.

    `groups` has one name a value; values of the same name belong together, "" stands alone. Without clusters the
    interval of zeros and ones is Wilson's score interval, of anything else Student's t. With clusters the variance is
    that of sums of residuals over clusters (Liang and Zeger's sandwich, small-sample factor G/(G-1); for evaluations:
    Miller, "Adding Error Bars to Evals", arXiv 2411.00640) with t for G-1 degrees of freedom. Weights that differ make
    it a ratio of two sums, and its variance the linearised one of that ratio (Cochran, Sampling Techniques, 6.3).
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise NoData("mean of no values")
    binary = bool(np.isin(data, (0.0, 1.0)).all())
    labels = np.arange(data.size) if groups is None else _cluster_numbers(groups)
    heavy = None if weights is None else np.asarray(weights, dtype=np.float64)
    if heavy is not None and not heavy.sum() > 0:
        raise NoData("mean of values without weight")
    if heavy is not None and not (heavy == heavy[0]).all():
        return _clustered_mean(data, labels, binary, weights=heavy)
    if labels.max() + 1 < data.size:
        return _clustered_mean(data, labels, binary)
    middle = float(data.mean())
    se = None if data.size < 2 else float(data.std(ddof=1)) / math.sqrt(data.size)
    if binary:
        return Mean(middle, data.size, se, *wilson(middle, data.size), "wilson")
    if se is None:
        return Mean(middle, 1, None, None, None, "none: one value")
    return Mean(middle, data.size, se, *_t_interval(middle, se, data.size - 1, _unit(data)), "t")


def wilson(share: float, n: float) -> tuple[float, float]:
    """Score interval of a share of n trials (E. B. Wilson, JASA 22, 1927). n may be an effective number of trials."""
    centre = share + Z * Z / (2 * n)
    reach = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    # The ends are 0 and 1 exactly when nothing, or all, was right; rounding must not say otherwise.
    low = 0.0 if share == 0 else max(0.0, (centre - reach) / scale)
    high = 1.0 if share == 1 else min(1.0, (centre + reach) / scale)
    return low, high


def macro(values: Mapping[str, Sequence[float] | Floats], groups: Mapping[str, Sequence[str]] | None = None) -> Mean:
    """Mean of the means of parts, each weighing the same. Raises NoData without parts, or when one is empty.

    The variance is that of a stratified sample: the sum of the parts' own, over the square of their number. A part of
    one unit takes the variance pooled over the others. A group that reaches over several parts (one question in eleven
    languages) is one cluster of weighted residuals. Zeros and ones get Wilson's interval of the number of trials that
    would have that variance; where there is none (all right, or all wrong), of the number that the weights leave
    (L. Kish, Survey Sampling, 1965).
    """
    if not values:
        raise NoData("macro mean of no parts")
    parts = {name: mean(each, groups[name] if groups is not None else None) for name, each in values.items()}
    k = len(parts)
    value = math.fsum(part.value for part in parts.values()) / k
    n = sum(part.n for part in parts.values())
    data = np.concatenate([np.asarray(each, dtype=np.float64) for each in values.values()])
    if max(part.n for part in parts.values()) == 1:  # the means themselves are the sample
        whole = mean([part.value for part in parts.values()])
        return Mean(value, n, whole.se, whole.low, whole.high, f"macro of {k} of one unit each, {whole.method}")
    if groups is not None and _shared(groups):
        se, degrees = _linear_se(values, groups, parts)
        words = f"macro of {k}, clustered ({degrees + 1} clusters)"
    else:
        se, degrees, lone = _stratified_se(parts)
        words = f"macro of {k}" + (f", {lone} of one unit pooled" if lone else "")
    if bool(np.isin(data, (0.0, 1.0)).all()):
        kish = k * k / sum(1 / part.n for part in parts.values())
        effective = value * (1 - value) / se**2 if se > 0 else kish
        return Mean(value, n, se, *wilson(value, effective), f"{words}, wilson with {effective:.4g} effective trials")
    return Mean(value, n, se, *_t_interval(value, se, degrees, _unit(data)), f"{words}, t")


def _stratified_se(parts: Mapping[str, Mean]) -> tuple[float, int, int]:
    """Standard error, degrees of freedom, and how many parts had no variance of their own."""
    known = [part for part in parts.values() if part.se is not None]
    weight = sum(part.n - 1 for part in known)
    pooled = sum((part.n - 1) * part.n * (part.se or 0.0) ** 2 for part in known) / weight if weight else 0.0
    variance = sum(pooled / part.n if part.se is None else part.se**2 for part in parts.values())
    return math.sqrt(variance) / len(parts), max(1, weight), len(parts) - len(known)


def _shared(groups: Mapping[str, Sequence[str]]) -> bool:
    """Whether a group reaches over several parts."""
    seen: set[str] = set()
    for names in groups.values():
        here = set(names) - {""}
        if seen & here:
            return True
        seen |= here
    return False


def _linear_se(
    values: Mapping[str, Sequence[float] | Floats], groups: Mapping[str, Sequence[str]], parts: Mapping[str, Mean]
) -> tuple[float, int]:
    """Standard error of the macro mean from weighted residuals summed over clusters; degrees of freedom."""
    residuals = np.concatenate(
        [(np.asarray(each, dtype=np.float64) - parts[name].value) / (len(each) * len(parts))
         for name, each in values.items()]
    )  # fmt: skip
    labels = _cluster_numbers([group for name in values for group in groups[name]])
    count = int(labels.max()) + 1
    if count < 2:
        return 0.0, 1
    sums = np.bincount(labels, weights=residuals)
    return math.sqrt(count / (count - 1) * float(np.square(sums).sum())), count - 1


def function_of_means(
    columns: Mapping[str, Floats],
    weights: Mapping[str, Floats],
    of: Callable[[Mapping[str, float]], Mapping[str, float]],
    groups: Sequence[str] | None = None,
    *,
    seed: int = 0,
    resamples: int = 2000,
) -> dict[str, Mean]:
    """Figures that are functions of several means over the same units, with percentile intervals of a bootstrap.

    Every column has shape (units,), NaN where a unit has no such score. Whole clusters are drawn where units share a
    group. A figure that is not defined in a resample (0 / 0) is left out of it.
    """
    size = next((column.size for column in columns.values()), 0)
    if size == 0:
        raise NoData("figures of no values")
    labels = np.arange(size) if groups is None else _cluster_numbers(groups)
    count = int(labels.max()) + 1
    sums, heavy = {}, {}
    for name, column in columns.items():
        there = ~np.isnan(column)
        weight = np.where(there, weights.get(name, np.ones(size)), 0.0)
        sums[name] = np.bincount(labels, weights=weight * np.where(there, column, 0.0), minlength=count)
        heavy[name] = np.bincount(labels, weights=weight, minlength=count)
    whole = of({name: float(sums[name].sum() / heavy[name].sum()) for name in columns if heavy[name].sum() > 0})
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in whole}
    for _ in range(resamples if count > 1 else 0):
        times = np.bincount(rng.integers(count, size=count), minlength=count)
        totals = {name: float(times @ heavy[name]) for name in columns}
        means = {name: float(times @ sums[name]) / totals[name] for name in columns if totals[name] > 0}
        for name, value in of(means).items() if len(means) == len(columns) else ():
            if name in drawn:
                drawn[name].append(value)
    found = {}
    for name, value in whole.items():
        if len(drawn[name]) < 2:
            found[name] = Mean(value, size, None, None, None, "none: one unit")
            continue
        low, high = np.quantile(drawn[name], ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
        se = float(np.std(drawn[name], ddof=1))
        found[name] = Mean(value, size, se, float(low), float(high), f"bootstrap of {count} units")
    return found


def pass_at(n: int, correct: int, k: int) -> float | None:
    """Chance that one of k answers, drawn from n of which `correct` are right, is right; None when n < k.

    The unbiased estimator of Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374:
    1 - C(n-c, k) / C(n, k), as a product so that nothing overflows.
    """
    if not 0 <= correct <= n or k < 1:
        raise ValueError(f"pass@{k} of {correct} right answers out of {n}")
    if n < k:
        return None
    if n - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - correct + 1, n + 1))


def pass_hat(n: int, correct: int, k: int) -> float | None:
    """Chance that all of k answers, drawn from n of which `correct` are right, are right: C(c, k) / C(n, k).

    None when n < k. (Yao et al., tau-bench, arXiv 2406.12045, write pass^k.)
    """
    if not 0 <= correct <= n or k < 1:
        raise ValueError(f"pass^{k} of {correct} right answers out of {n}")
    return None if n < k else math.comb(correct, k) / math.comb(n, k)


def g_pass_at(n: int, correct: int, k: int, share: float) -> float | None:
    """Chance that of k answers, drawn from n of which `correct` are right, at least that share is right, and one is.

    None when n < k. (G-Pass@k of Liu et al., "Are Your LLMs Capable of Stable Reasoning?", arXiv 2412.13147; share 0 is
    pass@k, share 1 is pass^k.)
    """
    if not 0 <= correct <= n or k < 1 or not 0 <= share <= 1:
        raise ValueError(f"g-pass@{k} of {correct} right answers out of {n}, share {share}")
    least = max(math.ceil(share * k), 1)
    return None if n < k else _drawn(n, correct, k, least)


def mean_g_pass_at(n: int, correct: int, k: int) -> float | None:
    """mG-Pass@k of the same paper: over the shares from a half to all; None when n < k."""
    if n < k:
        return None
    return 2 * math.fsum(_drawn(n, correct, k, least) for least in range(math.ceil(k / 2) + 1, k + 1)) / k


def _drawn(n: int, correct: int, k: int, least: int) -> float:
    """Chance of `least` right ones or more among k of n."""
    counts = range(least, min(correct, k) + 1)
    return sum(math.comb(correct, some) * math.comb(n - correct, k - some) for some in counts) / math.comb(n, k)


def majority(votes: Sequence[tuple[str | None, float]]) -> float | None:
    """Expected score of the commonest extracted answer; ties are drawn by lot, so each counts its share.

    `votes` are (extracted, score). Answers out of which nothing was read do not vote; None when none votes. One
    extraction can have two scores when a scorer looks at more than it: then their mean stands for it.
    """
    counts = Counter(extracted for extracted, _ in votes if extracted is not None)
    if not counts:
        return None
    most = max(counts.values())
    winners = [word for word, count in counts.items() if count == most]
    scores = [[score for extracted, score in votes if extracted == word] for word in winners]
    return math.fsum(math.fsum(each) / len(each) for each in scores) / len(winners)


def bracket(scored_sum: float, scored: float, planned: float) -> tuple[float, float]:
    """Lowest and highest mean possible over all `planned` values from 0 to 1, of which `scored` have that sum.

    Counts may be weights.
    """
    if not planned > 0 or not 0 <= scored <= planned:
        raise ValueError(f"bracket of {scored} scored out of {planned} planned")
    return scored_sum / planned, (scored_sum + planned - scored) / planned


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs on the same items, second minus first."""

    n: int
    difference: float
    se: float | None
    low: float | None
    high: float | None
    p_value: float
    method: str
    gained: int
    """Items that the second has higher."""
    lost: int

    @property
    def real(self) -> bool:
        """Whether chance alone would show such a difference less than once in twenty times."""
        return self.p_value < 1 - CONFIDENCE


def paired(
    first: Sequence[float], second: Sequence[float], groups: Sequence[str] | None = None, *, seed: int = 0
) -> Paired:
    """Whether two runs differ, item by item. Raises NoData without items, ValueError when the lengths differ.

    Zeros and ones that stand alone: McNemar's test, exact. Otherwise a paired bootstrap, over clusters where items
    share a group (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 16: the differences, centred, are
    resampled). The interval of the difference is that of its mean.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{a.size} items against {b.size}: pairs need both")
    if a.size == 0:
        raise NoData("no item that both runs scored")
    delta = b - a
    gained, lost = int((delta > 0).sum()), int((delta < 0).sum())
    labels = np.arange(delta.size) if groups is None else _cluster_numbers(groups)
    clustered = int(labels.max()) + 1 < delta.size
    binary = bool(np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all())
    if binary and not clustered:
        p_value, method = mcnemar(gained, lost), "McNemar, exact"
    else:
        p_value = bootstrap_p(delta, labels, seed=seed)
        method = f"paired bootstrap of {int(labels.max()) + 1} {'clusters' if clustered else 'items'}"
    about = _difference_mean(delta, labels, clustered)
    return Paired(delta.size, about.value, about.se, about.low, about.high, p_value, method, gained, lost)


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p-value: under no difference each flip is as likely to go either way (Q. McNemar, 1947)."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5)))


def bootstrap_p(delta: Floats, labels: npt.NDArray[np.int64], *, seed: int, resamples: int = RESAMPLES) -> float:
    """Two-sided p-value of the mean of `delta` being 0, by resampling clusters of centred differences.

    The observed sample counts as one of the resamples, so it is never 0.
    """
    sizes = np.bincount(labels).astype(np.float64)
    sums = np.bincount(labels, weights=delta)
    observed = abs(float(delta.mean()))
    if observed == 0 or sizes.size < 2:
        return 1.0
    centred = sums - float(delta.mean()) * sizes
    rng, extreme = np.random.default_rng(seed), 0
    at_once = max(1, _RESAMPLED_AT_ONCE // sizes.size)
    for begun in range(0, resamples, at_once):
        drawn = rng.integers(sizes.size, size=(min(at_once, resamples - begun), sizes.size))
        means = centred[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        extreme += int((np.abs(means) >= observed - 1e-12).sum())
    return (extreme + 1) / (resamples + 1)


def _difference_mean(delta: Floats, labels: npt.NDArray[np.int64], clustered: bool) -> Mean:
    """Mean of differences from -1 to 1: never a share, so never Wilson's."""
    middle = float(delta.mean())
    if clustered:
        return _clustered_mean(delta, labels, binary=False, bounds=None)
    if delta.size < 2:
        return Mean(middle, 1, None, None, None, "none: one value")
    se = float(delta.std(ddof=1)) / math.sqrt(delta.size)
    return Mean(middle, delta.size, se, *_t_interval(middle, se, delta.size - 1, None), "t")


def _clustered_mean(
    data: Floats,
    labels: npt.NDArray[np.int64],
    binary: bool,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    weights: Floats | None = None,
) -> Mean:
    count = int(labels.max()) + 1
    heavy = np.ones(data.size) if weights is None else weights
    middle = float((heavy * data).sum() / heavy.sum())
    if count < 2:
        return Mean(middle, data.size, None, None, None, "none: one cluster")
    residuals = np.bincount(labels, weights=heavy * (data - middle))
    se = math.sqrt(count / (count - 1) * float(np.square(residuals).sum())) / float(heavy.sum())
    if binary and middle in (0.0, 1.0):
        # No spread is seen, which is not to say that there is none: as if each cluster were one trial.
        return Mean(middle, data.size, se, *wilson(middle, count), f"wilson of {count} clusters")
    limits = bounds if bounds is not None and _unit(data) else None
    words = f"clustered ({count} clusters), t" if count < data.size else "t"
    words += "" if weights is None else ", weighted"
    return Mean(middle, data.size, se, *_t_interval(middle, se, count - 1, limits), words)


def _t_interval(middle: float, se: float, degrees: int, bounds: tuple[float, float] | None) -> tuple[float, float]:
    from scipy.special import stdtrit

    reach = float(stdtrit(degrees, 0.5 + CONFIDENCE / 2)) * se
    low, high = middle - reach, middle + reach
    return (low, high) if bounds is None else (max(bounds[0], low), min(bounds[1], high))


def _unit(data: Floats) -> tuple[float, float] | None:
    """The scale 0 to 1 when the values keep to it: an interval has no business outside."""
    return (0.0, 1.0) if float(data.min()) >= 0 and float(data.max()) <= 1 else None


def _cluster_numbers(groups: Sequence[str]) -> npt.NDArray[np.int64]:
    """Numbers from 0 for names; each "" is a cluster of its own."""
    numbers: dict[str, int] = {}
    return np.fromiter(
        (numbers.setdefault(name or f"\0{place}", len(numbers)) for place, name in enumerate(groups)),
        dtype=np.int64,
        count=len(groups),
    )
