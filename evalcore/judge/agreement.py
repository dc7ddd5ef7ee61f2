"""Agreement: how far several judges say the same. Pure functions; None where a figure is not defined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def percent_agreement(table: Mapping[tuple[str, str], int]) -> float | None:
    """Share of items on which two judges said the same. `table` counts items by (first's word, second's word)."""
    total = sum(table.values())
    return sum(count for (one, other), count in table.items() if one == other) / total if total else None


def cohen_kappa(table: Mapping[tuple[str, str], int]) -> float | None:
    """Agreement of two judges beyond chance: (p_o - p_e) / (1 - p_e), p_e from each judge's own use of the words.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960. None
    when chance alone makes them agree (both use one and the same word only), or without items.
    """
    observed = percent_agreement(table)
    if observed is None:
        return None
    total = sum(table.values())
    first, second = Counter[str](), Counter[str]()
    for (one, other), count in table.items():
        first[one] += count
        second[other] += count
    chance = sum(count * second[word] for word, count in first.items()) / total**2
    return None if chance == 1 else (observed - chance) / (1 - chance)


def krippendorff_alpha(units: Iterable[Sequence[str]], *, interval: bool = False) -> float | None:
    """Agreement of any number of judges, some of whom may say nothing of some items: 1 - D_o / D_e.

    `units` holds the words said of each item, one a judge; items of which fewer than two said anything do not count.
    Words differ or not (nominal), or are numbers whose difference is the square of their distance (interval). Source:
    K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011. None when all words are the same, or there is
    no pair.
    """
    weights: dict[tuple[str, str], float] = {}  # the matrix of coincidences
    for words, count in Counter(tuple(sorted(unit)) for unit in units if len(unit) > 1).items():
        for place, one in enumerate(words):
            for other in (*words[:place], *words[place + 1 :]):
                weights[one, other] = weights.get((one, other), 0.0) + count / (len(words) - 1)
    totals: dict[str, float] = {}
    for (one, _), weight in weights.items():
        totals[one] = totals.get(one, 0.0) + weight
    n = sum(totals.values())

    def distance(one: str, other: str) -> float:
        return (float(one) - float(other)) ** 2 if interval else float(one != other)

    observed = sum(weight * distance(*pair) for pair, weight in weights.items())
    expected = sum(a * b * distance(one, other) for one, a in totals.items() for other, b in totals.items())
    return None if expected == 0 else 1 - (n - 1) * observed / expected
