"""The load of a scenario: shapes and warm-ups in their place, and what contradicts them."""

from __future__ import annotations

from typing import Any

import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.engine.pacing import Poisson, ShapedArrivals, ShapedLoop
from perfbench.load import _pacer
from perfbench.report.text import load_shape, open_loop
from perfbench.scenario import Scenario
from perfbench.workload import open_workload


def made(**values: Any) -> Scenario:
    return Scenario.from_mapping({"url": "simulator", "model": "m", **values}, environment={})


@pytest.mark.parametrize(
    ("values", "is_open", "shown"),
    [
        ({"shape": "ramp 1 -> 5 over 2s"}, True, "open loop, poisson along ramp 1 -> 5 over 2s"),
        (
            {"shape": "ramp 10% -> 100% over 2s", "rate": 50, "parallel": 8, "arrival": "constant"}, True,
            "open loop, constant along ramp 10% -> 100% over 2s of 50 req/s, at most 8 in flight",
        ),
        ({"shape": "parallel: hold 4 for 2s"}, False, "closed loop, parallel: hold 4 for 2s"),
        (
            {"shape": "ramp 10% -> 100% over 2s", "parallel": 40}, False,
            "closed loop, ramp 10% -> 100% over 2s of 40 parallel",
        ),
        ({"shape": [{"steps": "1/s, 2/s", "every": "1s"}]}, True, "open loop, poisson along steps 1/s, 2/s every 1s"),
    ],
)  # fmt: skip
def test_a_shape_says_whether_the_loop_is_open_and_how_long_it_lasts(values, is_open, shown):
    scenario = made(**values)
    assert scenario.open_loop is is_open is open_loop(scenario.dump())
    assert load_shape(scenario.dump()) == shown
    assert scenario.duration == 2
    assert scenario.number is None
    assert isinstance(_pacer(scenario, open_workload(scenario)), ShapedArrivals if is_open else ShapedLoop)
    again = Scenario.from_mapping(scenario.dump(), environment={})
    assert again == scenario


def test_a_longer_duration_holds_the_last_level():
    scenario = made(shape="ramp 1 -> 5 over 2s", duration="10s")
    assert scenario.duration == 10
    assert scenario.curve is not None and scenario.curve.level(9) == 5


def test_a_warm_up_comes_before_the_shape_at_its_first_level():
    scenario = made(shape="ramp 3 -> 9 over 2s", warmup="5s")
    assert scenario.curve is not None
    assert [scenario.curve.level(at_s) for at_s in (0, 4.9, 6, 7)] == [3, 3, 6, 9]
    assert scenario.duration == 2


@pytest.mark.parametrize(
    ("values", "most"),
    [
        ({"shape": "parallel: ramp 1 -> 50 over 2s"}, 50), ({"shape": "hold 50% for 1s", "parallel": 30}, 15),
        ({"parallel": 7}, 7), ({"shape": "hold 5/s for 1s", "parallel": 7}, 7), ({"rate": 5}, None),
    ],
)  # fmt: skip
def test_the_most_in_flight_are_known_beforehand(values, most):
    assert made(**values).slots == most


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shape": "hold 5/s for 1s", "rate": 5}, "--rate and shape both say how much is sent"),
        ({"shape": "parallel: hold 5 for 1s", "parallel": 5}, "--parallel and shape both say how many slots"),
        ({"shape": "hold 5 for 1s", "parallel": 5}, "--shape does not say what it is of, and parallel is given"),
        ({"shape": "hold 50% for 1s"}, r"--shape is a share \(%\) of rate or parallel; give one"),
        ({"shape": "hold 5/s for 1s", "ramp_up": "1s"}, "--ramp-up opens the slots of a closed loop, but shape says"),
        ({"shape": "parallel: hold 5 for 1s", "arrival": "poisson"}, "--arrival is the law of an open loop"),
        ({"shape": "ramp 0 -> 5 over 1s", "warmup": "5s"}, "--warmup is sent at the level that shape begins with"),
        ({"shape": "hold 5/s for 1s", "warmup": 50}, "--warmup counts requests, but shape counts time"),
        ({"duration": "5s", "warmup": 50}, "--warmup counts requests, but duration counts time"),
        ({"warmup": "soon"}, "--warmup is 'soon'; write a time like 30s"),
        ({"shape": "hodl 5 for 1s"}, "--shape stage 1, 'hodl 5 for 1s': 'hodl' is no kind of stage"),
    ],
)
def test_what_contradicts_a_shape_or_a_warm_up_is_refused(values, message):
    with pytest.raises(ScenarioError, match=message):
        made(**values)


def test_a_workload_with_arrivals_of_its_own_takes_no_shape():
    class Trace:
        arrivals = Poisson(5.0)

    with pytest.raises(ScenarioError, match="shape and workload synthetic both say when requests leave"):
        _pacer(made(shape="hold 5/s for 1s"), Trace())


def test_in_a_file_the_line_of_the_stage_is_named(tmp_path):
    file = tmp_path / "ramp.yaml"
    file.write_text("url: simulator\nmodel: m\nshape:\n  parallel:\n    - hold 4 for 1s\n    - ramp: to 5\n")
    with pytest.raises(ScenarioError, match=r"ramp.yaml line 6: shape.parallel.1 stage 2, 'ramp to 5': 'over' is miss"):
        Scenario.from_yaml(file, environment={})
