"""Permutation: whether two runs differ, when all there is to compare are blocks of each.

Under no difference it is chance which of the two runs a block belongs to, so the labels are dealt out anew, thousands
of times, and the observed difference is held against those. The statistic is studentised in every deal, which keeps the
test honest when the runs differ in length or spread (A. Janssen, Statistics & Probability Letters 36, 1997; E. Chung,
J. P. Romano, Annals of Statistics 41, 2013). Blocks must be long enough to be independent of their neighbours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
DEALS = 9_999
FEWEST_BLOCKS = 4


def difference_p(
    first_sums: Floats, first_sizes: Floats, second_sums: Floats, second_sizes: Floats, *, seed: int = 0
) -> float:
    """Two-sided p-value of sum / size being the same ratio in both runs: never 0, 1 when nothing differs.

    Sums and sizes per block, shapes (blocks of the first,) and (blocks of the second,). Raises ValueError below
    FEWEST_BLOCKS: then no deal is rare enough to mean anything.
    """
    if min(first_sums.size, second_sums.size) < FEWEST_BLOCKS:
        raise ValueError(f"{first_sums.size} and {second_sums.size} blocks: {FEWEST_BLOCKS} of each are needed")
    sums, sizes = np.concatenate((first_sums, second_sums)), np.concatenate((first_sizes, second_sizes))
    total = float(sizes.sum())
    if total <= 0:
        return 1.0
    residuals = sums - float(sums.sum()) / total * sizes
    if not np.abs(residuals).max() > 1e-12 * max(float(np.abs(sums).max()), 1e-300):
        return 1.0
    blocks, chosen = sums.size, second_sums.size
    observed_mask = np.concatenate((np.zeros(first_sums.size), np.ones(chosen)))[None, :]
    observed = float(_studentised(observed_mask, residuals, sizes)[0])
    dealt = _studentised(_deals(blocks, chosen, seed), residuals, sizes)
    return (int((dealt >= observed * (1 - 1e-9)).sum()) + 1) / (DEALS + 1)


@lru_cache(maxsize=8)
def _deals(blocks: int, chosen: int, seed: int) -> Floats:
    """Which blocks go to the second run, in each deal: shape (DEALS, blocks), ones and zeros. The same for every figure
    that is cut into as many blocks."""
    ranks = np.argsort(np.random.default_rng(seed).random((DEALS, blocks)), axis=1)
    return (ranks < chosen).astype(np.float64)


def _studentised(second: Floats, residuals: Floats, sizes: Floats) -> Floats:
    """|difference of ratios| over its standard error, for each deal: `second` has shape (deals, blocks), ones and
    zeros."""
    total, total_size = float(residuals.sum()), float(sizes.sum())
    squares = residuals * residuals
    n2 = second.sum(axis=1)
    n1 = residuals.size - n2
    sum2, size2, square2 = second @ residuals, second @ sizes, second @ squares
    sum1, size1, square1 = total - sum2, total_size - size2, float(squares.sum()) - square2
    with np.errstate(divide="ignore", invalid="ignore"):
        variance1 = n1 / (n1 - 1) * np.maximum(square1 - sum1 * sum1 / n1, 0) / size1**2
        variance2 = n2 / (n2 - 1) * np.maximum(square2 - sum2 * sum2 / n2, 0) / size2**2
        found: Floats = np.abs(sum2 / size2 - sum1 / size1) / np.sqrt(variance1 + variance2)
    return np.nan_to_num(found, nan=0.0, posinf=np.inf)
