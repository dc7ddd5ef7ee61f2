"""Pick: a quick evaluation is an honest sample, and more of it includes the less."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.dataset.pick import allot, content_id, pick
from evalcore.errors import TaskError
from evalcore.types import Sample


def samples(count, subset="main", category=lambda i: ""):
    return [
        Sample(id=f"{subset}{i}", subset=subset, question="", target="", category=category(i)) for i in range(count)
    ]


def ids(found):
    return [sample.id for sample in found]


SAMPLES = samples(900, category=lambda i: "abc"[min(i // 100, 2)])  # 100 a, 100 b, 700 c, one after the other


def test_without_a_limit_all_are_asked_in_order():
    assert list(pick(lambda: SAMPLES)) == SAMPLES


def test_head_takes_the_first_of_each_subset():
    both = [*samples(5, "x"), *samples(5, "y")]
    assert ids(pick(lambda: both, 2, "head")) == ["x0", "x1", "y0", "y1"]
    assert ids(pick(lambda: both, 0.4, "head")) == ["x0", "x1", "y0", "y1"]


@pytest.mark.parametrize(
    ("limit", "count"), [(90, 90), (0.1, 90), (1, 1), (1.0, 900), (5000, 900), (50.0, 50), (1e-9, 1)]
)
def test_a_limit_is_a_count_or_a_share(limit, count):
    assert len(list(pick(lambda: SAMPLES, limit))) == count


def test_categories_get_their_share():
    assert Counter(one.category for one in pick(lambda: SAMPLES, 90)) == {"a": 10, "b": 10, "c": 70}


def test_a_sample_is_in_the_order_of_its_source():
    order = {one.id: place for place, one in enumerate(SAMPLES)}
    places = [order[name] for name in ids(pick(lambda: SAMPLES, 100))]
    assert places == sorted(places)


def test_the_same_seed_picks_the_same_whatever_the_order():
    mixed = random.Random(3).sample(SAMPLES, len(SAMPLES))
    assert set(ids(pick(lambda: SAMPLES, 100))) == set(ids(pick(lambda: mixed, 100)))
    assert set(ids(pick(lambda: SAMPLES, 100))) != set(ids(pick(lambda: SAMPLES, 100, seed=43)))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_more_includes_less(few, more, seed):
    some = samples(60, category=lambda i: "abcdefg"[i % 7])
    few, more = sorted((few, more))
    assert set(ids(pick(lambda: some, few, seed=seed))) <= set(ids(pick(lambda: some, more, seed=seed)))


def test_every_sample_has_the_same_chance_in_small_categories_too():
    some = samples(50, category=lambda i: "one large" if i < 40 else f"small {i}")
    counts = Counter(name for seed in range(2000) for name in ids(pick(lambda: some, 10, seed=seed)))
    # 400 expected of each, standard deviation 18: five of them
    assert all(310 < counts[one.id] < 490 for one in some)


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 200), min_size=1, max_size=12), st.data())
def test_each_stratum_gives_its_share(sizes, data):
    total = sum(sizes.values())
    wanted = data.draw(st.integers(0, total))
    given_ = allot(sizes, wanted, "salt")
    assert sum(given_.values()) == wanted
    for name, count in given_.items():
        assert 0 <= count <= sizes[name]


def test_identical_rows_are_both_asked():
    twice = [*samples(2), *samples(2), *samples(1)]
    assert ids(pick(lambda: twice)) == ["main0", "main1", "main0~2", "main1~2", "main0~3"]
    assert len(list(pick(lambda: twice, 5))) == 5


def test_only_the_subsets_asked_for():
    both = [*samples(3, "x"), *samples(3, "y")]
    assert ids(pick(lambda: both, 2, "head", subsets={"y"})) == ["y0", "y1"]


@pytest.mark.parametrize("limit", [0, -1, 0.0, 2.5, -0.5, float("nan"), True])
def test_a_limit_that_makes_no_sense_is_refused(limit):
    with pytest.raises(TaskError, match="limit is"):
        pick(lambda: SAMPLES, limit)


def test_content_ids_do_not_depend_on_the_order_of_fields():
    assert content_id({"a": 1, "b": "x"}) == content_id({"b": "x", "a": 1}) != content_id({"a": 1, "b": "y"})
