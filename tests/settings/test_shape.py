"""Shapes as people write them: text, list and mapping mean the same; what is wrong is named with its stage."""

from __future__ import annotations

import pytest

from perfbench.settings.shape import Misshapen, parse_shape
from perfbench.settings.stages import STAGES
from perfbench.settings.warmup import Warmup, parse_warmup

READ = [
    # text, of, lasts s, area, highest
    ("ramp 1 -> 50 over 60s; hold 30s; step 20 for 10s; ramp to 0 over 5s", "rate", 105, 1530 + 1500 + 200 + 50, 50),
    ("ramp from 1 to 50 over 1m", "rate", 60, 1530, 50),
    ("ramp 1→50 over 60s", "rate", 60, 1530, 50),
    ("hold 20 for 30s", "rate", 30, 600, 20),
    ("hold 20/s for 30s; hold 10s", "rate", 40, 800, 20),
    ("ramp 60 -> 600/m over 3s", "rate", 3, 16.5, 10),
    ("ramp 1/s -> 120/m over 2s", "rate", 2, 3, 2),
    ("rate: hold 1k for 1s", "rate", 1, 1000, 1000),
    ("parallel: ramp 1 -> 50 over 60s", "parallel", 60, 1530, 50),
    ("PARALLEL:hold 4 for 1h", "parallel", 3600, 14400, 4),
    ("steps 10 -> 50 by 15 every 30s", "rate", 120, 3750, 50),
    ("steps 1, 2,5 every 10s", "rate", 30, 80, 5),
    ("steps 8 every 10s", "rate", 10, 80, 8),
    ("sine 5 <-> 50 every 24h for 48h", "rate", 172800, 4752000, 50),
    ("sine 5 <-> 50 every 10s for 5s from high", "rate", 5, 137.5, 50),
    ("square 5 <-> 50 every 20s for 2m", "rate", 120, 3300, 50),
    ("bursts 5 <-> 50 lasting 2s every 30s for 65s", "rate", 65, 505, 50),
    ("ramp 10% -> 100% over 3s; hold 1s", "share", 4, 2.65, 1),
    ("ramp 0 -> 100% over 2s", "share", 2, 1, 1),
    ("  hold   3   for 1s ;; ", "rate", 1, 3, 3),
]


@pytest.mark.parametrize(("text", "of", "lasts_s", "area", "highest"), READ, ids=[row[0] for row in READ])
def test_a_shape_is_read(text, of, lasts_s, area, highest):
    shape = parse_shape(text)
    assert shape.of == of
    assert shape.curve.lasts_s == pytest.approx(lasts_s)
    assert shape.curve.areas[-1] == pytest.approx(area)
    assert shape.curve.highest == pytest.approx(highest)
    assert parse_shape(str(shape)) == shape


def test_every_kind_of_stage_is_read_from_its_own_example():
    for form in STAGES.values():
        examples = form.like.removesuffix(", and at the end perhaps: from high").split(", or ")
        for example in examples:
            parse_shape(f"hold 1 for 1s; {example}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(
            [{"ramp": "1 -> 50", "over": "60s"}, "hold 30s", {"step": 20, "for": "10s"}],
            "ramp 1 -> 50 over 60s; hold 30s; step 20 for 10s",
            id="stages as mappings of the same words",
        ),
        pytest.param([{"steps": [1, 2, 5], "every": 10}], "steps 1, 2, 5 every 10", id="levels as a list"),
        pytest.param({"parallel": ["hold 4 for 1s"]}, "parallel: hold 4 for 1s", id="what it is of as a key"),
        pytest.param({"rate": "hold 4 for 1s"}, "rate: hold 4 for 1s", id="and a text below it"),
    ],
)
def test_lists_and_mappings_mean_what_the_text_means(value, text):
    assert parse_shape(value) == parse_shape(text)
    assert str(parse_shape(value)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [("hold 3 for 1s", False), ("hold 3/s for 1s", True), ("rate: hold 3 for 1s", True), ("hold 30% for 1s", True)],
)
def test_whether_something_said_what_it_is_of(text, says):
    assert parse_shape(text).says_of is says


def test_a_share_is_of_its_base():
    assert parse_shape("ramp 10% -> 100% over 10s").level_curve(50).highest == 50


@pytest.mark.parametrize(
    ("value", "message", "at"),
    [
        ("hodl 3s", "stage 1, 'hodl 3s': 'hodl' is no kind of stage; did you mean hold", ()),
        ("hold 1 for 1s; ramp 1 -> 5", "stage 2, 'ramp 1 -> 5': 'over' is missing; write it like: ramp 1 -> 50", ()),
        ("hold 3s", "stage 1, 'hold 3s': the first stage must say its level; .* hold 20 for 30s", ()),
        ("ramp to 5 over 3s", "the first stage must say its level", ()),
        ("ramp 1 5 over 3s", "'1 5' are not its levels", ()),
        ("ramp 1 -> 5 over 3x", "'3x': 'x' is not a unit of a duration", ()),
        ("ramp 1 -> 5 over 0s", "longer than 0 s", ()),
        ("ramp -1 -> 4 over 3s", "'-1' is below 0", ()),
        ("ramp 1 -> 4rps over 3s", "'4rps' is not a level .*50/s, 3000/m", ()),
        ("ramp 1 -> 4/min over 3s", "'/min' is not a unit of a rate; did you mean '/m'", ()),
        ("ramp 1 -> 3 over 3s over 4s", "'over' is there twice", ()),
        ("ramp 1 -> 3 over 3s 4s", "'4s' after 'over' is too much", ()),
        ("ramp 1 -> 3 over", "nothing follows 'over'", ()),
        ("hold 3 for 1s every 4s", "'every' has no meaning here", ()),
        ("steps 1 -> 9 every 4s", "'by' is missing", ()),
        ("steps 1, 9, every 4s", "are not its levels", ()),
        ("sine 5 <-> 3 every 3s for 9s", "low level 5 is not below the high one 3; swap them", ()),
        ("sine 1 <-> 3 every 3s for 9s from top", "'top' is nothing that a sine begins at .*low, middle, high", ()),
        ("bursts 1 <-> 3 lasting 5s every 5s for 9s", "leave nothing between them", ()),
        ("exp 0 -> 5 over 3s", "neither begin nor end at 0", ()),
        ("hold 0 for 3s", "is 0 all the time", ()),
        ("parallel: hold 0.4 for 3s", "below 0.5 slots all the time", ()),
        ("ramp 1/s -> 5% over 3s", "mixes shares with /s", ()),
        ("ramp 1/s -> 5/m over 3s; step 4 for 1s", "levels in /m and /s, and '4' does not say which", ()),
        ("parallel: ramp 1/s -> 3 over 3s", "is of parallel, but '/s' is the unit of a rate", ()),
        ("parallel: hold 50% for 1s", "its levels are shares; take 'parallel' out, and give --parallel", ()),
        ("users: hold 3 for 3s", "is of 'users'; a shape is of rate .* or of parallel", ()),
        ("", "is empty; write it like ramp", ()),
        (5, "is 5, not a shape", ()),
        ([], r"is \[\], not a shape", ()),
        ({"rate": "hold 1 for 1s", "parallel": "hold 1 for 1s"}, "give one, rate or parallel", ()),
        ({"rate": "parallel: hold 1 for 1s"}, "says twice what it is of", ("rate",)),
        (["hold 1 for 1s", {"ramp": "to 5"}], "stage 2, 'ramp to 5': 'over' is missing", ("1",)),
        ({"parallel": ["hold 1 for 1s", "hodl 1"]}, "stage 2, 'hodl 1'", ("parallel", "1")),
        (["hold 1 for 1s; hold 2s"], "stage 1 is 'hold 1 for 1s; hold 2s'; write one stage", ("0",)),
        ([3], "stage 1 is 3; write one stage", ("0",)),
    ],
)
def test_what_is_wrong_is_named_with_its_stage_and_the_remedy(value, message, at):
    with pytest.raises(Misshapen, match=message) as found:
        parse_shape(value)
    assert found.value.at == at


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("30s", Warmup(seconds=30)), ("1m30s", Warmup(seconds=90)), ("200ms", Warmup(seconds=0.2)),
        (100, Warmup(number=100)), ("100", Warmup(number=100)), ("1k", Warmup(number=1000)),
    ],
)  # fmt: skip
def test_a_warm_up_is_a_time_or_a_number(value, found):
    assert parse_warmup(value) == found
    assert parse_warmup(str(found)) == found


@pytest.mark.parametrize("value", ["0", 0, "0s", "soon", "30x", -5, None, 1.5, [30]])
def test_a_warm_up_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"write a time like 30s, or a number of requests like 100|leave it out"):
        parse_warmup(value)
