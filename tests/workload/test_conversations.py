"""Conversations: what a session sends, turn by turn, and how it goes on from what came of each turn. No network."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.errors import ScenarioError
from perfbench.engine.flow import Pause
from perfbench.engine.request import Answer, Record
from perfbench.scenario import Scenario
from perfbench.settings.delays import delay
from perfbench.workload import bounded, open_workload
from perfbench.workload.base import Item, Turns
from perfbench.workload.conversations import Rules, Turn, session, turns_of
from perfbench.workload.rows import Rows

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "perf" / "conversations"

CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one", "delay_s": 9},
        {"role": "assistant", "content": "recorded 1"},
        {"role": "user", "content": "two", "delay_s": 4.5},
        {"role": "assistant", "content": "recorded 2"},
        {"role": "user", "content": "three"},
    ]
}


def said(text: str | None, outcome: str = "ok", error: str = "") -> tuple[Record, Answer]:
    answer = Answer()
    answer.text = text
    return Record(key="k", index=0, intended_ns=0, finished_ns=0, outcome=outcome, error=error), answer  # type: ignore[arg-type]


def played(turns: Turns, *heard: tuple[Record, Answer]) -> list[Any]:
    """What a session yields: the contents of each prompt, and the seconds of each pause."""
    answers, yielded = list(heard), []
    step = next(turns, None)
    while step is not None:
        if isinstance(step, Pause):
            yielded.append(step.seconds)
            told = None
        else:
            yielded.append([message["content"] for message in step.prompt.messages or []])
            told = answers.pop(0) if answers else said("again")
        try:
            step = turns.send(told)
        except StopIteration:
            step = None
    return yielded


PLAIN = Rules()


def a_session(rules: Rules = PLAIN, row: Any = CHAT) -> Turns:
    return session(turns_of(row), rules, random.Random(1))


def test_the_answers_of_the_server_are_the_history():
    assert played(a_session(), said("A"), said("B"), said("C")) == [
        ["Be brief.", "one"],
        4.5,
        ["Be brief.", "one", "A", "two"],
        ["Be brief.", "one", "A", "two", "B", "three"],
    ]


def test_the_answers_of_the_file_are_on_request():
    sent = played(a_session(Rules(replay_answers=True)), said("A"), said("B"))
    assert sent[-1] == ["Be brief.", "one", "recorded 1", "two", "recorded 2", "three"]


def test_users_think_as_long_as_the_law_says_instead_of_the_file():
    sent = played(a_session(Rules(think_time=delay("2s"))))
    assert [step for step in sent if isinstance(step, float)] == [2.0, 2.0]


def test_nobody_thinks_before_the_first_turn():
    assert not isinstance(next(a_session(Rules(think_time=delay("2s")))), Pause)


def test_most_turns_bounds_a_session():
    first = next(a_session(Rules(most_turns=2)))
    assert isinstance(first, Item)
    assert first.turns == 2
    assert len([step for step in played(a_session(Rules(most_turns=2))) if isinstance(step, list)]) == 2


def test_a_failed_turn_ends_the_session():
    assert len(played(a_session(), said(None, "failed", "http_500"))) == 1
    assert len(played(a_session(), said("A"), said("half of it", "failed", "truncated"))) == 3


def test_a_session_that_goes_on_after_a_failure_takes_the_recorded_answer():
    rules = Rules(goes_on_after_failure=True)
    assert played(a_session(rules), said(None, "failed", "http_500"))[2] == ["Be brief.", "one", "recorded 1", "two"]


def test_where_nobody_ever_answered_the_turn_is_forgotten_so_that_roles_alternate():
    row = {"messages": [{"role": "user", "content": "one"}, {"role": "user", "content": "or two"}]}
    turns = [Turn(({"role": "user", "content": "one"},), None), *turns_of(row)]
    assert played(session(turns, Rules(), random.Random(1)), said("")) == [["one"], ["one", "or two"]]


def test_what_had_come_when_the_client_hung_up_is_history():
    sent = played(a_session(), said("half an", "cancelled", "hung_up"))
    assert sent[2] == ["Be brief.", "one", "half an", "two"]


def test_a_turn_cut_off_at_the_end_of_the_run_ends_the_session():
    assert len(played(a_session(), said("half an", "cancelled", "cancelled"))) == 1


def test_the_speakers_of_sharegpt_have_roles():
    row = {
        "conversations": [
            {"from": "human", "value": "q"},
            {"from": "gpt", "value": "a"},
            {"from": "user", "value": "r"},
        ]
    }
    assert turns_of(row) == [
        Turn(({"role": "user", "content": "q"},), {"role": "assistant", "content": "a"}),
        Turn(({"role": "user", "content": "r"},), None),
    ]


def test_an_assistant_that_speaks_first_is_history():
    row = {
        "conversations": [
            {"from": "gpt", "value": "hello"},
            {"from": "human", "value": "q"},
            {"from": "gpt", "value": "a"},
        ]
    }
    (turn,) = turns_of(row)
    assert [message["content"] for message in turn.said] == ["hello", "q"]


def test_tool_results_make_a_turn():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    row = {"messages": [{"role": "user", "content": "q"}, call, {"role": "tool", "tool_call_id": "1", "content": "42"}]}
    assert [len(turn.said) for turn in turns_of(row)] == [1, 1]


@given(st.lists(st.sampled_from(["user", "assistant", "system", "tool"]), max_size=20))
def test_no_message_is_lost_or_sent_twice(roles):
    messages = [{"role": role, "content": str(number)} for number, role in enumerate(roles)]
    turns = turns_of({"messages": messages})
    found = [message for turn in turns for message in (*turn.said, *([turn.answer] if turn.answer else []))]
    assert found == messages[: len(found)]
    rest = messages[len(found) :]
    assert all(message["role"] in ("system", "assistant") for message in rest)  # nobody waits for an answer to these
    assert all(any(m["role"] in ("user", "tool") for m in turn.said) for turn in turns)


# -- files -------------------------------------------------------------------------------------------------------------


def write(path: Path, rows: list[Any]) -> Path:
    if ".jsonl" in path.suffixes:
        data = b"".join(json.dumps(row).encode() + b"\n\n" for row in rows)
    else:
        data = json.dumps(rows, indent=1).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def scenario(path: Path, **keys: Any) -> Scenario:
    given = {"url": "http://127.0.0.1:8000/v1", "seed": 1, "conversations": str(path), **keys}
    return Scenario.from_mapping(given, environment={})


TRICKY = {"conversations": [{"from": "human", "value": 'a ] } " \\" [ { \\\\'}, {"from": "gpt", "value": "\\"}]}


@pytest.mark.parametrize("name", ["c.jsonl", "c.json", "c.jsonl.gz", "c.json.gz"])
def test_files_of_either_layout_packed_or_not(tmp_path, name):
    path = write(tmp_path / name, [CHAT, TRICKY, {"conversations": [{"from": "gpt", "value": "to nobody"}]}, CHAT])
    workload = open_workload(scenario(path))
    assert workload.length == 3  # one in which no user speaks is left out, and said so
    assert "1 rows without a user's turn are left out" in workload.reuse
    assert played(workload.item(1))[0] == ['a ] } " \\" [ { \\\\']
    assert played(workload.item(3)) == played(workload.item(0))  # the file begins anew
    assert bounded(scenario(path), workload).number == 3
    assert bounded(scenario(path, duration=5), workload).number is None


JSON = st.recursive(st.text() | st.integers(-(2**53), 2**53), st.lists, max_leaves=5)


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=6))
def test_the_rows_of_an_array_are_found_without_parsing_it(tmp_path_factory, rows):
    path = write(tmp_path_factory.getbasetemp() / "rows.json", rows)
    found = Rows(path, "conversations")
    assert [found[number] for number in range(len(found))] == rows


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("c.csv", b"a", "is neither .jsonl nor .json"),
        ("c.jsonl", b"\n", "is empty"),
        ("c.json", b"", "is empty"),
        ("c.json", b"[]", "is empty"),
        ("c.json", b'{"a": 1}', "is not an array of objects; a row a line is .jsonl"),
        ("c.json", b'[{"messages": []}, {"mess', "ends in the middle of a row"),
        ("c.jsonl.gz", b"plain", "is no whole gzip file"),
        ("c.jsonl.gz", gzip.compress(b"x" * 1000)[:-9], "is no whole gzip file"),
        ("c.jsonl", b'{"messages": [', "row 1: not JSON"),
        ("c.jsonl", b'[1]', "row 1: is a list, not an object"),
        ("c.jsonl", b'{"prompt": "x"}', "row 1: has no list named messages or conversations"),
        ("c.jsonl", b'{"messages": [7]}', "row 1: message 1 is a int, not an object"),
        ("c.jsonl", b'{"messages": [{"content": "x"}]}', "row 1: message 1 does not say its role"),
        ("c.jsonl", b'{"messages": [{"role": "user"}]}', "row 1: message 1 has no content"),
        ("c.jsonl", b'{"conversations": [{"from": "martian", "value": "x"}]}', "row 1: message 1 is from 'martian'"),
        ("c.jsonl", b'{"messages": [{"role": "user", "content": "x", "delay_s": "3"}]}', "delay_s is '3'"),
        ("c.jsonl", b'{"messages": []}', "in none of its 1 rows a user says anything"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(tmp_path, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ScenarioError) as error:
        open_workload(scenario(path))
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_many_bad_rows_are_counted(tmp_path):
    path = write(tmp_path / "c.jsonl", [{"messages": 1}] * 12)
    with pytest.raises(ScenarioError, match="and 7 more"):
        open_workload(scenario(path))


def test_sessions_are_the_same_whoever_asks(tmp_path):
    path = write(tmp_path / "c.jsonl", [CHAT, TRICKY])
    law = {"think_time": "lognormal 3s 1"}
    first, other = open_workload(scenario(path, **law)), open_workload(scenario(path, **law))
    assert [played(first.item(index)) for index in (4, 0, 4)] == [played(other.item(index)) for index in (4, 0, 4)]
    assert played(first.item(0)) != played(first.item(2))  # another user thinks for another time


@pytest.mark.parametrize("name", ["sgd_test_sharegpt.json.gz", "arena_hard_gpt-4-0314_sharegpt.json.gz"])
def test_real_conversations_are_read_whole(name):
    if not (SHARED / name).is_file():
        pytest.skip(f"no {name} under {SHARED}")
    rows = json.loads(gzip.decompress((SHARED / name).read_bytes()))
    workload = open_workload(scenario(SHARED / name))
    assert workload.length == len(rows)
    for index in (0, len(rows) - 1):
        humans = [message["value"] for message in rows[index]["conversations"] if message["from"] == "human"]
        assert [sent[-1] for sent in played(workload.item(index))] == humans
