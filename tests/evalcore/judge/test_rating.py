"""Bradley-Terry ratings: known strengths come back, and intervals cover them."""

import math

import numpy as np
import pytest

from evalcore.judge.rating import MEAN, PRIOR, rating_intervals, ratings, wins_of


def test_two_models_differ_by_the_odds_of_their_games():
    wins = np.array([[0.0, 75.0], [25.0, 0.0]])
    first, second = ratings(wins)
    odds = (75 + PRIOR) / (25 + PRIOR)
    assert first - second == pytest.approx(400 * math.log10(odds))
    assert first + second == pytest.approx(2 * MEAN)


def test_a_model_that_won_all_is_strong_but_not_infinitely_so():
    first, second = ratings(np.array([[0.0, 10.0], [0.0, 0.0]]))
    assert first - second == pytest.approx(400 * math.log10(10.5 / 0.5))


def test_models_that_met_only_by_way_of_others_can_be_compared_and_others_not():
    chain = np.array([[0, 3, 0], [1, 0, 3], [0, 1, 0]], dtype=float)
    a, b, c = ratings(chain)
    assert a > b > c and a - b == pytest.approx(b - c)
    with pytest.raises(ValueError, match="never met"):
        ratings(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0]], dtype=float))


def test_known_strengths_come_back_within_their_intervals():
    rng, truth = np.random.default_rng(1), np.array([200.0, 0.0, -200.0])
    first = np.repeat([0, 0, 1], 400)
    second = np.repeat([1, 2, 2], 400)
    chance = 1 / (1 + 10 ** ((truth[second] - truth[first]) / 400))
    value = (rng.random(first.size) < chance).astype(float)
    units = np.tile(np.arange(400), 3)
    found = ratings(wins_of(first, second, value, 3)) - MEAN
    low, high = rating_intervals(units, first, second, value, 3)
    assert np.abs(found - truth).max() < 40
    assert ((low - MEAN <= truth) & (truth <= high - MEAN)).all() and (high - low < 120).all()


def test_one_unit_has_no_interval():
    low, high = rating_intervals(np.array([0]), np.array([0]), np.array([1]), np.array([1.0]), 2)
    assert np.isnan(low).all() and np.isnan(high).all()
