"""Delays: laws as people write them, drawn from with a seed."""

from __future__ import annotations

import random
from statistics import fmean, median, stdev

import pytest

from perfbench.settings.delays import LAWS, Delay, delay


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("3s", Delay("always", (3.0,))),
        (3, Delay("always", (3.0,))),
        ("0.5", Delay("always", (0.5,))),
        ("1m30s", Delay("always", (90.0,))),
        ("always 2s", Delay("always", (2.0,))),
        ("uniform 1s 5s", Delay("uniform", (1.0, 5.0))),
        ("exponential 200ms", Delay("exponential", (0.2,))),
        ("  lognormal  3s 0.8 ", Delay("lognormal", (3.0, 0.8))),
    ],
)
def test_what_a_text_means(text, law):
    assert delay(text) == law


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3 parsecs", "is not a unit of a duration"),
        ("-1s", "must be 0 or more"),
        ("", "is not a duration"),
        (None, "is not a duration"),
        ("lognorml 3s 1", "did you mean lognormal?"),
        ("uniform 3s", "uniform takes 2"),
        ("uniform 3s 1s", "the first of the two is the shorter one"),
        ("exponential", "exponential takes 1"),
        ("lognormal 3s nan", "is no standard deviation"),
        ("lognormal 3s -1", "is no standard deviation"),
        ("lognormal three 1", "lognormal 'three' is not a duration"),
    ],
)
def test_what_is_no_delay_says_why(text, says):
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        delay(text)


@pytest.mark.parametrize(
    "text", ["2s", "uniform 1s 4s", "exponential 2s", "lognormal 2s 0.5", "exponential 0s", "lognormal 0 1"]
)
def test_draws_are_delays_and_repeat_with_the_seed(text):
    law = delay(text)
    draws = [law.draw(rng) for rng in [random.Random(7)] for _ in range(200)]
    again = [law.draw(rng) for rng in [random.Random(7)] for _ in range(200)]
    assert draws == again
    assert min(draws) >= 0


def test_draws_follow_their_law():
    rng = random.Random(1)
    draws = {name: [delay(name).draw(rng) for _ in range(20_000)] for name in
             ("uniform 1s 5s", "exponential 3s", "lognormal 3s 0.8")}  # fmt: skip
    uniform, exponential, lognormal = draws.values()
    assert 1 <= min(uniform) < 1.01 < 4.99 < max(uniform) <= 5
    assert fmean(exponential) == pytest.approx(3, rel=0.03)
    assert stdev(exponential) == pytest.approx(3, rel=0.05)
    assert median(lognormal) == pytest.approx(3, rel=0.03)


def test_every_law_is_in_the_description():
    from perfbench.settings import delays

    assert delays.__doc__ is not None
    assert all(law in delays.__doc__ for law in LAWS)
