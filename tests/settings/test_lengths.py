"""Lengths: what each law draws, what it says of itself, and what is wrong with a text that spells none."""

from __future__ import annotations

import random
from statistics import fmean, pstdev

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perfbench.settings.lengths import LAWS, lengths

MANY = 20_000


def draws(text: str, count: int = MANY) -> list[tuple[int, int | None]]:
    law, rng = lengths(text), random.Random(7)
    return [law.draw(rng.random(), rng.random() or 0.5, rng.random() or 0.5) for _ in range(count)]


@pytest.mark.parametrize(
    ("text", "mean", "sd"),
    [
        ("500", 500, 0),
        ("fixed(500)", 500, 0),
        ("uniform(100, 800)", 450, 202.4),
        ("uniform(max=800, min=100)", 450, 202.4),
        ("normal(mean=500, sd=50)", 500, 50),
        ("normal(500, 50)", 500, 50),
        ("lognormal(mean=500, sd=300)", 500, 300),
        ("lognormal(mean=1k, sd=100)", 1000, 100),
        ("100@3, 200@1", 125, 43.3),
        ("100@75%, 200@25%", 125, 43.3),
    ],
)
def test_a_law_draws_what_it_is_named_for(text, mean, sd):
    found = [prompt for prompt, _ in draws(text)]
    assert fmean(found) == pytest.approx(mean, rel=0.02)
    assert pstdev(found) == pytest.approx(sd, rel=0.06, abs=1e-9)
    assert lengths(text).mean == pytest.approx(mean, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "normal(mean=500, sd=400, min=100, max=900)",
        "normal(mean=10, sd=50)",
        "lognormal(mean=500, sd=300, max=600)",
        "lognormal(mean=500, sd=2000, min=50, max=4000)",
        "uniform(3, 5)",
        "lognormal(mean=3, sd=2, max=9)",
    ],
)
def test_a_cut_law_says_the_mean_of_what_is_left(text):
    law = lengths(text)
    found = [prompt for prompt, _ in draws(text)]
    # A length below 2 or so is coarser than the law it was rounded from; elsewhere rounding takes nothing.
    assert fmean(found) == pytest.approx(law.mean, rel=0.02, abs=0.06)
    assert law.least <= min(found)
    assert max(found) <= law.most


@example(500, 50.0, 1, 900, 5e-324, "normal")
@given(
    st.integers(1, 3000), st.floats(1, 3000), st.integers(1, 400), st.integers(0, 4000),
    st.floats(0, 1, exclude_min=True, exclude_max=True), st.sampled_from(["normal", "lognormal"]),
)  # fmt: skip
def test_no_draw_leaves_the_ends(mean, sd, low, width, share, name):
    try:
        law = lengths(f"{name}(mean={mean}, sd={sd}, min={low}, max={low + width})")
    except ValueError as error:
        assert "leave nothing of it" in str(error)
        return
    assert low <= law.draw(0.5, share, 0.5)[0] <= low + width
    assert low - 1 <= law.mean <= low + width + 1


def test_pairs_are_drawn_together():
    law = lengths("128:64@0.5, uniform(1000, 1024):256@0.5")
    found = draws("128:64@0.5, uniform(1000, 1024):256@0.5", 4000)
    assert {(min(prompt, 1000), reply) for prompt, reply in found} == {(128, 64), (1000, 256)}
    assert sum(prompt == 128 for prompt, _ in found) / 4000 == pytest.approx(0.5, abs=0.03)
    assert (law.pairs, law.mean, law.mean_reply, law.most, law.fixed) == (True, (128 + 1012) / 2, 160, 1024, None)


def test_parts_without_weights_are_alike():
    assert sum(prompt == 1 for prompt, _ in draws("1, 2", 4000)) / 4000 == pytest.approx(0.5, abs=0.03)


def test_a_plain_number_is_a_fixed_length():
    assert [lengths(value).fixed for value in (500, "500", "2k", "fixed(7)")] == [500, 500, 2000, 7]
    assert lengths("1:2").fixed is lengths("1,2").fixed is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "a length is missing"),
        ("500,", "a length is missing"),
        ("lots", "'lots'"),
        ("0", "0 is no length"),
        (0, "0 is no length"),
        (1.5, "is 1.5, not lengths"),
        (True, "is True, not lengths"),
        ("lognorml(mean=5, sd=1)", "did you mean lognormal?"),
        ("lognormal(mean=500)", "sd is missing"),
        ("lognormal(mean=500, sd=300, most=4)", "'most' is none of its figures"),
        ("lognormal(mean=500, sd=300, sd=4)", "'sd' is there twice"),
        ("lognormal(500, 300, 1, 2, 3)", "'3' is one figure too many"),
        ("lognormal(mean=500, sd=0)", "must both be above 0"),
        ("lognormal(mean=nan, sd=1)", "must both be above 0"),
        ("lognormal(mean=many, sd=1)", "mean is 'many', not a number"),
        ("normal(mean=500, sd=10, min=900, max=1000)", "leave nothing of it"),
        ("normal(mean=500, sd=10, min=9, max=8)", "1 <= min <= max"),
        ("uniform(800, 100)", "800 to 100 are no lengths"),
        ("uniform(0, 100)", "0 to 100 are no lengths"),
        ("uniform(100, 800", "a bracket is never closed"),
        ("uniform(100, 800))", "a bracket closes at character 18"),
        ("uniform(1, 2)x", "does not end with a bracket"),
        ("128:64:32", "more than two sides"),
        ("128@none", "'none' is no weight"),
        ("128@0", "'0' is no weight"),
        ("128@1, 256", "some parts a weight and others none"),
        ("128:64, 256", "some parts say how long replies are"),
    ],
)
def test_a_text_that_is_none_says_why_and_what_would_be_one(value, says):
    with pytest.raises(ValueError) as error:
        lengths(value)
    assert says in str(error.value)
    assert repr(value) in str(error.value)


def test_every_law_is_told_how_it_is_written():
    for form in LAWS.values():
        assert lengths(form.like).mean > 0
