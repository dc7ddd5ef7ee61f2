"""Accuracy of a run's answers: what is counted, how sure it is, and what is not an answer."""

from __future__ import annotations

import pytest

from perfbench.metrics.quality import quality
from perfbench.review import ItemReview


def review(n, value=1.0, benchmark="b", **more):
    given = {"key": str(n), "index": n, "item": f"{benchmark}/main/{n}", "benchmark": benchmark, "extracted": "x"}
    given |= {"status": "unscored" if value is None else "scored", "value": value, "protocol": "exact"}
    return ItemReview(**(given | more))


def test_an_item_without_an_answer_is_in_no_accuracy():
    found = quality([review(0), review(1), review(2, 0.0), review(3, None, fault="http_500")], 2.0)
    assert (found["accuracy"], found["scored"], found["unscored"]) == (pytest.approx(2 / 3), 3, 1)
    assert found["faults"] == {"http_500": 1}
    assert (found["correct"], found["correct_per_s"]) == (2.0, 1.0)


def test_correct_answers_within_the_slo_are_counted_apart():
    reviews = [review(0), review(1), review(2, 0.0)]
    found = quality(reviews, 0.5, in_slo={"0", "2"})
    assert (found["correct_in_slo"], found["correct_in_slo_per_s"]) == (1.0, 2.0)
    assert quality(reviews, 0.5)["correct_in_slo"] is None


def test_the_interval_is_wilsons_where_answers_are_right_or_wrong():
    found = quality([review(n, float(n < 108)) for n in range(120)], 1.0)
    assert found["method"] == "wilson"
    assert found["accuracy_ci"] == pytest.approx([0.8332, 0.9419], abs=1e-3)  # by hand


def test_asking_the_same_items_again_does_not_make_it_surer():
    once = [review(n, float(n % 4 != 0)) for n in range(80)]
    thrice = [review(1000 * again + n, one.value, item=one.item) for again in range(3) for n, one in enumerate(once)]
    widths = []
    for reviews in (once, thrice):
        low, high = quality(reviews, 1.0)["accuracy_ci"]
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0], rel=0.1)
    assert quality(thrice, 1.0)["method"] == "clustered (80 clusters), t"
    assert quality(thrice, 1.0)["items"] == 80


def test_items_of_one_passage_are_one_cluster():
    reviews = [review(n, float(n < 40), group=f"g{n // 10}") for n in range(80)]
    low, high = quality(reviews, 1.0)["accuracy_ci"]
    assert (low, high) == (pytest.approx(0.053, abs=0.01), pytest.approx(0.947, abs=0.01))  # 8 clusters: t of 7 degrees


def test_all_right_is_as_sure_as_there_are_clusters():
    one, many = ([review(n, 1.0, group=f"g{n // size}") for n in range(80)] for size in (10, 1))
    assert quality(one, 1.0)["accuracy_ci"][0] == pytest.approx(0.676, abs=1e-3)  # 8 of 8
    assert quality(many, 1.0)["accuracy_ci"][0] == pytest.approx(0.954, abs=1e-3)  # 80 of 80


def test_benchmarks_are_told_apart():
    found = quality([review(0), review(1, 0.0), review(2, 0.5, benchmark="c", protocol="f1")], 1.0)
    assert {name: part["accuracy"] for name, part in found["by_benchmark"].items()} == {"b": 0.5, "c": 0.5}
    assert found["by_benchmark"]["c"]["protocol"] == "f1"
    assert found["by_benchmark"]["c"]["accuracy_ci"] is None  # of one grade
    assert found["correct"] == 1.5


def test_answers_that_were_cut_or_could_not_be_read_are_counted():
    found = quality([review(0, finish_reason="length"), review(1, 0.0, extracted=None)], 1.0)
    assert (found["cut"], found["unread"]) == (1, 1)


def test_nothing_scored_is_no_zero():
    found = quality([review(0, None, fault="reset")], 1.0)
    assert (found["accuracy"], found["accuracy_ci"], found["correct_per_s"]) == (None, None, 0.0)
    assert quality([], None)["correct_per_s"] is None
