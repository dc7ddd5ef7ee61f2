"""Quality: how right the answers of a run were, from their reviews.

Accuracy is the mean of the headline scores of all answers that were scored; an item without an answer is unscored, and
in no mean. Answers to the same item, and items that share a passage, are one cluster for the interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from perfbench.review import ItemReview
from perfbench.statistics.dependence import Dependence, Floats
from perfbench.statistics.means import mean_interval, wilson


def quality(
    reviews: Sequence[ItemReview], window_s: float | None, in_slo: Collection[str] | None = None
) -> dict[str, Any]:
    """The `quality` of summary.json. `in_slo`: keys of the requests that met every limit; None where there is none.

    {accuracy, accuracy_ci, method, scored, unscored, faults, items, correct, correct_per_s, correct_in_slo,
    correct_in_slo_per_s, cut, unread, by_benchmark: {name: {protocol, ... the same}}}. `correct` is the sum of the
    scores: for answers that are right or wrong, how many were right; `cut`: answers that ended at max_tokens;
    `unread`: answers out of which nothing could be read.
    """
    names = sorted({review.benchmark for review in reviews})
    parts = {name: [review for review in reviews if review.benchmark == name] for name in names}
    return {
        **_figures(reviews, window_s, in_slo),
        "by_benchmark": {
            name: {"protocol": next((one.protocol for one in part if one.protocol), None),
                   **_figures(part, window_s, in_slo)} for name, part in parts.items()
        },
    }  # fmt: skip


def _figures(reviews: Sequence[ItemReview], window_s: float | None, in_slo: Collection[str] | None) -> dict[str, Any]:
    scored = [review for review in reviews if review.value is not None]
    value, interval, method = _mean(scored)
    correct = float(sum(review.value or 0.0 for review in scored))
    good = None if in_slo is None else float(sum(review.value or 0.0 for review in scored if review.key in in_slo))
    return {
        "accuracy": value,
        "accuracy_ci": interval,
        "method": method,
        "scored": len(scored),
        "unscored": len(reviews) - len(scored),
        "faults": dict(Counter(review.fault for review in reviews if review.value is None).most_common()),
        "items": len({review.item for review in reviews}),
        "correct": correct,
        "correct_per_s": correct / window_s if window_s else None,
        "correct_in_slo": good,
        "correct_in_slo_per_s": good / window_s if good is not None and window_s else None,
        "cut": sum(review.finish_reason == "length" for review in scored),
        "unread": sum(review.extracted is None for review in scored),
    }


def _mean(scored: Sequence[ItemReview]) -> tuple[float | None, list[float] | None, str | None]:
    """Mean of the values, its interval at 95 %, and how that was made."""
    if not scored:
        return None, None, None
    sums: dict[str, float] = {}
    sizes: Counter[str] = Counter()
    for review in scored:
        cluster = review.group or review.item
        sums[cluster] = sums.get(cluster, 0.0) + (review.value or 0.0)
        sizes[cluster] += 1
    totals, counts = np.array(list(sums.values())), np.array(list(sizes.values()), np.float64)
    value, clusters = float(totals.sum() / counts.sum()), len(sums)
    binary = all(review.value in (0.0, 1.0) for review in scored)
    if binary and (clusters == len(scored) or value in (0.0, 1.0)):
        # Of clusters that are all right, or all wrong, no spread is seen: as if each were one trial.
        return value, list(wilson(value, clusters)), "wilson" if clusters == len(scored) else f"wilson of {clusters}"
    found = _within(totals, counts)
    words = "t" if clusters == len(scored) else f"clustered ({clusters} clusters), t"
    return value, found, words if found is not None else "none: one cluster"


def _within(totals: Floats, counts: Floats) -> list[float] | None:
    """The clusters' interval, kept on the scale of scores, 0 to 1."""
    interval = mean_interval(totals, counts, Dependence(lag1=0.0, block=1, blocks=totals.size))
    return None if interval is None else [max(0.0, interval[0]), min(1.0, interval[1])]
