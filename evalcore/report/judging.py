"""Judging: what a report says of judges: how much of what was asked of them was had, how far they agree, whether they
like a place, and how strong they find each of several models."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from evalcore import statistics
from evalcore.judge.agreement import cohen_kappa, krippendorff_alpha, percent_agreement
from evalcore.judge.opinion import WORTH, Opinion, opinions
from evalcore.judge.rating import met_all, names_in_order, rating_intervals, ratings, wins_of
from evalcore.report.columns import Columns
from evalcore.report.schema import Estimate, Judge, JudgePair, Judging, Orders, Rating
from evalcore.types import Verdict


@dataclass(slots=True)
class _Counts:
    """Of one judge."""

    unparsed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Games:
    """Decided pairs, a row each."""

    unit: list[int] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    second: list[str] = field(default_factory=list)
    value: list[float] = field(default_factory=list)


def judging(found: Columns, model: str) -> Judging | None:
    """None when nothing was judged. `model` is the name of the model under test."""
    if not found.judged:
        return None
    counts: dict[str, _Counts] = {}
    units: list[list[str]] = []
    tables: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    games, flips, liking, disagreed = _Games(), [], [], 0
    flip_groups: list[int] = []
    for row, verdicts in found.judged.reviews():
        _count(counts, verdicts)
        held, unit = opinions(verdicts), _unit(found, row)
        for said in _by_item(held):
            words = {one.judge: one.word for one in said if one.word is not None}
            units.append(list(words.values()))
            for judge, other in combinations(sorted(words), 2):
                tables[judge, other][words[judge], words[other]] += 1
        for one in held:
            if one.opponent:
                flips.append(float(one.flipped))
                liking.append(one.first_favoured)
                flip_groups.append(unit)
                games.unit.append(unit)
                games.first.append(one.contender)
                games.second.append(one.opponent)
                games.value.append(sum(WORTH[word] * share for word, share in one.shares.items()))
        disagreed += _differ(verdicts)
    order = list(counts)
    grades = all(_is_number(word) for words in units for word in words)
    agreeing = sum(count for table in tables.values() for (one, other), count in table.items() if one == other)
    compared = sum(sum(table.values()) for table in tables.values())
    read = sum(sum(one.verdicts.values()) for one in counts.values())
    unparsed = sum(one.unparsed for one in counts.values())
    failed = sum(sum(one.faults.values()) for one in counts.values())
    return Judging(
        judges=order, verdicts=read + unparsed, unparsed=unparsed, failed=failed,
        coverage=read / (read + unparsed + failed), agreement=agreeing / compared if compared else None,
        alpha=krippendorff_alpha(units, interval=grades) if compared else None,
        alpha_metric=("interval" if grades else "nominal") if compared else None, disagreed=disagreed,
        per_judge=[_judge(name, counts[name]) for name in order],
        pairs_of_judges=[_pair(judges, tables[judges]) for judges in sorted(tables)],
        orders=_orders(flips, liking, flip_groups), ratings=_ratings(games, model),
    )  # fmt: skip


def _count(counts: dict[str, _Counts], verdicts: Sequence[Verdict]) -> None:
    for one in verdicts:
        of_judge = counts.setdefault(one.judge, _Counts())
        if one.fault:
            of_judge.faults[one.fault] += 1
        elif one.verdict is None:
            of_judge.unparsed += 1
        else:
            of_judge.verdicts[one.verdict] += 1


def _judge(name: str, counts: _Counts) -> Judge:
    read, failed = sum(counts.verdicts.values()), sum(counts.faults.values())
    wanted = read + counts.unparsed + failed
    return Judge(
        name=name, wanted=wanted, read=read, unparsed=counts.unparsed, failed=failed, faults=dict(counts.faults),
        verdicts=dict(sorted(counts.verdicts.items())), coverage=read / wanted,
    )  # fmt: skip


def _by_item(held: Sequence[Opinion]) -> list[list[Opinion]]:
    items: dict[tuple[str, str], list[Opinion]] = {}
    for one in held:
        items.setdefault((one.contender, one.opponent), []).append(one)
    return list(items.values())


def _differ(verdicts: Sequence[Verdict]) -> bool:
    """Whether not all that was said of the answer, or of one pair, is the same."""
    said: dict[tuple[str, str], set[str]] = {}
    for one in verdicts:
        if one.verdict is not None and not one.fault:
            said.setdefault((one.contender, one.opponent), set()).add(one.verdict)
    return any(len(words) > 1 for words in said.values())


def _pair(judges: tuple[str, str], table: Counter[tuple[str, str]]) -> JudgePair:
    agreement = percent_agreement(table)
    assert agreement is not None
    return JudgePair(judges=judges, n=sum(table.values()), agreement=agreement, kappa=cohen_kappa(table))


def _unit(found: Columns, row: int) -> int:
    """Samples that share a group are one unit; a sample without one is its own. Groups are numbered below zero."""
    sample = int(found.sample[row])
    group = int(found.group[sample])
    return -1 - group if found.groups[group] else sample


def _orders(flips: Sequence[float], liking: Sequence[float], units: Sequence[int]) -> Orders | None:
    if not flips:
        return None
    rate = statistics.mean(flips, [str(unit) for unit in units])
    return Orders(
        pairs=len(flips), flipped=int(sum(flips)), first_favoured=sum(liking) / len(liking),
        flip_rate=Estimate(score=rate.value, n=rate.n, se=rate.se, low=rate.low, high=rate.high, method=rate.method),
    )  # fmt: skip


def _ratings(games: _Games, model: str) -> list[Rating]:
    """The model under test is "" in the games, for an opponent may have its name: an earlier run of itself."""
    names = list(dict.fromkeys(["", *games.first, *games.second]))
    shown = {"": model if model not in names else f"{model} (under test)"}
    if len(names) < 3 or not games.value:
        return []
    numbers = {name: place for place, name in enumerate(names)}
    first = np.array([numbers[name] for name in games.first])
    second = np.array([numbers[name] for name in games.second])
    value = np.array(games.value)
    units = np.unique(np.array(games.unit), return_inverse=True)[1]
    wins = wins_of(first, second, value, len(names))
    if not met_all(wins):
        return []  # without a common scale there is nothing to rate on
    strength = ratings(wins)
    low, high = rating_intervals(units, first, second, value, len(names))
    played = (wins + wins.T).sum(axis=1)
    return [
        Rating(
            model=shown.get(names[place], names[place]), rating=float(strength[place]),
            games=round(float(played[place])),
            low=None if np.isnan(low[place]) else float(low[place]),
            high=None if np.isnan(high[place]) else float(high[place]),
            win_rate=float(wins[place].sum() / played[place]),
        )
        for place in names_in_order(names, strength)
    ]  # fmt: skip


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
