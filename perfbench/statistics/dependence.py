"""Dependence: how much one request tells about the next, and how many independent ones a run is worth.

Requests that queue behind each other have waits that are alike; an interval that takes them for independent is too
narrow, under load by a multiple. Whether they are is tested, not assumed: by the correlation of each value with the
next in order of arrival, and by how far parts of the run lie from each other. Where they depend, whole blocks of
consecutive requests stand for the independent draws ("batch means": B. Schmeiser, Operations Research 30, 1982, who
found 10 to 30 batches to lose little). Blocks are made longer until neighbouring ones are no longer alike
(G. S. Fishman, Management Science 24, 1978); where even a tenth of the run is like the next tenth, the run is too short
to say how sure it is, and nothing is said.

From the spread between blocks follows the *effective count*: of how many independent values the same figure would be
as sure. Percentiles take the interval of that count (for shares: E. L. Korn, B. I. Graubard, Survey Methodology 24,
1998; carried over to percentiles as in R. S. Woodruff, JASA 47, 1952). A moving-block bootstrap with the block length
of Politis and White was tried beside it: at p99 of AR(1) values and of M/M/1 waits it covered up to 6 points less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri, stdtrit

from perfbench.statistics.ranks import CONFIDENCE

Floats: TypeAlias = npt.NDArray[np.float64]
FEWEST = 20
"""Values from which dependence can be tested at all; fewer are taken to be independent."""
TEST_LEVEL = 0.01
"""Of independent requests one run in a hundred is taken for dependent: its intervals are a little wider, not wrong."""
DRIFT_LEVEL = 0.01
"""The same for what changes slowly: a second in which something else ran shows little between neighbours, and much
between tenths of a run."""
BLOCK_COUNTS = ((20, 0.1), (10, 0.05))
"""How many blocks are tried, and the level at which neighbouring blocks are found to be alike."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """How the values of a run hang together."""

    lag1: float
    """Correlation of each value with the next one."""
    block: int | None
    """Values in a block; 1 when they are independent, None when the run is too short for its dependence."""
    blocks: int
    """How many there are."""

    @property
    def independent(self) -> bool:
        return self.block == 1

    def method(self, unit: str = "request") -> str:
        """How intervals were made, in words."""
        if self.block == 1:
            return f"order statistics; {unit}s are independent (lag-1 correlation {self.lag1:.2f})"
        if self.block is None:
            return f"none: the run is too short next to how long one {unit} is like the next ({self.lag1:.2f})"
        return f"{self.blocks} blocks of {self.block} {unit}s, which hang together (lag-1 correlation {self.lag1:.2f})"


def lag1_correlation(values: Floats) -> float:
    """Correlation of neighbours, shape (n,); 0 when nothing varies."""
    centred = values - values.mean()
    variance = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / variance if variance > 0 else 0.0


def dependence(values: Floats) -> Dependence:
    """How values in their order hang together. Shape (n,), finite."""
    count = values.size
    if count < FEWEST:
        return Dependence(0.0, 1, count)
    lag1 = lag1_correlation(values)
    if abs(lag1) * math.sqrt(count) < ndtri(1 - TEST_LEVEL / 2) and not _drifts(values):
        return Dependence(lag1, 1, count)
    return in_blocks(values, lag1)


def _drifts(values: Floats) -> bool:
    """Whether sums over blocks vary by more than sums of so many independent values would (chi-squared)."""
    blocks = BLOCK_COUNTS[0][0]
    length, variance = values.size // blocks, float(values.var())
    if length < 2 or variance == 0:
        return False
    sums = values[: blocks * length].reshape(blocks, length).sum(axis=1)
    return bool(chdtrc(blocks - 1, float(sums.var()) * blocks / (length * variance)) < DRIFT_LEVEL)


def in_blocks(values: Floats, lag1: float) -> Dependence:
    """Blocks long enough that neighbouring ones are not alike."""
    for blocks, level in BLOCK_COUNTS:
        length = values.size // blocks
        if length < 2:
            continue
        alike = lag1_correlation(block_sums(values, length)) + 1 / blocks  # its mean is -1/n where there is none
        if alike * math.sqrt(blocks) < ndtri(1 - level):
            return Dependence(lag1, length, blocks)
    return Dependence(lag1, None, 0)


def block_sums(values: Floats, length: int) -> Floats:
    """Sums over consecutive blocks; the values that are left over (fewer than `length`) are spread over the last."""
    blocks = values.size // length
    sums: Floats = values[: blocks * length].reshape(blocks, length).sum(axis=1)
    sums[-1] += values[blocks * length :].sum()
    return sums


def variance_of_sum(residuals: Floats, found: Dependence) -> tuple[float, int]:
    """Variance of the sum of residuals (shape (n,), their sum is about 0), and its degrees of freedom.

    Raises ValueError when the run is too short for its dependence: ask `found.block` first.
    """
    if found.block is None:
        raise ValueError("there are no blocks to tell a variance by")
    sums = residuals if found.block == 1 else block_sums(residuals, found.block)
    count = sums.size
    if count < 2:
        return math.inf, 1
    centred = sums - sums.mean()
    return float(centred @ centred) * count / (count - 1), count - 1


def effective_count(share: float, variance_of_share: float, degrees: int, count: int) -> float:
    """Of how many independent trials an observed share would have that variance, at most `count`.

    Made smaller by how uncertain the variance itself is: (z / t)^2, as Korn and Graubard do.
    """
    trials = count if variance_of_share <= 0 else min(share * (1 - share) / variance_of_share, count)
    return trials * float(ndtri(0.5 + CONFIDENCE / 2) / stdtrit(degrees, 0.5 + CONFIDENCE / 2)) ** 2
