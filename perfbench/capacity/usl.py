"""USL: how throughput grows with concurrency, by the Universal Scalability Law.

    X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1))

gamma is the throughput of one request at a time, alpha what contention costs (waiting for something shared), beta what
coherency costs (keeping each other informed): N. J. Gunther, Guerrilla Capacity Planning, 2007, chapters 4 and 6.
With beta above 0 there is a peak at N* = sqrt((1 - alpha) / beta); without one throughput rises towards gamma / alpha.
The *knee* is where the two asymptotes meet, gamma N and the ceiling (the peak's throughput, or gamma / alpha), so at
N = ceiling / gamma: Kleinrock's optimal number of requests in flight.

Fitted by weighted nonlinear least squares to the logarithm of throughput (a deviation is a share), with bounds at 0;
bands by the parametric bootstrap, widened by Student's t for the few points there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from scipy.optimize import least_squares
from scipy.stats import t as student

from perfbench.engine.errors import NoData
from perfbench.metrics.columns import BoolArray, FloatArray

FEWEST_POINTS = 4
LEAST_DEVIATION = 0.005
"""Of a throughput, as a share of it: below that the machine is not repeatable, whatever one run's interval says."""
ASSUMED_DEVIATION = 0.02
REPEATS = 400
CONFIDENCE = 0.95
NO_CURVE = 0.05
"""Where alpha (N - 1) + beta N (N - 1) at the largest N stays below this, the points lie on a line."""
NONE = 1e-7
"""A beta below that has no peak that anyone could reach."""


class ScalingFit(msgspec.Struct, frozen=True, kw_only=True):
    """A fit. Intervals are at 95 %; one end is None where the data set no limit to it."""

    gamma: float
    alpha: float
    beta: float
    gamma_ci: tuple[float, float]
    alpha_ci: tuple[float, float]
    beta_ci: tuple[float, float]
    knee: float | None
    knee_ci: tuple[float, float | None] | None
    peak: float | None
    """Concurrency of the largest throughput; None: it rises throughout."""
    peak_ci: tuple[float, float | None] | None
    ceiling_per_s: float | None
    """The largest throughput: at the peak, or what it rises to; None: no limit is in sight."""
    ceiling_ci: tuple[float, float | None] | None
    residual: float
    """Root mean square of the logarithm of observed over fitted throughput."""
    points: int
    largest: float
    """Largest concurrency that was measured."""
    warnings: list[str]
    """Where the data do not support what the fit says."""
    band: list[tuple[float, float, float, float]]
    """(concurrency, fitted throughput, lower, upper): the whole curve lies between, up to `largest`, at 95 %."""


def throughput(concurrency: FloatArray, gamma: float, alpha: float, beta: float) -> FloatArray:
    """The law itself, in the unit of gamma. Shape (n,)."""
    found: FloatArray = gamma * concurrency / (1 + alpha * (concurrency - 1) + beta * concurrency * (concurrency - 1))
    return found


def peak_of(alpha: float, beta: float) -> float | None:
    """Concurrency of the largest throughput; None where it rises throughout."""
    return math.sqrt((1 - alpha) / beta) if beta > NONE and alpha < 1 else None


def ceiling_of(gamma: float, alpha: float, beta: float) -> float | None:
    peak = peak_of(alpha, beta)
    if peak is not None:
        return float(throughput(np.array([max(peak, 1.0)]), gamma, alpha, beta)[0])
    return gamma / alpha if alpha > NONE else None


def knee_of(gamma: float, alpha: float, beta: float) -> float | None:
    ceiling = ceiling_of(gamma, alpha, beta)
    return None if ceiling is None else ceiling / gamma


def fit_scaling(
    concurrency: Sequence[float], per_s: Sequence[float], deviation: Sequence[float | None] | None = None, seed: int = 0
) -> ScalingFit:
    """Fit the law to throughputs at several concurrencies. `deviation` is the standard deviation of each throughput, in
    its unit, None where it is not known. Raises NoData below FEWEST_POINTS different concurrencies."""
    n, x = np.asarray(concurrency, float), np.asarray(per_s, float)
    if len(np.unique(n)) < FEWEST_POINTS:
        raise NoData(f"a scaling law needs {FEWEST_POINTS} concurrencies, there are {len(np.unique(n))}")
    shares = _shares(x, deviation)
    best = _least_squares(n, np.log(x), shares)
    fitted = np.log(throughput(n, *best))
    left = (np.log(x) - fitted) / shares
    # Deviations are known roughly at best: where the points scatter more than they allow, the points are believed.
    scale = max(1.0, math.sqrt(float(np.square(left).sum()) / max(len(n) - 3, 1)))
    factor = float(student.ppf(0.5 + CONFIDENCE / 2, max(len(n) - 3, 1))) / 1.96 if scale > 1 else 1.0
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [_least_squares(n, fitted + rng.normal(0, shares * scale * factor), shares, best) for _ in range(REPEATS)]
    )
    grid = np.unique(np.concatenate((np.geomspace(1, 2 * n.max(), 60), n)))
    curves = np.array([throughput(grid, *row) for row in drawn])
    low, high = _band(np.log(curves), np.log(throughput(grid, *best)), grid <= n.max())
    gamma, alpha, beta = best
    return ScalingFit(
        gamma=gamma, alpha=alpha, beta=beta, gamma_ci=_interval(drawn[:, 0]), alpha_ci=_interval(drawn[:, 1]),
        beta_ci=_interval(drawn[:, 2]), knee=knee_of(*best), knee_ci=_derived(drawn, lambda p: knee_of(*p)),
        peak=peak_of(alpha, beta), peak_ci=_derived(drawn, lambda p: peak_of(p[1], p[2])),
        ceiling_per_s=ceiling_of(*best), ceiling_ci=_derived(drawn, lambda p: ceiling_of(*p)),
        residual=float(np.sqrt(np.mean(np.square(np.log(x) - fitted)))), points=len(n), largest=float(n.max()),
        warnings=_warnings(n, x, shares, best, drawn, scale),
        band=[
            (float(a), float(b), float(c), float(d))
            for a, b, c, d in zip(grid, throughput(grid, *best), low, high, strict=True)
        ],
    )  # fmt: skip


def _band(drawn: FloatArray, fitted: FloatArray, measured: BoolArray) -> tuple[FloatArray, FloatArray]:
    """A band that holds the whole curve, as far as it was measured, with that confidence (sup-t): shapes (n,)."""
    deviation = np.maximum(drawn.std(axis=0), 1e-9)
    furthest = (np.abs(drawn - fitted) / deviation)[:, measured].max(axis=1)
    reach = float(np.quantile(furthest, CONFIDENCE)) * deviation
    return np.exp(fitted - reach), np.exp(fitted + reach)


def _shares(x: FloatArray, deviation: Sequence[float | None] | None) -> FloatArray:
    given = [None] * len(x) if deviation is None else deviation
    shares = [
        ASSUMED_DEVIATION if d is None or not math.isfinite(d) else max(d / value, LEAST_DEVIATION)
        for d, value in zip(given, x, strict=True)
    ]
    return np.array(shares)


def _least_squares(
    n: FloatArray, logs: FloatArray, shares: FloatArray, start: tuple[float, float, float] | None = None
) -> tuple[float, float, float]:
    """(gamma, alpha, beta). Gamma is sought as a logarithm, alpha and beta as they are, at 0 or above."""

    def left(p: FloatArray) -> FloatArray:
        denominator = 1 + p[1] * (n - 1) + p[2] * n * (n - 1)
        found: FloatArray = (p[0] + np.log(n) - np.log(denominator) - logs) / shares
        return found

    first = (logs - np.log(n)).max()
    begins = [(first, 0.02, 1e-4), (first, 0.3, 1e-3)] if start is None else [(math.log(start[0]), start[1], start[2])]
    fits = [
        least_squares(left, begin, bounds=([-np.inf, 0, 0], [np.inf, 1, 1]), x_scale=(1.0, 0.01, 1e-4))
        for begin in begins
    ]
    best = min(fits, key=lambda fit: float(fit.cost)).x
    return math.exp(best[0]), float(best[1]), float(best[2])


def _interval(values: FloatArray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _derived(drawn: FloatArray, of: object) -> tuple[float, float | None] | None:
    """Interval of a figure that some draws do not have: they count as infinite."""
    values = np.array([math.inf if (v := of(row)) is None else v for row in drawn])  # type: ignore[operator]
    low, high = (float(np.sort(values)[min(int(q * len(values)), len(values) - 1)]) for q in (0.025, 0.975))
    if math.isinf(low):
        return None
    return low, None if math.isinf(high) else high


def _warnings(
    n: FloatArray, x: FloatArray, shares: FloatArray, best: tuple[float, float, float], drawn: FloatArray, scale: float
) -> list[str]:
    _, alpha, beta = best
    largest = float(n.max())
    found = []
    if alpha * (largest - 1) + beta * largest * (largest - 1) < NO_CURVE:
        found.append(
            f"throughput grew in proportion up to {largest:g}: no limit is in sight, so knee and peak are not known; "
            "measure larger loads"
        )
        return found
    peak, knee = peak_of(alpha, beta), knee_of(*best)
    if peak is not None and peak > largest:
        found.append(f"the peak, at {peak:.3g}, lies beyond {largest:g}, the largest load measured: it is extrapolated")
    elif peak is not None and float(np.mean(drawn[:, 2] <= NONE)) > 0.025:
        found.append("the peak may be chance: throughput without one explains the points as well")
    if knee is not None and knee > largest:
        found.append(f"the knee, at {knee:.3g}, lies beyond {largest:g}, the largest load measured: it is extrapolated")
    per_one = np.log(x / n)
    order = np.argsort(n)
    rise = float(per_one[order][1:].max() - per_one[order][0])
    if rise > 3 * float(shares.max()):
        found.append(
            "throughput grew faster than concurrency at first, which the law cannot say (alpha would be negative): the "
            "first point may have been cold"
        )
    if scale > 3:
        found.append(
            "the points scatter around the law far more than each by itself: it is not their law, or they drifted"
        )
    return found
