"""Whether accuracy falls as load rises: what is found, what is not, and how often a steady server is accused."""

from __future__ import annotations

import numpy as np
import pytest

from evalcore.statistics import mcnemar
from evalcore.underload.fall import Paired, assess, difference_interval, fall, pairs
from perfbench.review import ItemReview

LOADS = (4.0, 8.0, 16.0, 32.0, 64.0)


def reviews(values, groups=None, unscored=()):
    """One load: the outcome of each item."""
    return [
        ItemReview(
            key=str(n), index=n, item=f"b/main/{n}", benchmark="b", group=groups[n] if groups else "",
            status="unscored" if n in unscored else "scored", value=None if n in unscored else float(value),
        )
        for n, value in enumerate(values)
    ]  # fmt: skip


def noisy(seed, items=120, skills=(0.8,) * 5, loads=LOADS):
    """Items of unlike difficulty, drawn anew at each load; `skills` are the means by load."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, 1.5, items)
    chances = [1 / (1 + np.exp(-(ease + 1.8 * np.log(skill / (1 - skill))))) for skill in skills]
    return {load: reviews(rng.random(items) < chance) for load, chance in zip(loads, chances, strict=True)}


def test_a_fall_is_found_with_its_p_value_and_where_it_begins():
    found = fall(noisy(1, skills=(0.85, 0.85, 0.85, 0.6, 0.6)))
    assert found["falls"]
    assert found["p_value"] < 0.001
    assert (found["begins"]["after"], found["begins"]["at"]) == (16, 32)
    assert found["begins"]["between"] == [16, 32]
    last = found["loads"][-1]
    assert last["load"] == 64
    assert last["high"] < 0
    assert last["p_value"] <= last["p_adjusted"] < 0.01
    assert last["lost"] > last["gained"]


def test_where_the_fall_is_gentle_its_beginning_is_less_sure():
    found = fall(noisy(3, items=300, skills=(0.85, 0.82, 0.78, 0.73, 0.68)))
    assert found["falls"]
    low, high = found["begins"]["between"]
    assert low < found["begins"]["at"] <= high
    assert (low, high) != (found["begins"]["after"], found["begins"]["at"])


def test_of_twenty_steady_servers_at_most_two_are_accused():
    assert sum(fall(noisy(seed))["falls"] for seed in range(20)) <= 2


def test_a_steady_server_is_accused_as_often_as_the_level_says():
    accused = sum(
        assess(pairs(noisy(seed, items=60, loads=LOADS[:4], skills=(0.7,) * 4)), resamples=500).p_value < 0.05
        for seed in range(300)
    )
    assert 3 <= accused <= 28  # 15 expected; beyond 28 is 3.4 deviations


def test_a_server_that_answers_the_same_at_every_load_is_not_accused_and_the_depth_that_would_show_is_told():
    same = reviews([1] * 96 + [0] * 24)
    found = fall(dict.fromkeys(LOADS, same))
    assert (found["falls"], found["p_value"], found["changing"], found["begins"]) == (False, 1.0, 0, None)
    assert 0.01 < found["excluded_beyond"] < 0.05


def test_a_server_that_gets_better_is_not_accused():
    assert not fall(noisy(1, skills=(0.6, 0.6, 0.85, 0.85, 0.85)))["falls"]


def test_six_items_lost_and_none_gained_is_a_fall_though_the_shares_alone_would_not_tell():
    first, second = [1] * 40 + [0] * 40, [1] * 34 + [0] * 46  # 6 lost, none gained
    found = fall({1.0: reviews(first), 2.0: reviews(second)})
    assert found["p_value"] == pytest.approx(mcnemar(0, 6) / 2, rel=0.2)
    assert found["falls"]


def test_with_two_loads_it_is_mcnemars_test_on_one_side():
    for lost, gained in ((9, 3), (5, 4), (12, 2)):
        first = [1] * lost + [0] * gained + [1] * 20
        second = [0] * lost + [1] * gained + [1] * 20
        found = fall({1.0: reviews(first), 2.0: reviews(second)})
        assert found["p_value"] == pytest.approx(mcnemar(gained, lost) / 2, rel=0.15)
        assert found["loads"][0]["p_value"] == mcnemar(gained, lost)


def test_items_that_a_load_did_not_score_are_compared_where_they_were():
    points = noisy(5, skills=(0.85, 0.85, 0.85, 0.6, 0.6))
    points[64.0] = [
        one if one.index < 60 else reviews([0] * 120, unscored={one.index})[one.index] for one in points[64.0]
    ]
    points[4.0] = points[4.0][:80]
    found = fall(points)
    assert found["falls"]
    assert found["begins"]["at"] == 32
    assert found["loads"][-1]["items"] == 60


def test_answers_after_the_first_are_no_further_pairs():
    once = reviews([1, 0, 1, 1])
    again = [ItemReview(key=f"x{n}", index=100 + n, item=one.item, benchmark="b", status="scored", value=0.0)
             for n, one in enumerate(once)]  # fmt: skip
    table = pairs({1.0: [*again, *once], 2.0: once})
    assert table.values.tolist() == [[1, 1], [0, 0], [1, 1], [1, 1]]


def test_items_that_share_a_passage_are_one_unit():
    groups = [str(n // 10) for n in range(40)]
    whole, lost = [1] * 40, [0] * 10 + [1] * 30  # one passage went wrong as a whole: one event, not ten
    points = {1.0: reviews(whole, groups), 2.0: reviews(lost, groups)}
    found = fall(points)
    assert (found["units"], found["unit"]) == (4, "groups of items")
    assert not found["falls"]
    assert fall({1.0: reviews(whole), 2.0: reviews(lost)})["falls"]


def test_grades_between_0_and_1_are_compared_too():
    rng = np.random.default_rng(2)
    base = rng.uniform(0.3, 0.9, 100)
    points = {load: reviews(base + rng.normal(0, 0.05, 100) - drop)
              for load, drop in zip(LOADS, (0, 0, 0.05, 0.05, 0.05), strict=True)}  # fmt: skip
    found = fall(points)
    assert found["falls"]
    assert (found["begins"]["after"], found["begins"]["at"]) == (8, 16)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param({4.0: reviews([1, 0])}, id="one load"),
        pytest.param({4.0: reviews([1, 0]), 8.0: reviews([1, 0], unscored={0, 1})}, id="nothing scored at the other"),
        pytest.param({4.0: [], 8.0: []}, id="nothing at all"),
        pytest.param({4.0: reviews([0] * 50), 8.0: reviews([0] * 50)}, id="nothing right that could be lost"),
    ],
)
def test_too_little_is_said_to_be_too_little(points):
    found = fall(points)
    assert found["falls"] is None
    assert found["verdict"].startswith("cannot be told")


def test_the_answer_is_the_same_every_time():
    assert fall(noisy(7)) == fall(noisy(7))


def test_rearranging_by_counts_is_rearranging_item_by_item():
    """The quick way for right and wrong against the plain one, on the same outcomes."""
    table = pairs(noisy(9, skills=(0.75, 0.75, 0.72, 0.7, 0.68)))
    shaken = Paired(table.loads, table.values * 0.5, table.kind)  # no longer 0 and 1, so permuted one by one
    quick, plain = assess(table), assess(shaken)
    assert quick.p_value == pytest.approx(plain.p_value, abs=0.02)
    assert quick.trend_z == pytest.approx(plain.trend_z)


@pytest.mark.parametrize(("gained", "lost", "n"), [(0, 0, 120), (3, 9, 120), (0, 30, 100), (0, 5, 5)])
def test_the_interval_of_a_difference_holds_it_and_keeps_within_bounds(gained, lost, n):
    low, high = difference_interval(gained, lost, n)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert low < high


def test_the_interval_of_a_difference_keeps_its_promise():
    rng, n, held = np.random.default_rng(4), 120, 0
    for _ in range(1000):
        gained, lost, _ = rng.multinomial(n, (0.02, 0.06, 0.92))
        low, high = difference_interval(int(gained), int(lost), n)
        held += low <= -0.04 <= high
    assert held >= 930
