"""Rating: the strength of several models from who won against whom. Pure functions of arrays.

The model is that of R. A. Bradley and M. E. Terry ("Rank analysis of incomplete block designs", Biometrika 39, 1952):
the odds that i wins against j are strength_i / strength_j. A tie is half a win for each. Shown on Elo's scale, on which
400 points are odds of ten to one, with a mean of 1000.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
POINTS = 400.0
MEAN = 1000.0
RESAMPLES = 500
PRIOR = 0.5
"""Wins that each of a pair that met gets beforehand: one drawn game, without which a model that won all its games would
be infinitely strong."""
_ENOUGH = 1e-9
_ROUNDS = 2000


def ratings(wins: Floats) -> Floats:
    """Ratings of n models, shape (n,). `wins[i, j]` is how often i won against j, a tie counted half for each.

    Fitted by D. R. Hunter's minorisation ("MM algorithms for generalized Bradley-Terry models", Annals of Statistics
    32, 2004). Models that never met, directly or by way of others, cannot be compared: ValueError.
    """
    met = (wins + wins.T) > 0
    if not _connected(met):
        raise ValueError("some models never met, not even by way of others")
    games = wins + PRIOR * met
    pairs, won = games + games.T, games.sum(axis=1)
    strength = np.ones(len(wins))
    for _ in range(_ROUNDS):
        fresh = won / (pairs / (strength[:, None] + strength[None, :])).sum(axis=1)
        fresh /= np.exp(np.log(fresh).mean())
        if float(np.abs(np.log(fresh / strength)).max()) < _ENOUGH:
            strength = fresh
            break
        strength = fresh
    return MEAN + POINTS * np.log(strength) / math.log(10)


def rating_intervals(
    units: Ints, first: Ints, second: Ints, value: Floats, models: int, *, seed: int = 0, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Lower and upper ends, shape (models,), of percentile intervals of a bootstrap over `units` (samples, or groups).

    One row a judged pair: who it was (`first`, `second`), and what it was worth to the first (1, 0.5, 0, or between).
    A resample in which a model meets nobody is left out.
    """
    count = int(units.max()) + 1
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(RESAMPLES if count > 1 else 0):
        times = np.bincount(rng.integers(count, size=count), minlength=count)[units].astype(np.float64)
        wins = wins_of(first, second, value, models, times)
        if _connected((wins + wins.T) > 0):
            drawn.append(ratings(wins))
    if len(drawn) < 2:
        nothing = np.full(models, np.nan)
        return nothing, nothing
    low, high = np.quantile(np.array(drawn), ((1 - confidence) / 2, (1 + confidence) / 2), axis=0)
    return low, high


def wins_of(first: Ints, second: Ints, value: Floats, models: int, times: Floats | None = None) -> Floats:
    """The matrix of wins, shape (models, models), of judged pairs."""
    heavy = np.ones(value.size) if times is None else times
    wins = np.zeros((models, models))
    np.add.at(wins, (first, second), heavy * value)
    np.add.at(wins, (second, first), heavy * (1 - value))
    return wins


def met_all(wins: Floats) -> bool:
    """Whether every model met every other, directly or by way of others."""
    return _connected((wins + wins.T) > 0)


def _connected(met: npt.NDArray[np.bool_]) -> bool:
    reached, edge = {0}, [0]
    while edge:
        for other in map(int, np.flatnonzero(met[edge.pop()])):
            if other not in reached:
                reached.add(other)
                edge.append(other)
    return len(reached) == len(met)


def names_in_order(names: Sequence[str], values: Floats) -> list[int]:
    """Positions from the strongest to the weakest; equals by name."""
    return sorted(range(len(names)), key=lambda place: (-float(values[place]), names[place]))
