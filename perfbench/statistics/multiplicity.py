"""Multiplicity: p-values of many figures at once, made honest about their number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def holm(p_values: Floats) -> Floats:
    """Adjusted p-values, shape (n,): the chance of even one false alarm among all of them stays at the level
    (S. Holm, Scandinavian Journal of Statistics 6, 1979). However they depend on each other."""
    order = np.argsort(p_values, kind="stable")
    count = p_values.size
    raised = np.maximum.accumulate(p_values[order] * (count - np.arange(count)))
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Adjusted p-values, shape (n,): the expected share of false alarms among the alarms stays at the level
    (Y. Benjamini, Y. Hochberg, Journal of the Royal Statistical Society B 57, 1995)."""
    order = np.argsort(p_values, kind="stable")
    count = p_values.size
    lowered = np.minimum.accumulate((p_values[order] * count / np.arange(1, count + 1))[::-1])[::-1]
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(lowered, 1.0)
    return adjusted
