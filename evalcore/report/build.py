"""Build: from reviews to reports. Everything in a report is computed here, and only from reviews and settings.

The unit of a score is the sample: its repeats are averaged first, so that asking twice does not look like knowing
twice as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from evalcore import statistics
from evalcore.benchmarks.base import Benchmark, Derives
from evalcore.report.columns import NOTHING, Columns, Floats, Ints, columns
from evalcore.report.judging import judging
from evalcore.report.perf import perf
from evalcore.report.schema import Estimate, Integrity, Part, Protocol, Repeats, Report
from evalcore.statistics import Mean
from evalcore.types import REFUSALS, Review


def build_report(
    benchmark: Benchmark,
    reviews: Iterable[Review],
    *,
    model: str,
    expected: Sequence[str] | None = None,
    planned: Mapping[str, int] | None = None,
    settings: Mapping[str, Any] | None = None,
    window_s: float | None = None,
) -> Report:
    """The report of one benchmark from its reviews, which are read once.

    `expected` names the scores, headline first; None: those of the benchmark's rules.
    `planned` says by subset how many answers (samples times repeats) there should be; None: as many as there are
    reviews. `window_s` is how long the evaluation took.
    """
    expected = expected or benchmark.protocols
    headline = expected[0]
    found = columns(reviews, headline)
    scores = _Scores(found, planned)
    names = [name for name in (*expected, *sorted(found.values)) if scores.has(name)]
    protocols = {name: scores.protocol(name, benchmark.average) for name in dict.fromkeys(names)}
    total = scores.planned_total()
    return Report(
        benchmark=benchmark.name,
        title=benchmark.info.title,
        model=model,
        headline=headline,
        protocols=protocols,
        derived=scores.derived(benchmark) if isinstance(benchmark, Derives) and protocols else {},
        n=int(np.unique(found.sample[found.scored]).size),
        coverage=float(found.scored.sum()) / total if total else 0.0,
        integrity=_integrity(found, total, model),
        subsets=scores.parts("subset", list(protocols)),
        categories=scores.parts("category", list(protocols)) if scores.has_categories() else [],
        repeats=_repeats(found, headline) if headline in protocols else None,
        settings={"average": benchmark.average, **(settings or {})},
        perf=perf(found, window_s),
    )


@dataclass(frozen=True, slots=True)
class _Units:
    """Samples with a score under one protocol: their mean over repeats, and what they belong to. Shape (samples,)."""

    sample: Ints
    value: Floats
    answers: Ints
    weight: Floats | None
    """None: all weigh the same."""

    def of(self, here: Any) -> _Units:
        weight = None if self.weight is None else self.weight[here]
        return _Units(self.sample[here], self.value[here], self.answers[here], weight)


class _Scores:
    """Scores of columns, under each protocol and in each part."""

    def __init__(self, found: Columns, planned: Mapping[str, int] | None) -> None:
        self._found = found
        self._planned = planned

    def has(self, protocol: str) -> bool:
        return protocol in self._found.values and not np.isnan(self._found.values[protocol]).all()

    def has_categories(self) -> bool:
        """Whether categories tell anything that subsets do not."""
        found = self._found
        same = list(found.categories) == list(found.subsets) and bool((found.category == found.subset).all())
        return bool(found.categories) and not same and len(found.categories) > 1

    def planned_of(self) -> dict[str, int]:
        """Answers by subset. A plan that is smaller than what was found is not believed."""
        there = {name: int(n) for name, n in zip(self._found.subsets, self._answers("subset"), strict=True)}
        if self._planned is None:
            return there
        return {name: max(self._planned.get(name, 0), there.get(name, 0)) for name in {**self._planned, **there}}

    def planned_total(self) -> int:
        return sum(self.planned_of().values())

    def _answers(self, by: Literal["subset", "category"]) -> Ints:
        owner = self._found.subset if by == "subset" else self._found.category
        names = self._found.subsets if by == "subset" else self._found.categories
        if not len(names):
            return np.zeros(0, dtype=np.int64)
        return np.bincount(owner[self._found.sample], minlength=len(names)).astype(np.int64)

    def units(self, protocol: str) -> _Units:
        return units(self._found, self._found.values[protocol], self._found.weights.get(protocol))

    def protocol(self, name: str, average: Literal["micro", "macro"]) -> Protocol:
        units, found = self.units(name), self._found
        micro = self._micro(units)
        over: Literal["subset", "category"] | None = None
        if np.unique(found.subset[units.sample]).size > 1:
            over = "subset"
        elif np.unique(found.category[units.sample]).size > 1:
            over = "category"
        macro = None if over is None or units.weight is not None else self._macro(units, over)
        quoted = macro if average == "macro" and macro is not None else micro
        return Protocol(
            score=quoted.score, se=quoted.se, low=quoted.low, high=quoted.high, method=quoted.method,
            average="macro" if quoted is macro else "micro", micro=micro, macro=macro,
            macro_over=None if macro is None else over,
            bracket=self._bracket(name, macro=quoted is macro and over == "subset"),
        )  # fmt: skip

    def _micro(self, units: _Units) -> Estimate:
        return estimate(statistics.mean(units.value, self._groups(units.sample), units.weight))

    def _macro(self, units: _Units, over: Literal["subset", "category"]) -> Estimate:
        values, groups = {}, {}
        for name, here in self._split(units, over):
            values[name] = here.value
            groups[name] = self._names_of_groups(here.sample)
        return estimate(statistics.macro(values, groups))

    def _split(self, units: _Units, by: Literal["subset", "category"]) -> Iterator[tuple[str, _Units]]:
        """Units of each part that has any."""
        owner = (self._found.subset if by == "subset" else self._found.category)[units.sample]
        names = self._found.subsets if by == "subset" else self._found.categories
        for number in np.unique(owner):
            here = owner == number
            yield names[int(number)], units.of(here)

    def derived(self, benchmark: Derives) -> dict[str, Estimate]:
        size = self._found.subset.size
        values, weights = {}, {}
        for name in filter(self.has, self._found.values):
            units = self.units(name)
            values[name] = np.full(size, np.nan)
            values[name][units.sample] = units.value
            if units.weight is not None:
                weights[name] = np.zeros(size)
                weights[name][units.sample] = units.weight
        groups = self._groups(np.arange(size))
        found = statistics.function_of_means(values, weights, benchmark.derived, groups)
        return {name: estimate(figure) for name, figure in found.items()}

    def parts(self, by: Literal["subset", "category"], protocols: Sequence[str]) -> list[Part]:
        found = self._found
        names = found.subsets if by == "subset" else found.categories
        owner = (found.subset if by == "subset" else found.category)[found.sample]
        planned = dict(zip(names, map(int, self._answers(by)), strict=True))
        if by == "subset":
            planned = self.planned_of()
        scored = dict(zip(names, np.bincount(owner[found.scored], minlength=len(names)), strict=True)) if names else {}
        estimates: dict[str, dict[str, Estimate]] = {name: {} for name in planned}
        for protocol in protocols:
            for name, here in self._split(self.units(protocol), by):
                estimates[name][protocol] = self._micro(here)
        return [
            Part(name=name, planned=count, scored=int(scored.get(name, 0)), protocols=estimates[name])
            for name, count in planned.items()
        ]

    def _bracket(self, protocol: str, *, macro: bool) -> tuple[float, float] | None:
        """Over answers. None when scores leave the scale of 0 to 1, for then there is no worst or best, and when they
        weigh differently, for nobody knows what the missing ones weigh."""
        values = self._found.values[protocol]
        there = ~np.isnan(values)
        if float(values[there].min()) < 0 or float(values[there].max()) > 1 or protocol in self._found.weights:
            return None
        if not macro:
            return statistics.bracket(float(values[there].sum()), int(there.sum()), self.planned_total())
        owner = self._found.subset[self._found.sample]
        numbers = {name: number for number, name in enumerate(self._found.subsets)}
        ends = []
        for name, planned in self.planned_of().items():
            here = there & (owner == numbers.get(name, NOTHING))
            if planned:
                ends.append(statistics.bracket(float(values[here].sum()), int(here.sum()), planned))
        return sum(low for low, _ in ends) / len(ends), sum(high for _, high in ends) / len(ends)

    def _groups(self, samples: Ints) -> list[str] | None:
        names = self._names_of_groups(samples)
        return names if any(names) else None

    def _names_of_groups(self, samples: Ints) -> list[str]:
        return [self._found.groups[number] for number in self._found.group[samples]]


def units(found: Columns, values: Floats, weights: Floats | None = None) -> _Units:
    """Mean of each sample's answers that have a value, and their mean weight."""
    there = ~np.isnan(values)
    samples = found.sample[there]
    counts = np.bincount(samples, minlength=found.subset.size)
    sums = np.bincount(samples, weights=values[there], minlength=found.subset.size)
    some = np.flatnonzero(counts)
    heavy = None
    if weights is not None:
        heavy = np.bincount(samples, weights=weights[there], minlength=found.subset.size)[some] / counts[some]
    return _Units(some.astype(np.int64), sums[some] / counts[some], counts[some].astype(np.int64), heavy)


def estimate(mean: Mean) -> Estimate:
    return Estimate(score=mean.value, n=mean.n, se=mean.se, low=mean.low, high=mean.high, method=mean.method)


def _integrity(found: Columns, planned: int, model: str) -> Integrity:
    errors = np.bincount(found.fault[~found.scored], minlength=len(found.faults)) if found.faults else ()
    by_kind = {name: int(count) for name, count in zip(found.faults, errors, strict=True) if count}
    scored = int(found.scored.sum())
    parsed = int(found.parsed.sum())
    return Integrity(
        planned=planned,
        scored=scored,
        missing=planned - found.sample.size,
        parsed=parsed,
        unparsed=scored - parsed,
        truncated=int((found.truncated & found.scored).sum()),
        empty=int((found.empty & found.scored).sum()),
        refused=sum(count for kind, count in by_kind.items() if kind in REFUSALS),
        errored={kind: count for kind, count in sorted(by_kind.items()) if kind not in REFUSALS},
        retried=int((found.attempts > 1).sum()),
        attempts=int(found.attempts.sum()),
        judging=judging(found, model),
    )


def _repeats(found: Columns, headline: str) -> Repeats | None:
    """None unless some sample was asked more than once. pass@k needs a scale of 0 to 1, on which 1 is right."""
    values = found.values[headline]
    repeats = np.unique(found.repeat)
    if repeats.size < 2:
        return None
    there = ~np.isnan(values)
    known = units(found, values)
    right = np.bincount(found.sample[there], weights=values[there] == 1, minlength=found.subset.size)[known.sample]
    groups = [found.groups[number] for number in found.group[known.sample]]
    k_most = int(repeats.size)
    ks = sorted({1, k_most, *(2**power for power in range(1, k_most.bit_length()) if 2**power <= k_most)})
    unit_scale = bool((values[there] >= 0).all() and (values[there] <= 1).all())
    pass_at: dict[int, Estimate] = {}
    pass_hat: dict[int, Estimate] = {}
    for k in ks if unit_scale else ():
        enough = [(int(n), int(c), group) for n, c, group in zip(known.answers, right, groups, strict=True) if n >= k]
        if not enough:
            continue
        members = [group for *_, group in enough]
        for result, chance in ((pass_at, statistics.pass_at), (pass_hat, statistics.pass_hat)):
            chances = [value for n, c, _ in enough if (value := chance(n, c, k)) is not None]
            result[k] = estimate(statistics.mean(chances, members))
    return Repeats(
        k=k_most, pass_at=pass_at, pass_hat=pass_hat, majority=_majority(found, values, there),
        per_repeat=[
            float(values[there & (found.repeat == repeat)].mean())
            for repeat in repeats if (there & (found.repeat == repeat)).any()
        ],
    )  # fmt: skip


def _majority(found: Columns, values: Floats, there: Any) -> Estimate | None:
    """A sample of which no answer could be read has no majority, and scores as its answers do: with their mean."""
    if not (found.extracted[there] != NOTHING).any():
        return None
    votes: dict[int, list[tuple[str | None, float]]] = {}
    for row in np.flatnonzero(there):
        word = None if found.extracted[row] == NOTHING else str(found.extracted[row])
        votes.setdefault(int(found.sample[row]), []).append((word, float(values[row])))
    settled = []
    for of_sample in votes.values():
        won = statistics.majority(of_sample)
        settled.append(sum(score for _, score in of_sample) / len(of_sample) if won is None else won)
    groups = [found.groups[found.group[sample]] for sample in votes]
    return estimate(statistics.mean(settled, groups))
