"""Arrival audit: was the stream of requests, as it really left, the one that was asked for?

Tested are the instants at which first attempts started, so a limit that holds requests back shows here, as it should:
the server did not see the law. A figure speaks against the law only when it is off by more than chance explains (about
one false alarm in a thousand audits for each figure) *and* by more than matters; without the second test every long run
would fail for its timer's microseconds.

    rate         arrivals per second between the first and the last of them
    cv           coefficient of variation of the gaps: 0 constant, 1 Poisson, 1 / sqrt(burstiness) gamma
    dispersion   variance over mean of the counts in bins of about ten arrivals: 1 Poisson (D. R. Cox, P. A. W. Lewis,
                 The Statistical Analysis of Series of Events, 1966, section 7.2); for the others it is only reported
    lag1         correlation of each gap with the next: 0 when gaps are independent
    ks_p         Kolmogorov-Smirnov: probability of gaps at least as far from the law at the rate asked for

A rate that changes is tested in operational time: each instant is replaced by the integral of the rate up to it, and
what follows the law along the rate asked for then follows the law at a rate of 1 (E. N. Brown, R. Barbieri, V. Ventura,
R. E. Kass, L. M. Frank, The Time-Rescaling Theorem, Neural Computation 14, 2002). Rates are then means over the run.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from perfbench.engine.pacing import Curve
from perfbench.metrics.columns import FloatArray, IntArray

FEWEST = 50
"""Arrivals below which nothing can be said: the CV alone is then off by 0.14 by chance."""
RISK, Z = 0.001, 3.3
"""How rare a figure must be to speak against the law, and the standard deviations that chance exceeds so rarely."""
RATE_TOLERANCE, LAG_TOLERANCE, DISPERSION_TOLERANCE = 0.01, 0.05, 0.15
VARIATION_TOLERANCE = 0.05
"""What matters. A queue's delay goes with 1 + cv^2 of its arrivals (J. F. C. Kingman, The Single Server Queue in Heavy
Traffic, 1961), and that may be off by 5 %: a CV of 0.95 to 1.05 for Poisson, of up to 0.22 for constant arrivals."""
KS_TOLERANCE, TIMER_S = 0.03, 0.0002
"""Distance between two distribution functions that does not matter; on top of it, the share of gaps that a timer's
0.2 ms can push past any point."""
ARRIVALS_PER_BIN = 10


@dataclass(frozen=True, slots=True)
class Audit:
    law: str
    """The law asked for, in words."""
    count: int
    rate_asked_per_s: float
    rate_per_s: float | None = None
    cv: float | None = None
    cv_asked: float | None = None
    dispersion: float | None = None
    lag1: float | None = None
    ks_p: float | None = None
    """Timers alone make it tiny in a long run; `ks_distance` says whether that matters."""
    ks_distance: float | None = None
    as_asked: bool | None = None
    """None: too few arrivals to say, or a law that this audit does not know."""
    verdict: str = ""

    def as_json(self) -> dict[str, Any]:
        """Six significant digits: a tiny probability is not 0."""
        return {name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Along:
    """A rate that changes: arrivals a second over time."""

    curve: Curve
    told: str
    """The same in words."""
    zero_ns: int
    """The instant at which the curve begins."""


def audit_arrivals(
    started_ns: IntArray, law: str, rate_per_s: float, burstiness: float = 1.0, along: Along | None = None
) -> Audit:
    """Test instants of shape (n,), any order, against `constant`, `poisson` or `gamma` arrivals at that rate.

    `burstiness` is the shape of the gamma law, as for `pacing.Gamma`. With `along` the rate changes, and `rate_per_s`
    is not looked at. An unknown law gets figures and no judgement.
    """
    instants_ns = np.sort(started_ns)
    if along is None:
        return _audit(instants_ns, law, f"at {rate_per_s:g}/s", rate_per_s, burstiness)
    rescaled = np.array([along.curve.area((at_ns - along.zero_ns) / 1e9) for at_ns in instants_ns.tolist()])
    lasted_s = float(instants_ns[-1] - instants_ns[0]) / 1e9 if instants_ns.size else 0.0
    mean_per_s = float(rescaled[-1] - rescaled[0]) / lasted_s if lasted_s else 0.0
    operational_ns = np.round(rescaled * 1e9).astype(np.int64)
    timer, unit = along.curve.highest * TIMER_S, " of what was asked"
    found = _audit(operational_ns, law, f"along {along.told}", 1.0, burstiness, timer, unit)
    rate = None if found.rate_per_s is None else found.rate_per_s * mean_per_s
    return replace(found, rate_asked_per_s=mean_per_s, rate_per_s=rate)


def _audit(
    instants_ns: IntArray,
    law: str,
    told: str,
    rate_per_s: float,
    burstiness: float,
    timer_s: float = TIMER_S,
    rate_unit: str = "/s",
) -> Audit:
    law = law.lower()
    name = f"{law} {told}" + (f", burstiness {burstiness:g}" if law == "gamma" else "")
    count = int(instants_ns.size)
    if count < FEWEST or instants_ns[0] == instants_ns[-1]:
        why = f"{count} arrivals are too few to test; {FEWEST} are needed"
        if count >= FEWEST:
            why = f"all {count} arrivals left at one instant, so there is no rate to test"
        return Audit(law=name, count=count, rate_asked_per_s=rate_per_s, verdict=why)
    gaps_s = np.diff(instants_ns) / 1e9  # in this order: constant gaps stay exactly constant
    instants_s = (instants_ns - instants_ns[0]) / 1e9
    rate, cv = float(gaps_s.size / instants_s[-1]), float(gaps_s.std() / gaps_s.mean())
    dispersion, bins = _dispersion(instants_s, rate)
    lag1 = _lag1(gaps_s)
    shape = {"constant": math.inf, "poisson": 1.0, "gamma": burstiness}.get(law)
    if shape is None:
        unknown = f"arrivals {law!r} follow no law that can be tested; figures only"
        return Audit(
            law=name, count=count, rate_asked_per_s=rate_per_s, rate_per_s=rate, cv=cv, dispersion=dispersion,
            lag1=lag1, verdict=unknown,
        )  # fmt: skip
    cv_asked = 0.0 if math.isinf(shape) else 1 / math.sqrt(shape)
    against: list[str] = []
    if abs(rate / rate_per_s - 1) > RATE_TOLERANCE and not _rate_by_chance(gaps_s, rate_per_s, shape):
        against.append(f"the rate was {rate:.4g}{rate_unit}")
    if abs(cv**2 - cv_asked**2) > VARIATION_TOLERANCE * (1 + cv_asked**2) and not _cv_by_chance(cv, shape, gaps_s.size):
        against.append(f"gaps vary with a CV of {cv:.2f}, not {cv_asked:.2f}")
    if law != "constant" and abs(lag1) > max(LAG_TOLERANCE, Z / math.sqrt(gaps_s.size)):
        against.append(f"neighbouring gaps correlate by {lag1:+.2f}, not 0")
    if law == "poisson" and abs(dispersion - 1) > DISPERSION_TOLERANCE and not _dispersion_by_chance(dispersion, bins):
        against.append(f"counts are dispersed by {dispersion:.2f}, not 1")
    ks_p = ks_distance = None
    if law != "constant":  # constant gaps have no density to test against
        scale_s = 1 / (rate_per_s * shape)
        ks = stats.kstest(gaps_s, "gamma", args=(shape, 0, scale_s))
        ks_p, ks_distance = float(ks.pvalue), float(ks.statistic)
        if ks_p < RISK and ks_distance > KS_TOLERANCE + _timer_share(shape, scale_s, timer_s):
            against.append(f"gaps do not follow the law (Kolmogorov-Smirnov distance {ks_distance:.3f}, p {ks_p:.1g})")
    verdict = f"sent as asked: {name}" if not against else f"not {name}: " + "; ".join(against)
    return Audit(
        law=name, count=count, rate_asked_per_s=rate_per_s, rate_per_s=rate, cv=cv, cv_asked=cv_asked,
        dispersion=dispersion, lag1=lag1, ks_p=ks_p, ks_distance=ks_distance, as_asked=not against, verdict=verdict,
    )  # fmt: skip


def _rate_by_chance(gaps_s: FloatArray, rate_per_s: float, shape: float) -> bool:
    """Whether gamma gaps at that rate last so long, or so short, in all: their sum is gamma too."""
    if math.isinf(shape):
        return False
    return _within(stats.gamma(gaps_s.size * shape, scale=1 / (rate_per_s * shape)), float(gaps_s.sum()))


def _cv_by_chance(cv: float, shape: float, gaps: int) -> bool:
    """Whether gamma gaps have that sample CV: its logarithm is nearly normal, where it is itself skewed.

    The standard deviation is by the delta method; 1 / sqrt(n) for Poisson.
    """
    if math.isinf(shape) or cv == 0:
        return False
    return abs(math.log(cv * math.sqrt(shape))) <= Z * math.sqrt((0.5 + 0.5 / shape) / gaps)


def _dispersion_by_chance(dispersion: float, bins: int) -> bool:
    """Whether Poisson counts in so many bins are dispersed like that: by (bins - 1) D as chi-squared."""
    return _within(stats.chi2(bins - 1), dispersion * (bins - 1))


def _within(law: Any, value: float) -> bool:
    """Not among the RISK most extreme values of the law, half of them on each side."""
    return bool(law.ppf(RISK / 2) <= value <= law.isf(RISK / 2))


def _timer_share(shape: float, scale_s: float, timer_s: float) -> float:
    """The most gaps of the law that lie within `timer_s` of each other."""
    at_s = np.concatenate(([0.0], stats.gamma.ppf(np.linspace(0.01, 0.99, 99), shape, scale=scale_s)))
    law = stats.gamma(shape, scale=scale_s)
    return float((law.cdf(at_s + timer_s) - law.cdf(at_s)).max())


def _dispersion(instants_s: FloatArray, rate_per_s: float) -> tuple[float, int]:
    """Variance over mean of the counts, and the number of whole bins (FEWEST gives four); what is over is left out."""
    width_s = ARRIVALS_PER_BIN / rate_per_s
    bins = int(instants_s[-1] / width_s)
    found = np.histogram(instants_s, bins=bins, range=(0, bins * width_s))[0]
    return float(found.var(ddof=1) / found.mean()), bins


def _lag1(gaps_s: FloatArray) -> float:
    """Correlation of neighbours; 0 when all gaps are equal, which hold no information to pass on."""
    if np.ptp(gaps_s) == 0:
        return 0.0
    centred = gaps_s - gaps_s.mean()
    return float((centred[1:] * centred[:-1]).sum() / np.square(centred).sum())
