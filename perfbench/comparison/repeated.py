"""Repeated: two series of runs compared run by run, so that what differs from day to day is not taken for the service.

Each run gives one value a figure, and Welch's test asks whether the two sets of values have one mean (B. L. Welch,
Biometrika 34, 1947), with Holm's correction over the figures. Between-run effects of any kind are in the spread of the
values; a handful of runs finds only what stands out of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from perfbench.comparison.compare import (
    LEVEL,
    POWER,
    SHARE_MARGIN,
    Comparison,
    Difference,
    Side,
    Verdict,
    notes_of,
)
from perfbench.comparison.source import Source, about
from perfbench.metrics.columns import FloatArray
from perfbench.statistics.multiplicity import benjamini_hochberg, holm
from perfbench.statistics.ranks import CONFIDENCE

FEWEST_RUNS = 2
COMPARED = ("ttft", "tpot", "itl", "e2e")


def compare_series(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    runs: tuple[Sequence[Source], Sequence[Source]],
    names: tuple[str, str],
    *,
    margin: float,
    refused: Sequence[str] = (),
) -> Comparison:
    """Two series.json, and the runs behind them. A figure that one of them lacks is left out."""
    metrics = [name for name in first["figures"] if name in second["figures"]]
    ours, theirs = (
        {name: np.array(series["figures"][name]["values"], np.float64) for name in metrics}
        for series in (first, second)
    )
    tests = {name: welch(ours[name], theirs[name]) for name in metrics}
    known = [name for name in metrics if tests[name] is not None]
    p_values = np.array([found[0] for name in known if (found := tests[name]) is not None])
    both = zip(holm(p_values).tolist(), benjamini_hochberg(p_values).tolist(), strict=True)
    corrected = dict(zip(known, both, strict=True))
    differences = [
        _difference(name, first["figures"][name], second["figures"][name], tests[name], corrected.get(name), margin,
                    len(known))
        for name in metrics
    ]  # fmt: skip
    sides = about(runs[0], names[0]), about(runs[1], names[1])
    return Comparison(
        *sides, margin, tuple(differences), tuple(refused), tuple(notes_of(runs[0][0], runs[1][0]))
    )  # fmt: skip


def _values(series: Mapping[str, Any], name: str) -> FloatArray:
    return np.array(series["figures"][name]["values"], np.float64)


def welch(first: FloatArray, second: FloatArray) -> tuple[float, float, float] | None:
    """p-value, and the ends of the interval of the difference; None with fewer than two runs on either side, or when
    no run differs from another and so nothing is known of their spread."""
    if min(first.size, second.size) < FEWEST_RUNS:
        return None
    parts = [float(values.var(ddof=1)) / values.size for values in (first, second)]
    variance = sum(parts)
    difference = float(second.mean() - first.mean())
    if variance <= 0:
        return None
    degrees = variance**2 / sum(
        part**2 / (values.size - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    se = math.sqrt(variance)
    p = 2 * float(stdtr(degrees, -abs(difference) / se))
    reach = float(stdtrit(degrees, 0.5 + CONFIDENCE / 2)) * se
    return p, difference - reach, difference + reach


def _difference(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any], test: tuple[float, float, float] | None,
    corrected: tuple[float, float] | None, margin: float, tests: int,
) -> Difference:  # fmt: skip
    difference = after["mean"] - before["mean"]
    p, low, high = test if test is not None else (None, None, None)
    p_holm, p_bh = corrected if corrected is not None else (None, None)
    unit = before["unit"]
    better = "higher" if unit == "/s" or name == "goodput" else "lower"
    scale = abs(before["mean"]) or None
    allowed = SHARE_MARGIN if unit == "share" else None if scale is None else margin * scale
    verdict: Verdict = "undecided"
    why = None
    if test is None:
        same = difference == 0
        verdict, why = ("same", None) if same else ("undecided", "too few runs to know how far they lie apart")
    elif p_holm is not None and low is not None and high is not None:
        if p_holm < LEVEL:
            verdict = "better" if (difference < 0) == (better == "lower") else "worse"
        elif allowed is not None and -allowed <= low and high <= allowed:
            verdict = "same"
        else:
            why = f"runs differ as much among themselves; {_more_runs(low, high, allowed, before['runs'], tests)}"
    plain = name.split()[-1]
    base = "response" if plain.startswith("response_") else "service" if plain in ("ttft", "e2e") else None
    shown = name.replace("response_", "")

    def relative(end: float | None) -> float | None:
        return None if end is None or scale is None else end / scale

    return Difference(
        metric=shown, unit=unit, better=better, base=base, first=_side(before), second=_side(after),
        difference=difference, low=low, high=high, relative=relative(difference), relative_low=relative(low),
        relative_high=relative(high), p_value=p, p_holm=p_holm, p_bh=p_bh, verdict=verdict, why=why, more=None,
        for_margin=None,
    )  # fmt: skip


def _more_runs(low: float, high: float, allowed: float | None, runs: int, tests: int) -> str:
    """How many runs would show a difference of the margin, by the reach that so many have now."""
    if allowed is None or not allowed > 0:
        return "more runs may tell"
    wanted = float(ndtri(1 - LEVEL / (2 * max(1, tests))) + ndtri(POWER))
    needed = math.ceil(runs * (wanted * (high - low) / 2 / float(ndtri(0.5 + CONFIDENCE / 2)) / allowed) ** 2)
    return f"{max(needed, runs + 1)} of each would tell"


def _side(figure: Mapping[str, Any]) -> Side:
    return Side(figure["mean"], figure["low"], figure["high"], figure["runs"], "Student's t over runs")
