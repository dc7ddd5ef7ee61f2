"""Compare: per figure the difference between two runs, its interval, and whether it is real.

The interval of a difference is put together from those of its two figures (MOVER: G. Y. Zou, A. Donner, Statistics in
Medicine 27, 2008); whether it is more than chance says a permutation of blocks (`perfbench.statistics.permutation`),
with Holm's correction over all figures that are compared, so that in a comparison of two equal runs the chance of even
one false alarm is 5 %. A difference is real when both agree.

One run each cannot tell the service from the day: whatever differs from run to run counts as difference. Runs that were
repeated (`--repeat`) can, see `perfbench.comparison.repeated`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import ndtri

from perfbench.comparison.measure import Figure, figures_of
from perfbench.comparison.source import About, Source, about
from perfbench.metrics.slo import parse_slo
from perfbench.statistics.multiplicity import benjamini_hochberg, holm
from perfbench.statistics.permutation import FEWEST_BLOCKS, difference_p
from perfbench.statistics.ranks import CONFIDENCE

LEVEL = 0.05
POWER = 0.8
MARGIN = 0.05
"""Differences within it are no news: a figure whose interval lies inside is the same."""
SHARE_MARGIN = 0.01
"""The same for an error rate or a goodput: a point in a hundred, because a share of hardly any errors says nothing."""
MOST_MORE = 1000
"""Times the requests there were: beyond that a number would only say "never"."""
Verdict = Literal["better", "worse", "same", "undecided"]


@dataclass(frozen=True, slots=True)
class Side:
    """A figure of one run; an end of the interval is None where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None
    count: int
    method: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure in both runs: second minus first. Shares of the first are None where that is 0 or unknown."""

    metric: str
    unit: str
    better: str
    base: str | None
    first: Side
    second: Side
    difference: float | None
    low: float | None
    high: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    p_value: float | None
    """Of this figure by itself."""
    p_holm: float | None
    """Corrected for the number of figures: what the verdict goes by."""
    p_bh: float | None
    """Corrected so that the expected share of false alarms among alarms keeps the level (Benjamini, Hochberg)."""
    verdict: Verdict
    why: str | None
    more: int | None
    """Further requests, in each run, that would show a true difference of the observed size in four of five tries."""
    for_margin: int | None
    """Requests, in each run, that would show a true difference of the margin in four of five tries."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it. `as_json` is the contract of `perfbench compare --json`, `schema` 1."""

    first: About
    second: About
    margin: float
    differences: tuple[Difference, ...]
    refused: tuple[str, ...]
    """Why the two should not be compared, when that was asked for all the same."""
    notes: tuple[str, ...]

    def regressions(self, threshold: float) -> list[Difference]:
        """Figures that are worse, beyond chance and by more than that share of the first run's."""
        return [each for each in self.differences if each.verdict == "worse" and _share(each) > threshold]

    @property
    def decided(self) -> bool:
        """Whether anything at all could be tested."""
        return any(each.p_value is not None for each in self.differences)

    def as_json(self) -> dict[str, Any]:
        """{schema, margin, level, first, second: {name, tool, requests, runs, lacking, warnings}, refused, notes,
        differences: [{metric, unit, better, base, first, second: {value, low, high, count, method}, difference, low,
        high, relative, relative_low, relative_high, p_value, p_holm, p_bh, verdict, why, more, for_margin}]}.

        Latencies in ms, rates per second, shares from 0 to 1; what is not known is null."""
        sides = {
            name: {
                "name": run.name, "tool": run.tool, "requests": run.requests, "runs": run.runs,
                "lacking": list(run.lacking), "warnings": list(run.warnings),
            } for name, run in (("first", self.first), ("second", self.second))
        }  # fmt: skip
        return {
            "schema": 1, "margin": self.margin, "level": LEVEL, **sides, "refused": list(self.refused),
            "notes": list(self.notes), "differences": [_plain(each) for each in self.differences],
        }  # fmt: skip


def _plain(difference: Difference) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(difference, name) for name in Difference.__slots__}
    for side in ("first", "second"):
        found[side] = {name: getattr(found[side], name) for name in Side.__slots__}
    return found


def _share(difference: Difference) -> float:
    """By how much it is worse, as a share of the first; infinite when the first was 0."""
    return math.inf if difference.relative is None else abs(difference.relative)


def compare(
    first: Source, second: Source, *, margin: float = MARGIN, refused: Sequence[str] = (), seed: int = 0
) -> Comparison:
    """Every figure that both runs have. Whether they may be compared is for `comparable.incomparable` to say."""
    slos = {str(run.facts["slo"]) if run.facts.get("slo") else None for run in (first, second)}
    text = slos.pop() if len(slos) == 1 else None
    slo = parse_slo(text) if text is not None else None
    ours, theirs = figures_of(first, slo), figures_of(second, slo)
    pairs = [(ours[name], theirs[name]) for name in ours if name in theirs]
    tested = [_test(before, after, seed) for before, after in pairs]
    known = np.array([p for p, _ in tested if p is not None])
    corrected, discovered = iter(holm(known).tolist()), iter(benjamini_hochberg(known).tolist())
    differences = []
    for (before, after), (p, why) in zip(pairs, tested, strict=True):
        p_holm, p_bh = (None, None) if p is None else (next(corrected), next(discovered))
        differences.append(_difference(before, after, p, p_holm, p_bh, why, margin, known.size))
    notes = [
        *notes_of(first, second),
        "one run each: whatever changes from run to run counts as difference; --repeat 5 tells it apart",
    ]
    sides = about([first], first.name), about([second], second.name)
    return Comparison(*sides, margin, tuple(differences), tuple(refused), tuple(notes))


def notes_of(first: Source, second: Source) -> list[str]:
    """What a reader of the comparison must know of these runs."""
    found = [f"{run.name} ({run.tool}) does not say {what}" for run in (first, second) for what in run.lacking]
    found += [warning for run in (first, second) for warning in run.warnings]
    models = [run.facts.get("model") for run in (first, second)]
    if models[0] != models[1] and None not in models:
        found.append(f"the models are called {models[0]} and {models[1]}: the difference may be theirs")
    return found


def _test(before: Figure, after: Figure, seed: int) -> tuple[float | None, str | None]:
    """p-value, or why there is none."""
    if before.value is None or after.value is None:
        return None, "too few requests for this percentile"
    mark = None
    if before.mark is not None and after.mark is not None and before.share is not None:
        pooled = np.concatenate((before.mark, after.mark))
        rank = max(0, math.ceil(round(pooled.size * before.share, 9)) - 1)
        mark = float(np.partition(pooled, rank)[rank])
    parts = min(before.parts, after.parts)
    if parts < FEWEST_BLOCKS:
        return None, "too few requests, or a run that was still changing: no part of it can stand for the others"
    return difference_p(*before.blocks(mark, parts), *after.blocks(mark, parts), seed=seed), None


def _difference(
    before: Figure, after: Figure, p: float | None, p_holm: float | None, p_bh: float | None, why: str | None,
    margin: float, tests: int,
) -> Difference:  # fmt: skip
    difference = None if before.value is None or after.value is None else after.value - before.value
    low = high = None
    if difference is not None and before.interval is not None and after.interval is not None:
        low, high = mover(before, after)
    scale = abs(before.value) if before.value else None
    allowed = SHARE_MARGIN if before.unit == "share" else None if scale is None else margin * scale
    verdict: Verdict = "undecided"
    if p_holm is not None and low is not None and high is not None and difference is not None:
        if p_holm < LEVEL and (low > 0 or high < 0):
            verdict = "better" if (difference < 0) == (before.better == "lower") else "worse"
        elif low == high == 0 or (allowed is not None and -allowed <= low and high <= allowed):
            verdict = "same"
        else:
            why = "chance could have made this difference"
    elif p_holm is not None:
        why = "too few independent requests for an interval"
    count = min(before.count, after.count)
    more, for_margin = None, None
    if low is not None and high is not None and difference is not None and verdict == "undecided":
        reach = (high - low) / 2
        needed = _needed(count, reach, abs(difference), tests)
        more = None if needed is None else max(0, needed - count)
        for_margin = None if allowed is None else _needed(count, reach, allowed, tests)

    def relative(end: float | None) -> float | None:
        return None if end is None or scale is None else end / scale

    return Difference(
        metric=before.name, unit=before.unit, better=before.better, base=before.base, first=_side(before),
        second=_side(after), difference=difference, low=low, high=high, relative=relative(difference),
        relative_low=relative(low), relative_high=relative(high), p_value=p, p_holm=p_holm, p_bh=p_bh, verdict=verdict,
        why=why, more=more, for_margin=for_margin,
    )  # fmt: skip


def _side(figure: Figure) -> Side:
    low, high = figure.interval if figure.interval is not None else (None, None)
    return Side(figure.value, low, high, figure.count, figure.method)


def mover(before: Figure, after: Figure) -> tuple[float, float]:
    """Interval of after - before from the intervals of both, which it does not take to be symmetric."""
    assert before.value is not None and after.value is not None and before.interval and after.interval
    difference = after.value - before.value
    low = difference - math.hypot(after.value - after.interval[0], before.interval[1] - before.value)
    high = difference + math.hypot(after.interval[1] - after.value, before.value - before.interval[0])
    return low, high


def _needed(count: int, reach: float, size: float, tests: int) -> int | None:
    """Requests in each run that would show a true difference of that size with the power asked for: the reach of an
    interval shrinks with the root of their number. None when that is beyond reason."""
    if not size > 0 or not math.isfinite(reach):
        return None
    one = float(ndtri(0.5 + CONFIDENCE / 2))
    wanted = float(ndtri(1 - LEVEL / (2 * max(1, tests))) + ndtri(POWER))
    needed = count * (wanted * reach / one / size) ** 2
    return math.ceil(needed) if needed <= MOST_MORE * count else None
