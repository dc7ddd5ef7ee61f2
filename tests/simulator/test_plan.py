"""The model-name language: the same words as truthd's, but wrong ones are refused with the right ones."""

import string
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.simulator.plan import DEFAULTS, FAULTS, KEYS, Plan, parse

shares = st.floats(0, 1, allow_subnormal=False)
flags = st.integers(0, 1)
plans = st.builds(
    Plan,
    ttft=st.floats(0, 1e6), itl=st.floats(0, 1e6), n=st.integers(1, 1000), jit=shares, multi=st.integers(1, 100),
    blast=flags, slots=st.integers(0, 1000), load=st.floats(0, 100), role=flags, ka=flags, crlf=flags, split=flags,
    reason=st.integers(0, 100), nousage=flags, nodone=flags, skill=shares,
    busy=st.integers(1, 1000), busyskill=shares,
    **dict.fromkeys(FAULTS, st.floats(0, 1 / len(FAULTS))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        pytest.param("sim:ttft=200,itl=20,n=64", {"ttft": 200, "itl": 20, "n": 64}, id="colon, equals, comma"),
        pytest.param("sim--ttft.200_itl.20", {"ttft": 200, "itl": 20}, id="dashes, dot, underscore"),
        pytest.param("sim:busy=16,busyskill=0.6", {"busy": 16, "busyskill": 0.6}, id="a skill that a full batch has"),
        pytest.param("sim--itl.2.5_skill.0.8", {"itl": 2.5, "skill": 0.8}, id="only the first dot ends the key"),
        pytest.param("sim:itl=2.5_n=3", {"itl": 2.5, "n": 3}, id="separators mix"),
        pytest.param("org/sim:n=3", {"n": 3}, id="a prefix that a proxy put there"),
        pytest.param("sim:n=3,n=4", {"n": 4}, id="the last one wins"),
        pytest.param("sim:", {}, id="nothing asked"),
        pytest.param("sim", {}, id="the bare name"),
        pytest.param("", {}, id="no name"),
        pytest.param("llama3:8b", {}, id="a colon of somebody else's"),
        pytest.param("simple--model", {}, id="sim as the beginning of a word"),
    ],
)
def test_what_a_model_name_asks_for(model, changes):
    assert parse(model) == replace(DEFAULTS, **changes)


def test_a_name_changes_only_what_it_says():
    assert parse("sim:n=3", Plan(ttft=7, slots=2)) == Plan(ttft=7, slots=2, n=3)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        pytest.param("sim:tfft=200", ["'tfft'", "did you mean 'ttft'"], id="a misspelt key names the nearest"),
        pytest.param("sim:slot=2", ["'slot'", "did you mean 'slots'"], id="another"),
        pytest.param("sim:zzzzzz=2", ["'zzzzzz'", "there are ttft, itl"], id="a key like no other: all are listed"),
        pytest.param("sim:blast", ["blast has no value", "blast=1"], id="no value"),
        pytest.param("sim:n=many", ["n=many", "no number"], id="a word for a number"),
        pytest.param("sim:ttft=200ms", ["ttft=200ms", "no number"], id="a unit: all times are milliseconds"),
        pytest.param("sim:itl=nan", ["itl=nan"], id="not a number"),
        pytest.param("sim:itl=inf", ["itl=inf"], id="infinite"),
        pytest.param("sim:ttft=-1", ["ttft=-1", "milliseconds"], id="below zero"),
        pytest.param("sim:n=0", ["n=0", "from 1 to"], id="a reply without a token"),
        pytest.param("sim:n=2.5", ["n=2.5", "whole number"], id="half a token"),
        pytest.param("sim:multi=101", ["multi=101", "from 1 to 100"], id="more tokens in an event than allowed"),
        pytest.param("sim:ka=2", ["ka=2", "0 or 1"], id="a switch is on or off"),
        pytest.param("sim:reset=1.1", ["reset=1.1", "from 0 to 1"], id="a share above one"),
        pytest.param("sim:reset=0.6,trunc=0.6", ["add up to 1.2"], id="shares that do not fit together"),
    ],
)
def test_what_cannot_be_is_refused_by_name(model, says):
    with pytest.raises(ScenarioError) as refused:
        parse(model)
    assert all(part in str(refused.value) for part in says), str(refused.value)


@given(plans)
def test_a_plan_written_as_a_name_is_read_back(plan):
    pairs = asdict(plan).items()
    assert parse("sim:" + ",".join(f"{key}={value!r}" for key, value in pairs)) == plan
    assert parse("sim--" + "_".join(f"{key}.{value!r}" for key, value in pairs)) == plan


@given(st.text(string.ascii_lowercase + string.digits + "=,._-:", max_size=40))
def test_any_name_gives_a_plan_or_a_scenario_error(rest):
    try:
        plan = parse("sim:" + rest)
    except ScenarioError as error:
        assert "sim:" in str(error) or "add up" in str(error)
    else:
        assert isinstance(plan, Plan)


def test_every_key_is_explained():
    assert list(KEYS) == [field.name for field in fields(Plan)]
    assert all(KEYS.values())
