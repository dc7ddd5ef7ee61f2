"""Curves: areas are the integrals of levels, inverses undo areas, spans are where the level is that high."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Curve, Stage
from perfbench.engine.pacing.base import LEAST_LEVEL
from perfbench.engine.pacing.hold import Hold
from perfbench.engine.pacing.ramp import Ramp
from perfbench.engine.pacing.sine import Sine
from perfbench.engine.pacing.square import Square
from perfbench.engine.pacing.steps import Steps, levels_between

levels = st.one_of(st.just(0.0), st.floats(10 * LEAST_LEVEL, 200))  # scaled by 0.1 below
above = st.floats(0.01, 200)
times = st.floats(0.05, 50)


@st.composite
def swings(draw: st.DrawFn) -> Stage:
    low = draw(levels)
    high = low + draw(above)
    every_s = draw(times)
    if draw(st.booleans()):
        return Sine(low, high, every_s, draw(times), draw(st.sampled_from(["low", "middle", "high"])))
    return Square(low, high, every_s * draw(st.floats(0.1, 0.9)), every_s, draw(times))


stages = st.one_of(
    st.builds(Hold, levels, times),
    st.builds(Ramp, levels, levels, times),
    st.builds(Ramp, above, above, times, st.just(True)),
    st.builds(Steps, st.lists(levels, min_size=1, max_size=5).map(tuple), times),
    swings(),
)
curves = st.lists(stages, min_size=1, max_size=4).map(lambda found: Curve(tuple(p for s in found for p in s.pieces())))


@given(curves)
@settings(max_examples=80, deadline=None)
def test_the_area_is_the_integral_of_the_level(curve):
    """Each piece by Simpson's rule, which knows nothing of its formulas."""
    for start_s, end_s in zip(curve.starts_s, curve.starts_s[1:], strict=False):
        at_s = np.linspace(start_s, end_s, 4001)
        at_s[-1] = np.nextafter(end_s, start_s)  # the level at a jump is the one after it
        level = np.array([curve.level(float(at)) for at in at_s])
        weights = np.tile([2.0, 4.0], 2001)[:4001]
        weights[0] = weights[-1] = 1.0
        integral = float(weights @ level) * (end_s - start_s) / 12_000
        found = curve.area(end_s) - curve.area(start_s)
        assert found == pytest.approx(integral, rel=1e-4, abs=1e-7 + 0.5 * level.max() * (end_s - start_s) / 4000)


@given(curves, st.floats(0, 1.5))
@settings(max_examples=200, deadline=None)
def test_the_inverse_is_the_first_instant_with_that_area(curve, share):
    at_s = share * curve.lasts_s
    area = curve.area(at_s)
    found = curve.inverse(area)
    if area <= 0:
        return
    assert found is not None
    assert curve.area(found) == pytest.approx(area, rel=1e-9, abs=1e-9 * curve.highest + 1e-12)
    # Around a level of nothing the areas of many instants are one number, but for the rounding of a sum of sines.
    assert found <= at_s + 1e-6 or curve.area(found) <= area + 4 * math.ulp(curve.areas[-1])


@given(curves, st.lists(st.floats(0, 1), min_size=2, max_size=30))
@settings(max_examples=100, deadline=None)
def test_inverses_keep_their_order(curve, shares):
    total = curve.area(curve.lasts_s)
    found = [curve.inverse(total * share) for share in sorted(shares)]
    known = [at_s for at_s in found if at_s is not None]
    assert all(later - sooner >= -1e-9 for sooner, later in pairwise(known))


@given(curves, above)
@settings(max_examples=150, deadline=None)
def test_spans_are_where_the_level_is_that_high(curve, level):
    spans = list(curve.spans_at_least(level))
    ends = [end for span in spans for end in span if end is not None]
    assert ends == sorted(ends)
    assert all(end is not None for _, end in spans[:-1])
    for at_s in np.linspace(0, curve.lasts_s * 1.2, 300).tolist():
        if any(abs(at_s - end) < 1e-6 * max(1.0, at_s) for end in ends):
            continue  # at a crossing rounding decides
        height = curve.level(at_s)
        if math.isclose(height, level, rel_tol=1e-6):
            continue
        inside = any(start <= at_s and (end is None or at_s < end) for start, end in spans)
        assert inside == (height > level), (at_s, height, level, spans)


@given(curves)
@settings(max_examples=50, deadline=None)
def test_the_highest_level_is_reached_and_never_passed(curve):
    heights = [curve.level(float(at_s)) for at_s in np.linspace(0, curve.lasts_s, 2000)]
    assert max(heights) <= curve.highest * (1 + 1e-12)
    assert list(curve.spans_at_least(curve.highest * 0.999)) or curve.highest == 0


@given(curves, st.floats(0.1, 10))
@settings(max_examples=50, deadline=None)
def test_a_curve_can_be_scaled(curve, factor):
    assert curve.times(factor).areas[-1] == pytest.approx(curve.areas[-1] * factor, rel=1e-9)


@pytest.mark.parametrize(
    ("stage", "area"),
    [
        pytest.param(Hold(5, 10), 50.0, id="hold"),
        pytest.param(Ramp(1, 50, 60), 1530.0, id="linear ramp: mean level x time"),
        pytest.param(Ramp(50, 1, 60), 1530.0, id="and down again"),
        pytest.param(Ramp(0, 10, 10), 50.0, id="from nothing"),
        pytest.param(Ramp(1, math.e, 10, exponential=True), 10 * (math.e - 1), id="exponential: (b - a) / ln(b / a)"),
        pytest.param(Ramp(7, 7, 10, exponential=True), 70.0, id="a ramp to where it is"),
        pytest.param(Steps((1, 2, 5), 10), 80.0, id="steps"),
        pytest.param(Sine(10, 50, 60, 180), 5400.0, id="whole swings have the area of their middle"),
        pytest.param(Sine(0, 1, 1, 0.5, "middle"), 0.25 + 1 / (2 * math.pi), id="the upper half of a swing"),
        pytest.param(Square(5, 50, 10, 20, 120), 3300.0, id="square"),
        pytest.param(Square(5, 50, 2, 30, 65), 505.0, id="bursts, the last period cut off before its burst"),
    ],
)
def test_areas_by_hand(stage, area):
    curve = Curve(tuple(stage.pieces()))
    assert curve.areas[-1] == pytest.approx(area)


def test_beyond_its_end_a_curve_stays_where_it_is():
    curve = Curve((*Ramp(0, 10, 10).pieces(),))
    assert curve.level(100) == 10
    assert curve.area(20) == pytest.approx(150)
    assert curve.inverse(150) == pytest.approx(20)


def test_what_ends_at_nothing_has_no_more_area_to_give():
    curve = Curve((*Ramp(10, 0, 10).pieces(),))
    assert curve.inverse(50) == pytest.approx(10)
    assert curve.inverse(50.001) is None


def test_a_warm_up_is_held_at_the_first_level():
    curve = Curve((*Ramp(4, 10, 10).pieces(),)).after(5)
    assert curve.level(3) == 4
    assert curve.lasts_s == 15
    assert curve.area(5) == pytest.approx(20)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([Ramp(1, 5, 10)], None, id="a ramp holds nothing"),
        pytest.param([Ramp(1, 5, 10), Hold(5, 20), Hold(7, 30), Hold(3, 5)], (30, 60), id="the longest"),
        pytest.param([Hold(5, 20), Hold(5, 20), Hold(7, 30)], (0, 40), id="neighbours at one level are one"),
        pytest.param([Hold(5, 20), Hold(7, 20)], (0, 20), id="the first of equals"),
    ],
)
def test_the_longest_hold(found, expected):
    curve = Curve(tuple(p for stage in found for p in stage.pieces()))
    assert curve.longest_hold() == expected


def test_the_longest_hold_after_a_warm_up():
    curve = Curve((*Hold(5, 20).pieces(), *Hold(7, 15).pieces()))
    assert curve.longest_hold(10) == (20, 35)
    assert curve.longest_hold(2) == (2, 20)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10, 50, 10), (10, 20, 30, 40, 50)), ((10, 45, 20), (10, 30, 45)), ((5, 1, 2), (5, 3, 1)), ((3, 3, 1), (3,)),
        ((0.1, 1, 0.1), pytest.approx((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1))),
    ],
)  # fmt: skip
def test_steps_between_two_levels(values, expected):
    assert levels_between(*values) == expected


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        pytest.param(Hold(-1, 5), "level must be 0 or more.* -1", id="below nothing"),
        pytest.param(Hold(float("nan"), 5), "level must be .* nan", id="not a number"),
        pytest.param(Hold(1e-300, 5), "1e-300 is next to nothing; take 0", id="next to nothing"),
        pytest.param(Hold(1, 0), "time must be longer than 0 s.* 0 s", id="no time"),
        pytest.param(Ramp(1, float("inf"), 5), "level must be .* inf", id="without end"),
        pytest.param(Ramp(0, 5, 5, exponential=True), "neither begin nor end at 0", id="a factor from nothing"),
        pytest.param(Sine(5, 5.5, 0, 5), "longer than 0 s", id="no period"),
        pytest.param(Sine(6, 5, 1, 5), "low level 6 is not below the high one 5", id="upside down"),
        pytest.param(Square(1, 2, 5, 5, 50), "leave nothing between them", id="bursts that touch"),
        pytest.param(Square(1, 2, 0.1, 0.2, 1e6), "more than 100000 times", id="more pieces than anybody needs"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(stage, message):
    with pytest.raises(ScenarioError, match=message):
        list(stage.pieces())


def test_a_curve_of_nothing_is_refused():
    with pytest.raises(ScenarioError, match="at least one stage"):
        Curve(())
