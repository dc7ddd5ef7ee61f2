"""Retrieval: how good a ranking of documents is, given what people judged of them.

Definitions are those of NIST's trec_eval 10 (repository usnistgov/trec_eval), under its names; nDCG is Järvelin and
Kekäläinen, 2002, with the grade as gain and log2(rank + 1); bpref is Buckley and Voorhees, 2004; infAP is Yilmaz and
Aslam, 2006; RBP is Moffat and Zobel, 2008. A document that was never judged counts as not relevant, except in measures
that pass it over (bpref, infAP) or count it (unj, rbp_resid). Pure functions; a measure is 0, not undefined, for
a query without relevant documents, as trec_eval has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate

NOT_POOLED = -1
"""In place of a grade: nobody was to judge the document."""
UNJUDGED = -2
"""It was to be judged, and was not (a negative grade in the judgements)."""
CUTOFFS = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
RECALLS = tuple(tenth / 10 for tenth in range(11))
MULTIPLES = tuple(fifth / 5 for fifth in range(1, 11))
LEAST_IN_GEOMETRIC_MEAN = 0.00001
PERSISTENCE = 0.9
"""Of RBP's reader, who goes on to the next document with this probability."""
_INFERRED = 0.00001  # infAP's smoothing


@dataclass(frozen=True, slots=True)
class Ranked:
    """What was found for one query."""

    grades: tuple[int, ...]
    """By rank; NOT_POOLED or UNJUDGED where there is none."""
    judged: Mapping[int, int]
    """How many documents were judged to have each grade, found or not."""
    level: int = 1
    """Least grade that counts as relevant."""

    @property
    def relevant(self) -> int:
        return sum(count for grade, count in self.judged.items() if grade >= self.level)

    @property
    def not_relevant(self) -> int:
        return sum(count for grade, count in self.judged.items() if grade < self.level)

    @property
    def hits(self) -> tuple[bool, ...]:
        return tuple(grade >= self.level for grade in self.grades)

    def found(self, k: int | None = None) -> int:
        """Relevant documents among the first k."""
        return sum(grade >= self.level for grade in self.grades[:k])


def ranked(
    scores: Mapping[str, float], grades: Mapping[str, int], *, level: int = 1, most: int | None = None
) -> Ranked:
    """The documents by score, highest first; of equal scores, the document whose name comes later in the alphabet
    (by bytes) is first, whatever rank a run claims. `grades` are the judgements; `most` documents are looked at."""
    order = sorted(scores, key=lambda name: (scores[name], name.encode("utf-8", "surrogatepass")), reverse=True)[:most]
    judged: dict[int, int] = {}
    for grade in grades.values():
        if grade >= 0:
            judged[grade] = judged.get(grade, 0) + 1
    return Ranked(tuple(_grade(name, grades) for name in order), judged, level)


def _grade(name: str, grades: Mapping[str, int]) -> int:
    grade = grades.get(name)
    return NOT_POOLED if grade is None else grade if grade >= 0 else UNJUDGED


# --- sets ----------------------------------------------------------------------------------------------------------


def set_precision(one: Ranked) -> float:
    return _ratio(one.found(), len(one.grades))


def set_recall(one: Ranked) -> float:
    return _ratio(one.found(), one.relevant)


def set_relative_precision(one: Ranked) -> float:
    return _ratio(one.found(), min(len(one.grades), one.relevant))


def set_f(one: Ranked, weight: float = 1.0) -> float:
    """Harmonic mean of precision and recall, recall counting `weight` times."""
    precision, recall = set_precision(one), set_recall(one)
    return _ratio((weight + 1) * precision * recall, weight * precision + recall)


def utility(one: Ranked) -> float:
    """Relevant documents found less the others found."""
    return float(2 * one.found() - len(one.grades))


# --- at a rank -----------------------------------------------------------------------------------------------------


def precision(one: Ranked, k: int) -> float:
    """Of k, however few were found."""
    return one.found(k) / k


def recall(one: Ranked, k: int) -> float:
    return _ratio(one.found(k), one.relevant)


def relative_precision(one: Ranked, k: int) -> float:
    """Precision as a share of the best there could be."""
    return _ratio(one.found(k), min(k, one.relevant))


def success(one: Ranked, k: int) -> float:
    return float(one.found(k) > 0)


def unjudged(one: Ranked, k: int) -> float:
    return sum(grade < 0 for grade in one.grades[:k]) / k


def r_precision(one: Ranked, multiple: float = 1.0) -> float:
    """Precision at R, the number of relevant documents, or at a multiple of it (rounded up from a tenth)."""
    k = int(multiple * one.relevant + 0.9)
    return precision(one, k) if k else 0.0


def reciprocal_rank(one: Ranked) -> float:
    return next((1 / rank for rank, hit in enumerate(one.hits, 1) if hit), 0.0)


# --- over a ranking ------------------------------------------------------------------------------------------------


def average_precision(one: Ranked, k: int | None = None) -> float:
    """Mean over the relevant documents of the precision at each, 0 for one that is not among the first k."""
    counts = accumulate(one.hits[:k])
    return _ratio(sum(c / r for r, (c, hit) in enumerate(zip(counts, one.hits, strict=False), 1) if hit), one.relevant)


def interpolated_precision(one: Ranked, share: float) -> float:
    """Highest precision at any rank where at least that share of the relevant documents is found."""
    needed = math.floor(share * one.relevant + 0.5)
    counts = enumerate(accumulate(one.hits), 1)
    return max((count / rank for rank, count in counts if count >= needed), default=0.0) if one.relevant else 0.0


def eleven_points(one: Ranked) -> float:
    return sum(interpolated_precision(one, share) for share in RECALLS) / len(RECALLS)


def bpref(one: Ranked) -> float:
    """Share of pairs of a relevant document and one of the first R that are judged not to be, ranked rightly."""
    bound, above, total = min(one.not_relevant, one.relevant), 0, 0.0
    for grade in one.grades:
        if grade >= one.level:
            total += 1 - min(above, one.relevant) / bound if above else 1.0
        elif grade >= 0:
            above += 1
    return _ratio(total, one.relevant)


def inferred_average_precision(one: Ranked) -> float:
    hits = misses = pooled = 0
    total = 0.0
    for rank, grade in enumerate(one.grades):
        if grade == UNJUDGED:
            pooled += 1
        elif 0 <= grade < one.level:
            misses += 1
        elif grade >= one.level:
            likely = (hits + _INFERRED) / (hits + misses + 2 * _INFERRED)
            total += (1 + (hits + misses + pooled) * likely) / (rank + 1) if rank else 1.0
            hits += 1
    return _ratio(total, one.relevant)


def binary_gain(one: Ranked) -> float:
    """Mean over the relevant documents of 1 / log2(2 + others before it)."""
    total, hits = 0.0, 0
    for rank, hit in enumerate(one.hits):
        if hit:
            total += 1 / math.log2(2 + rank - hits)
            hits += 1
    return _ratio(total, one.relevant)


def gain(one: Ranked) -> float:
    """trec_eval's G: gains discounted by how far they fall behind the best ranking so far; 1 is the best."""
    ideal, total, behind = _ideal(one), 0.0, 0.0
    for rank, grade in enumerate(one.grades):
        behind += max(ideal[rank], 1) if rank < len(ideal) else 1
        if grade > 0:
            behind -= grade
            total += grade / math.log2(2 + behind)
    return _ratio(total, sum(ideal))


def ndcg(one: Ranked, k: int | None = None) -> float:
    """Discounted gain of the first k as a share of the best possible."""
    return _ratio(_dcg(one.grades[:k]), _dcg(_ideal(one)[:k]))


def ndcg_at_relevant(one: Ranked) -> float:
    """Mean of nDCG at the rank of each relevant document; at the end, for those not found."""
    ideal, ours, best, total, hits = _ideal(one), 0.0, 0.0, 0.0, 0
    for rank, grade in enumerate(one.grades):
        ours += max(grade, 0) / math.log2(rank + 2)
        best += ideal[rank] / math.log2(rank + 2) if rank < len(ideal) else 0.0
        if grade > 0:
            total += ours / best
            hits += 1
    return _ratio(total + (len(ideal) - hits) * _ratio(ours, _dcg(ideal)), len(ideal))


def ndcg_at_levels(one: Ranked) -> float:
    """Mean of nDCG at the ranks where the best ranking goes on to a lower grade, and at the end."""
    if not one.relevant:
        return 0.0
    points = list(accumulate(one.judged[grade] for grade in sorted(one.judged, reverse=True) if grade > 0))
    points += [len(one.grades)] if points[-1] + 1 < len(one.grades) else []
    return sum(ndcg(one, point) for point in points) / len(points)


def rank_biased_precision(one: Ranked, persistence: float = PERSISTENCE) -> float:
    """Expected gain of a reader who stops after each document with probability 1 - persistence; the highest grade that
    was judged, if above 1, is worth 1."""
    highest = max(max(one.judged, default=0), 1)
    worth = (max(grade, 0) / highest * persistence**rank for rank, grade in enumerate(one.grades))
    return (1 - persistence) * sum(worth)


def rank_biased_residual(one: Ranked) -> float:
    """How much RBP could grow, had what was never judged, and what stands behind the last rank, been relevant."""
    missing = [PERSISTENCE**rank for rank, grade in enumerate(one.grades) if grade < 0]
    return PERSISTENCE ** len(one.grades) + (1 - PERSISTENCE) * sum(missing) if missing else 0.0


def _ideal(one: Ranked) -> list[int]:
    """Gains of the best ranking."""
    return [grade for grade in sorted(one.judged, reverse=True) if grade > 0 for _ in range(one.judged[grade])]


def _dcg(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains) if gain > 0)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


# --- by name, and over queries -------------------------------------------------------------------------------------

Measure = Callable[[Ranked], float]


def _at(name: str, measure: Callable[[Ranked, int], float], cutoffs: Iterable[int] = CUTOFFS) -> dict[str, Measure]:
    return {f"{name}_{k}": lambda one, k=k: measure(one, k) for k in cutoffs}  # type: ignore[misc]


def _of(name: str, measure: Callable[[Ranked, float], float], shares: Iterable[float]) -> dict[str, Measure]:
    return {f"{name}_{share:.2f}": lambda one, share=share: measure(one, share) for share in shares}  # type: ignore[misc]


MEASURES: Mapping[str, Measure] = {
    "map": average_precision, "Rprec": r_precision, "bpref": bpref, "recip_rank": reciprocal_rank,
    **_of("iprec_at_recall", interpolated_precision, RECALLS), **_at("P", precision), **_at("recall", recall),
    "infAP": inferred_average_precision, **_of("Rprec_mult", r_precision, MULTIPLES), "utility": utility,
    "11pt_avg": eleven_points, "binG": binary_gain, "G": gain, "ndcg": ndcg, "ndcg_rel": ndcg_at_relevant,
    "Rndcg": ndcg_at_levels, **_at("ndcg_cut", ndcg), **_at("map_cut", average_precision),
    **_at("relative_P", relative_precision), **_at("success", success, (1, 5, 10)), "set_P": set_precision,
    "set_relative_P": set_relative_precision, "set_recall": set_recall,
    "set_map": lambda one: set_precision(one) * set_recall(one), "set_F": set_f, "rbp": rank_biased_precision,
    "rbp_resid": rank_biased_residual, **_at("unj", unjudged, (5, 10, 20)),
}  # fmt: skip
"""trec_eval's measures by its names. Their mean over queries is the figure of a run."""
GEOMETRIC: Mapping[str, str] = {"gm_map": "map", "gm_bpref": "bpref"}
"""Geometric means, by the measure they are of."""


def queries(
    run: Mapping[str, Mapping[str, float]], judgements: Mapping[str, Mapping[str, int]], *, level: int = 1,
    most: int | None = None, complete: bool = False,
) -> dict[str, Ranked]:  # fmt: skip
    """Each query that was judged and searched; with `complete`, each that was judged: others score 0."""
    return {
        name: ranked(run.get(name, {}), judgements[name], level=level, most=most)
        for name in judgements
        if complete or name in run
    }


def over_queries(measure: str, each: Iterable[Ranked]) -> float:
    """The mean of a measure, or the geometric one, whose values are 0.00001 at least. KeyError: no such measure."""
    of = GEOMETRIC.get(measure)
    values = [MEASURES[of or measure](one) for one in each]
    if not values:
        return 0.0
    if of is None:
        return sum(values) / len(values)
    return math.exp(sum(math.log(max(value, LEAST_IN_GEOMETRIC_MEAN)) for value in values) / len(values))
