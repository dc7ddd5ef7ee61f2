"""Groups: by tag and by turn every record is counted once, and a session is judged by what became of its turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.metrics.groups import by_tag, by_turn, sessions
from tests.metrics.rows import record, reply, table


def turn(session: int, number: int, of: int, at: float = 0.0, **given):
    return reply(at, at + 10, session=session, turn=number, turns=of, **given)


def test_a_tag_is_a_group():
    found = by_tag(table(reply(0, 1, tag="b"), reply(0, 2, tag="a"), reply(0, 3, tag="b")))
    assert {tag: group.size for tag, group in found.items()} == {"a": 1, "b": 2}
    assert list(found) == ["a", "b"]


def test_a_run_without_tags_or_sessions_has_no_groups():
    plain = table(reply(0, 1), reply(0, 2))
    assert (by_tag(plain), by_turn(plain), sessions(plain)) == ({}, {}, None)
    assert (by_tag(table()), by_turn(table()), sessions(table())) == ({}, {}, None)


def test_late_turns_are_taken_together_and_more_so_the_later_they_are():
    rows = [turn(0, number, 40) for number in range(1, 41)]
    found = by_turn(table(*rows))
    assert list(found) == [*map(str, range(1, 9)), "9-16", "17-32", "33-64"]
    assert [group.size for group in found.values()] == [1] * 8 + [8, 16, 8]


@given(st.lists(st.integers(1, 300), max_size=40))
def test_every_turn_is_in_one_group(turns):
    found = by_turn(table(*[turn(0, number, 300) for number in turns]))
    assert sum(group.size for group in found.values()) == len(turns)


@pytest.mark.parametrize(
    ("rows", "completed", "failed", "cut_short"),
    [
        pytest.param([turn(0, 1, 2), turn(0, 2, 2)], 1, 0, 0, id="every turn answered"),
        pytest.param([turn(0, 1, 2)], 0, 0, 1, id="the run was over before the second turn"),
        pytest.param([turn(0, 1, 2), turn(0, 2, 2, outcome="failed", error="reset")], 0, 1, 0, id="a turn failed"),
        pytest.param([turn(0, 1, 1, outcome="cancelled", error="hung_up")], 1, 0, 0, id="hung up on, as asked for"),
        pytest.param([turn(0, 1, 1, outcome="cancelled", error="cancelled")], 0, 0, 1, id="cut off at the end"),
        pytest.param(
            [turn(0, 1, 2, outcome="failed", error="reset"), turn(0, 2, 2)], 0, 1, 0, id="went on after a failure"
        ),
        pytest.param([turn(0, 1, 1, outcome="unsent", error="unsent")], 0, 0, 1, id="never left"),
    ],
)
def test_what_became_of_a_session(rows, completed, failed, cut_short):
    found = sessions(table(*rows, reply(0, 1)))
    assert (found.completed, found.failed, found.cut_short) == (completed, failed, cut_short)
    assert found.count == 1


def test_a_session_lasts_from_its_first_turn_due_to_its_last_turn_over():
    rows = [turn(7, 2, 2, at=100), turn(7, 1, 2, at=20), turn(3, 1, 1, at=50)]
    assert sorted(sessions(table(*rows)).duration_s.tolist()) == [0.01, 0.09]


def test_only_requests_by_themselves_and_first_turns_are_arrivals():
    found = table(turn(0, 1, 3), turn(0, 2, 3), turn(0, 3, 3), record(1))
    assert found.begins.tolist() == [True, False, False, True]
