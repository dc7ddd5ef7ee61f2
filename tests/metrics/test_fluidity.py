"""Fluidity: the arithmetic by hand, against the recursion that defines it, and in an SLO."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.metrics import fluidity
from perfbench.metrics.fluidity import fluidity_index, tokens_in_time
from perfbench.metrics.goodput import meeting
from perfbench.metrics.judgement import judge
from perfbench.metrics.slo import TokenDeadlines, parse_slo
from tests.metrics.rows import record, reply, table

READER = TokenDeadlines(ttft_ms=100.0, tbt_ms=10.0)


def stream(first_ms, gaps_ms, start=0.0, **given):
    last = start + first_ms + sum(gaps_ms)
    fields = {"first_output": start + first_ms, "last_output": last, "chunks": len(gaps_ms) + 1,
              "output_tokens": len(gaps_ms) + 1, "itl_ns": [round(gap * 1e6) for gap in gaps_ms]}  # fmt: skip
    return reply(start, last + 1, **(fields | given))


@pytest.mark.parametrize(
    ("first_ms", "gaps_ms", "in_time", "of"),
    [
        pytest.param(100, [10, 10, 10], 4, 4, id="just in time is in time"),
        pytest.param(101, [10, 10, 10], 3, 4, id="a late first token sets the reader back, once"),
        pytest.param(100, [11, 10, 10], 3, 4, id="so does a late second one"),
        pytest.param(50, [60, 10, 10], 4, 4, id="slack of the first carries over"),
        pytest.param(50, [61, 10, 10], 3, 4, id="as far as it goes"),
        pytest.param(100, [5, 5, 20, 11], 4, 5, id="slack adds up, and is spent"),
        pytest.param(50, [200, 10, 10, 10], 4, 5, id="a stall is one miss"),
        pytest.param(300, [1, 1, 28], 3, 4, id="what a miss took is not owed"),
        pytest.param(100, [], 1, 1, id="one token"),
        pytest.param(500, [], 0, 1, id="one late token"),
        pytest.param(100, [11, 11, 11], 1, 4, id="a little too slow is too slow each time"),
    ],
)
def test_tokens_in_time(first_ms, gaps_ms, in_time, of):
    met, total = tokens_in_time(table(stream(first_ms, gaps_ms)), READER, open_loop=False)
    assert (met.tolist(), total.tolist()) == ([in_time], [of])


def by_definition(first_ms, gaps_ms):
    met, slack = 0, 0.0
    for allowed, took in [(READER.ttft_ms, first_ms), *((READER.tbt_ms, gap) for gap in gaps_ms)]:
        slack += allowed - took
        met += slack >= 0
        slack = max(slack, 0.0)
    return met


@given(st.lists(st.tuples(st.integers(1, 300), st.lists(st.integers(0, 60), max_size=30)), min_size=1, max_size=8))
def test_it_is_the_recursion_whatever_the_lengths_side_by_side(drawn):
    records = [stream(first_ms, gaps_ms) for first_ms, gaps_ms in drawn]
    met, total = tokens_in_time(table(*records), READER, open_loop=False)
    assert total.tolist() == [len(gaps_ms) + 1 for _, gaps_ms in drawn]
    assert met.tolist() == [by_definition(*one) for one in drawn]


def test_a_table_of_gaps_that_is_too_large_is_worked_on_in_parts(monkeypatch):
    rng = random.Random(1)
    drawn = [(rng.randint(50, 150), [rng.randint(0, 30) for _ in range(rng.randint(0, 40))]) for _ in range(200)]
    monkeypatch.setattr(fluidity, "CELLS", 60)
    met, _ = tokens_in_time(table(*(stream(*one) for one in drawn)), READER, open_loop=False)
    assert met.tolist() == [by_definition(*one) for one in drawn]


def test_a_chunk_of_several_tokens_may_take_as_much_longer():
    found = table(stream(100, [40, 40, 40], output_tokens=16), stream(100, [41, 40, 40], output_tokens=16))
    assert fluidity_index(found, READER, open_loop=False).tolist() == [1.0, 0.75]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(record(9, outcome="unsent"), id="never sent"),
        pytest.param(stream(100, [10], outcome="failed"), id="failed"),
        pytest.param(stream(100, [10], stream=False), id="not streamed"),
        pytest.param(stream(100, [10], itl_ns=None), id="gaps not kept"),
    ],
)
def test_who_has_no_index(row):
    index = fluidity_index(table(row, stream(100, [10])), READER, open_loop=False)
    assert math.isnan(index[0])
    assert index[1] == 1.0


def test_in_open_loop_the_reader_waits_from_when_the_request_was_due():
    found = table(stream(60, [10], start=50, intended=0))
    assert fluidity_index(found, READER, open_loop=False).tolist() == [1.0]
    assert fluidity_index(found, READER, open_loop=True).tolist() == [0.5]


def judged(text, *records, open_loop=False):
    return judge(parse_slo(text), table(*records), open_loop=open_loop, figures={})


def test_an_slo_asks_for_the_share_of_all_tokens():
    records = [stream(100, [10] * 9) for _ in range(30)] + [stream(100, [11] * 9) for _ in range(10)]
    random.Random(2).shuffle(records)
    found = judged("fluidity(ttft=100ms, tbt=10ms) > 75%", *records)
    one = found["observed"][0]
    assert (one["observed"], one["outcome"], one["count"]) == (310 / 400, "met", 40)
    assert (one["metric"], one["base"], one["certain"]) == ("fluidity", "service", False)
    assert judged("fluidity(ttft=100ms, tbt=10ms) > 20%", *records)["observed"][0]["certain"] is True
    assert judged("fluidity(ttft=100ms, tbt=10ms) >= 0.9", *records)["met"] is False


def test_without_a_stream_fluidity_cannot_be_judged():
    found = judged("fluidity(ttft=100ms, tbt=10ms) > 75%", stream(100, [10], stream=False))["observed"][0]
    assert (found["outcome"], found["observed"]) == ("inconclusive", None)
    assert "gaps" in found["why"]


def test_goodput_holds_each_request_to_its_own_index():
    slo = parse_slo("p99 ttft < 200ms and fluidity(ttft=100ms, tbt=10ms) > 90%")
    found = meeting(
        table(stream(100, [10] * 9), stream(100, [11] * 9), stream(300, [])), slo.request_limits(open_loop=False),
        slo.fluid,
    )  # fmt: skip
    assert found is not None
    assert found.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("text", "deadlines", "comparison", "limit"),
    [
        ("fluidity(ttft=500ms, tbt=50ms) > 0.9", (500.0, 50.0), ">", 0.9),
        ("FLUIDITY( tbt = .05s,ttft=1.5s )>=90%", (1500.0, 50.0), ">=", 0.9),
    ],
)
def test_deadlines_are_read(text, deadlines, comparison, limit):
    (found,) = parse_slo(text).conditions
    assert found.deadlines == TokenDeadlines(*deadlines)
    assert (found.metric, found.statistic, found.comparison, found.limit) == ("fluidity", None, comparison, limit)


def test_the_comma_of_deadlines_parts_no_conditions():
    found = parse_slo("p99 e2e < 9s, fluidity(ttft=1s, tbt=50ms) > 90% and error_rate < 1%").conditions
    assert [condition.metric for condition in found] == ["e2e", "fluidity", "error_rate"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("fluidity > 90%", ["fluidity(ttft=500ms, tbt=50ms)"], id="no deadlines"),
        pytest.param("fluidity(ttft=1s) > 90%", ["two deadlines"], id="one deadline"),
        pytest.param("fluidity(ttft=1s, tbt=0ms) > 90%", ["above 0"], id="no time at all"),
        pytest.param("fluidity(ttft=1s, ttft=2s) > 90%", ["two deadlines"], id="the same twice"),
        pytest.param("fluidity(ttft=1, tbt=50ms) > 90%", ["'ttft=1'", "500ms"], id="no unit"),
        pytest.param("fluidity(ttft=1s, itl=50ms) > 90%", ["'itl=50ms'"], id="another name"),
        pytest.param("fluidity(ttft=1s, tbt=50ms) > 90ms", ["'ms'"], id="a share has no ms"),
    ],
)
def test_what_is_wrong_with_a_fluidity_is_named(text, words):
    with pytest.raises(ScenarioError) as refused:
        parse_slo(text)
    for word in words:
        assert word in str(refused.value)
