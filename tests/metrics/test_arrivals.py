"""Arrival audit: passes streams of the law that was asked for, and names what is wrong with others."""

from __future__ import annotations

from itertools import islice, takewhile

import numpy as np
import pytest

from perfbench.engine.pacing import Constant, Curve, Gamma, Pacer, Poisson, ShapedArrivals
from perfbench.engine.pacing.ramp import Ramp
from perfbench.engine.pacing.sine import Sine
from perfbench.engine.pacing.square import Square
from perfbench.metrics.arrivals import FEWEST, Along, audit_arrivals

RATE = 200.0


def stream(pacer: Pacer, count: int) -> np.ndarray:
    return np.fromiter(islice(pacer, count), np.int64) + 10**15


def gaps(seconds: np.ndarray) -> np.ndarray:
    return np.round(np.cumsum(seconds) * 1e9).astype(np.int64)


@pytest.mark.parametrize("count", [100, 1000, 10_000])
@pytest.mark.parametrize("law", ["constant", "poisson", "gamma 0.5", "gamma 4"])
def test_a_stream_of_the_law_passes(law: str, count: int) -> None:
    """A false alarm about once in two hundred streams: at most 3 of 60 here (more than 3: about once in 10 000)."""
    name, _, shape = law.partition(" ")
    burstiness = float(shape or 1)
    alarms = []
    for seed in range(60):
        pacer = {
            "constant": Constant(RATE), "poisson": Poisson(RATE, seed), "gamma": Gamma(RATE, burstiness, seed),
        }[name]  # fmt: skip
        # What a healthy client adds: a few hundred microseconds of timer.
        jitter = np.random.default_rng(seed).exponential(100_000, count).astype(np.int64)
        found = audit_arrivals(stream(pacer, count) + jitter, name, RATE, burstiness)
        if not found.as_asked:
            alarms.append(found.verdict)
    assert len(alarms) <= 3, alarms


@pytest.mark.parametrize("count", [FEWEST, 150])
def test_chance_in_a_short_stream_is_not_taken_for_another_law(count: int) -> None:
    """Five figures at one false alarm in a thousand each: 2 or 3 of 600. Limits that are right only for long streams
    gave ten and more."""
    found = [audit_arrivals(stream(Poisson(RATE, seed), count), "poisson", RATE) for seed in range(600)]
    alarms = [audit.verdict for audit in found if not audit.as_asked]
    assert len(alarms) <= 6, alarms


def alternating(count: int) -> np.ndarray:
    """Exponential gaps sorted within pairs of neighbours far apart: the right law, in the wrong order."""
    drawn = np.sort(np.random.default_rng(1).exponential(1 / RATE, count))
    return np.column_stack((drawn[: count // 2], drawn[count // 2 :][::-1])).ravel()


def rush_hours(count: int) -> np.ndarray:
    """Poisson whose rate swings between half and one and a half times what was asked."""
    rng = np.random.default_rng(2)
    rate = np.where(np.arange(count) // 500 % 2, RATE * 1.5, RATE * 0.75)
    return rng.exponential(1 / rate)


RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("law", "seconds", "words"),
    [
        pytest.param("poisson", RNG.exponential(1 / 180, 4000), "rate", id="too slow"),
        pytest.param(
            "poisson",
            RNG.gamma(0.25, 4 / RATE, 4000),
            "not 1.00; counts are dispersed",
            id="bursts, as loops that lag make them",
        ),
        pytest.param("poisson", np.full(4000, 1 / RATE), "CV of 0.00, not 1.00", id="constant where Poisson was asked"),
        pytest.param("poisson", alternating(4000), "correlate by -", id="long and short gaps in turn"),
        pytest.param("poisson", rush_hours(8000), "dispersed", id="a rate that swings"),
        pytest.param("poisson", RNG.weibull(0.8, 4000) / RATE / 1.133, "law", id="another law of about that rate"),
        pytest.param("constant", RNG.exponential(1 / RATE, 4000), "CV of 1.0", id="Poisson where constant was asked"),
        pytest.param("gamma", RNG.exponential(1 / RATE, 4000), "CV of 1.0", id="Poisson where gamma was asked"),
        pytest.param("poisson", RNG.exponential(1 / RATE, 4000) + 0.0012, "rate", id="a millisecond lost at every gap"),
    ],
)
def test_a_stream_that_is_not_as_asked_is_named(law: str, seconds: np.ndarray, words: str) -> None:
    found = audit_arrivals(gaps(seconds), law, RATE, 4.0)
    assert found.as_asked is False
    assert found.verdict.startswith(f"not {law} at 200/s")
    assert words in found.verdict


def test_figures_of_a_hand_made_stream() -> None:
    # Gaps of 1 and 3 s in turn: mean 2, deviation 1, each the opposite of the next.
    found = audit_arrivals(gaps(np.array([1.0, 3.0] * 500)), "poisson", 0.5)
    assert found.rate_per_s == pytest.approx(0.5, rel=1e-2)
    assert found.cv == pytest.approx(0.5, rel=1e-2)
    assert found.lag1 == pytest.approx(-1, abs=1e-2)


@pytest.mark.parametrize("instants", [np.empty(0, np.int64), np.arange(FEWEST - 1), np.zeros(500, np.int64)])
def test_too_few_arrivals_get_no_judgement(instants: np.ndarray) -> None:
    found = audit_arrivals(instants.astype(np.int64), "poisson", RATE)
    assert found.as_asked is None
    assert "too few" in found.verdict or "one instant" in found.verdict


def test_an_unknown_law_gets_figures_and_no_judgement() -> None:
    found = audit_arrivals(stream(Poisson(RATE), 1000), "trace", RATE)
    assert found.as_asked is None
    assert found.cv is not None


def test_order_does_not_matter() -> None:
    instants = stream(Poisson(RATE), 1000)
    assert audit_arrivals(instants[::-1], "poisson", RATE) == audit_arrivals(instants, "poisson", RATE)


def test_constant_gaps_show_no_pattern_of_rounding() -> None:
    found = audit_arrivals(stream(Constant(RATE), 1000), "constant", RATE)
    assert found.lag1 == 0
    assert found.cv == pytest.approx(0, abs=1e-12)


# -- along a rate that changes -----------------------------------------------------------------------------------------

ZERO_NS = 10**15
CURVES = {
    "ramp": Curve((*Ramp(1, 200, 20).pieces(),)),
    "down to nothing": Curve((*Ramp(200, 0, 20).pieces(),)),
    "sine": Curve((*Sine(0, 200, 10, 20).pieces(),)),
    "bursts": Curve((*Square(5, 400, 1, 5, 20).pieces(),)),
}


def shaped(law: Pacer, curve: Curve) -> np.ndarray:
    end_ns = round(curve.lasts_s * 1e9)
    return np.array(list(takewhile(lambda at_ns: at_ns < end_ns, ShapedArrivals(law, curve)))) + ZERO_NS


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("law", ["constant", "poisson", "gamma"])
def test_a_shaped_stream_of_the_law_passes(law: str, curve: Curve) -> None:
    """At most 2 of 25 alarms; one in two hundred is expected."""
    alarms = []
    for seed in range(25):
        unit = {"constant": Constant(1.0), "poisson": Poisson(1.0, seed), "gamma": Gamma(1.0, 0.5, seed)}[law]
        instants = shaped(unit, curve)
        jitter = np.random.default_rng(seed).exponential(100_000, instants.size).astype(np.int64)
        found = audit_arrivals(instants + jitter, law, 0.0, 0.5, Along(curve, "a shape", ZERO_NS))
        assert found.law.startswith(f"{law} along a shape")
        if not found.as_asked:
            alarms.append(found.verdict)
    assert len(alarms) <= 2, alarms


def test_rates_of_a_shaped_stream_are_means() -> None:
    found = audit_arrivals(
        shaped(Constant(1.0), CURVES["ramp"]), "constant", 0.0, 1.0, Along(CURVES["ramp"], "", ZERO_NS)
    )
    assert found.rate_asked_per_s == pytest.approx(105, rel=0.1)
    assert found.rate_per_s == pytest.approx(found.rate_asked_per_s)


@pytest.mark.parametrize(
    ("stream_curve", "asked_curve", "words"),
    [
        pytest.param(
            Curve((*Ramp(100, 101, 20).pieces(),)), CURVES["sine"], "dispersed", id="flat where it should swing"
        ),
        pytest.param(CURVES["sine"].times(0.8), CURVES["sine"], "the rate was 0.8", id="a fifth too few"),
        pytest.param(CURVES["sine"].after(1.0), CURVES["sine"], "dispersed", id="a second late"),
    ],
)
def test_a_shaped_stream_that_is_not_as_asked_is_named(stream_curve: Curve, asked_curve: Curve, words: str) -> None:
    found = audit_arrivals(
        shaped(Poisson(1.0, 7), stream_curve), "poisson", 0.0, 1.0, Along(asked_curve, "the day", ZERO_NS)
    )
    assert found.as_asked is False
    assert found.verdict.startswith("not poisson along the day")
    assert words in found.verdict
