"""Shaped load: arrivals follow the integral of the rate, slots follow the level, and nothing depends on who asks."""

from __future__ import annotations

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import ARRIVALS, Constant, Curve, Gamma, Poisson, ShapedArrivals, ShapedLoop
from perfbench.engine.pacing.hold import Hold
from perfbench.engine.pacing.ramp import Ramp
from perfbench.engine.pacing.sine import Sine
from perfbench.engine.pacing.square import Square
from perfbench.engine.pacing.steps import Steps
from tests.engine.pacing.test_curve import curves


def curve(*stages):
    return Curve(tuple(piece for stage in stages for piece in stage.pieces()))


SHAPES = [
    pytest.param(curve(Ramp(1, 50, 60)), id="linear ramp"),
    pytest.param(curve(Ramp(50, 0, 60)), id="down to nothing"),
    pytest.param(curve(Ramp(2, 100, 40, exponential=True)), id="exponential ramp"),
    pytest.param(curve(Steps((10, 0, 50, 5), 10)), id="steps, with a pause"),
    pytest.param(curve(Sine(0, 30, 20, 50)), id="sine"),
    pytest.param(curve(Square(2, 80, 3, 10, 60)), id="bursts"),
    pytest.param(curve(Ramp(0, 40, 20), Hold(40, 20), Ramp(40, 5, 10)), id="up, hold, down"),
]


def until_the_end(pacer):
    end_ns = round(pacer.curve.lasts_s * 1e9)
    found = []
    for offset in pacer:
        if offset >= end_ns:
            break
        found.append(offset)
    return found


@pytest.mark.parametrize("law", ARRIVALS)
@pytest.mark.parametrize("shape", SHAPES)
def test_iterating_again_gives_the_same_offsets_never_decreasing(law, shape):
    pacer = ShapedArrivals(ARRIVALS[law](1.0, 0.5, 3), shape)
    offsets = list(islice(pacer, 500))
    assert offsets == list(islice(pacer, 500))
    assert offsets[0] >= 0
    assert all(isinstance(offset, int) and sooner <= offset for sooner, offset in pairwise(offsets))


def test_a_seed_gives_the_same_schedule_on_every_machine():
    pacer = ShapedArrivals(Poisson(1.0, seed=0), curve(Ramp(0, 100, 10), Sine(10, 100, 5, 20)))
    assert list(islice(pacer, 3)) == [630821025, 724730017, 1015388516]
    assert list(islice(pacer, 700, 702)) == pytest.approx(
        [13472006449, 13546089531], abs=2
    )  # another libm may round a sine


@pytest.mark.parametrize("shape", SHAPES)
def test_constant_arrivals_leave_at_every_whole_expected_arrival(shape):
    offsets = until_the_end(ShapedArrivals(Constant(1.0), shape))
    assert len(offsets) == pytest.approx(shape.areas[-1] + 0.5, abs=0.51)
    areas = [shape.area(offset / 1e9) for offset in offsets[1:]]
    assert areas == pytest.approx(range(1, len(offsets)), abs=1e-6 * shape.highest)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_level_held_is_the_law_itself(shape):
    held = ShapedArrivals(Poisson(1.0, seed=5), curve(Hold(20, 10)))
    assert list(islice(held, 200)) == pytest.approx(list(islice(Poisson(20.0, seed=5), 200)), abs=50)


@pytest.mark.parametrize("shape", SHAPES)
def test_poisson_totals_are_those_of_the_integral(shape):
    """Over 150 seeds: counts in any stretch of time are Poisson of the rate's integral over it, mean and variance."""
    lasts_s = shape.lasts_s
    edges_s = np.linspace(0, lasts_s, 6)
    expected = np.diff([shape.area(at_s) for at_s in edges_s])
    found = np.array([
        np.histogram(np.array(until_the_end(ShapedArrivals(Poisson(1.0, seed), shape))) / 1e9, bins=edges_s)[0]
        for seed in range(150)
    ])  # fmt: skip
    busy = expected > 5
    assert found.mean(axis=0) == pytest.approx(expected, abs=4 * np.sqrt(expected.max() / 150))
    dispersion = found[:, busy].var(axis=0, ddof=1) / expected[busy]
    assert dispersion == pytest.approx(1.0, abs=4 * np.sqrt(2 / 149))
    # Stretches that do not overlap are independent.
    if busy.sum() > 1:
        correlation = np.corrcoef(found[:, busy].T)[np.triu_indices(int(busy.sum()), 1)]
        assert np.abs(correlation).max() < 4.5 / np.sqrt(150)


@pytest.mark.parametrize(
    ("law", "variation"),
    [
        pytest.param(Poisson(1.0, 1), 1.0, id="poisson"),
        pytest.param(Gamma(1.0, 0.25, 1), 2.0, id="bursty gamma"),
        pytest.param(Gamma(1.0, 4.0, 1), 0.5, id="even gamma"),
    ],
)
def test_rescaled_gaps_keep_the_variation_of_their_law_and_no_memory(law, variation):
    shape = curve(Sine(50, 500, 30, 60))
    offsets = until_the_end(ShapedArrivals(law, shape))
    gaps = np.diff([shape.area(offset / 1e9) for offset in offsets])
    count = gaps.size
    assert count > 10_000
    assert gaps.mean() == pytest.approx(1, abs=4 * variation / np.sqrt(count))
    assert gaps.std() == pytest.approx(variation, rel=0.1)
    centred = gaps - gaps.mean()
    for lag in (1, 2, 10):
        assert abs(float((centred[lag:] * centred[:-lag]).mean() / gaps.var())) < 4.5 / np.sqrt(count)


def test_a_rate_that_falls_to_nothing_ends_the_schedule():
    offsets = list(ShapedArrivals(Poisson(1.0, 2), curve(Ramp(20, 0, 5))))
    assert 20 < len(offsets) < 90
    assert offsets[-1] <= 5_000_000_000


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ScenarioError, match="0 all the time"):
        ShapedArrivals(Poisson(1.0), curve(Hold(0, 5)))


@given(curves)
@settings(max_examples=40, deadline=None)
def test_the_open_slots_are_the_level_rounded(shape):
    if shape.highest < 0.5:
        with pytest.raises(ScenarioError, match="no slot would open"):
            ShapedLoop(shape)
        return
    loop = ShapedLoop(shape)
    windows = [list(slot) for slot in loop.slot_windows()]
    assert windows == [list(slot) for slot in loop.slot_windows()]
    assert len(windows) == loop.most
    for at_s in np.linspace(0, shape.lasts_s * 1.1, 60).tolist():
        level = shape.level(at_s)
        edges = [abs(at_s * 1e9 - e) for slot in windows for window in slot for e in window if e is not None]
        if abs(level % 1 - 0.5) < 1e-6 or (edges and min(edges) < 1000):
            continue  # a slot opens or closes here
        open_slots = sum(o <= at_s * 1e9 and (c is None or at_s * 1e9 < c) for slot in windows for o, c in slot)
        assert open_slots == round(level)


def test_slots_that_close_open_again():
    slots = ShapedLoop(curve(Steps((3, 1, 2), 10))).slot_windows()
    s = 1_000_000_000
    assert [list(slot) for slot in slots] == [[(0, None)], [(0, 10 * s), (20 * s, None)], [(0, 10 * s)]]
