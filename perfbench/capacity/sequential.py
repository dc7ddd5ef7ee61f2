"""Sequential tests: is the share of misses above or below what is allowed, asked as often as one likes.

A probe is looked at several times a second, and a test that may be asked once is wrong sooner or later when it is
asked a thousand times. Evidence here is a likelihood ratio of a mixture against the allowed share itself; under a
share on the other side of it the chance that the evidence *ever* exceeds 1 / risk is at most risk (Ville's
inequality; H. Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Stat. 41, 1970).

Requests that queue behind each other miss together. Their counts are divided by the dispersion (variance of block
counts over what independence would give), as quasi-likelihood does: McCullagh and Nelder, Generalized Linear Models,
section 4.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from scipy.special import betainc, betaln

Outcome = Literal["met", "missed", "inconclusive"]
RISK = 0.05
"""Of calling a probe met or missed wrongly."""
PRIOR = 0.5
"""Jeffreys' prior for a share, on either side of the allowed one: Beta(1/2, 1/2)."""
DISPERSION_WEIGHT = 6.0
"""Blocks that the dispersion assumed at first counts for."""


def evidence(count: float, misses: float, allowed: float) -> tuple[float, float]:
    """Natural logarithms of the evidence that the share of misses is (below, above) the allowed one.

    `count` and `misses` may be fractional (divided by a dispersion); 0 <= misses <= count, 0 < allowed < 1.
    """
    hits = count - misses
    at_allowed = misses * math.log(allowed) + hits * math.log1p(-allowed)
    a, b = misses + PRIOR, hits + PRIOR
    whole = float(betaln(a, b) - betaln(PRIOR, PRIOR)) - at_allowed
    below = float(betainc(a, b, allowed) / betainc(PRIOR, PRIOR, allowed))
    above = float(betainc(b, a, 1 - allowed) / betainc(PRIOR, PRIOR, 1 - allowed))
    too_many = misses > count * allowed
    # On the far side no share explains the counts better than the allowed one itself; and a Beta tail may underflow.
    lower, upper = whole + _log(below), whole + _log(above)
    return min(lower, 0.0) if too_many else lower, upper if too_many else min(upper, 0.0)


def _log(share: float) -> float:
    return math.log(share) if share > 1e-300 else -690.0


def decide(count: float, misses: float, allowed: float, risk: float = RISK) -> Outcome:
    """What the counts say at that risk, however often they were looked at before."""
    below, above = evidence(count, misses, allowed)
    if below > -math.log(risk):
        return "met"
    if above > -math.log(risk):
        return "missed"
    return "inconclusive"


def dispersion(probes: Iterable[Sequence[tuple[int, int]]], assumed: float) -> float:
    """How much more than independent requests the misses vary from block to block: at least 1.

    Each probe is its blocks of (count, misses), in order of time. Pearson's chi-squared over its degrees of freedom,
    pooled over the probes, with the assumed value counting for DISPERSION_WEIGHT blocks. Probes with fewer than two
    misses, or fewer than two hits, say nothing of it.
    """
    total, freedom = assumed * DISPERSION_WEIGHT, DISPERSION_WEIGHT
    for blocks in probes:
        counted = [(count, misses) for count, misses in blocks if count]
        whole, missed = sum(count for count, _ in counted), sum(misses for _, misses in counted)
        if len(counted) < 2 or missed < 2 or whole - missed < 2:
            continue
        share = missed / whole
        total += sum((misses - count * share) ** 2 / (count * share * (1 - share)) for count, misses in counted)
        freedom += len(counted) - 1
    return max(1.0, total / freedom)
