"""Whole runs of sessions, mixes and clients that hang up, in two processes, against a server that keeps a log."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from perfbench.engine.request import Record
from perfbench.run import run_scenario
from perfbench.runfolder import RunFolder
from perfbench.scenario import Scenario
from tests.truthd import Truthd

QUICK = "sim:ttft=8,itl=1,n=6"


def run(folder: Path, truthd: Truthd, **keys: Any) -> tuple[list[Record], dict[str, Any]]:
    given = {"url": truthd.url, "model": QUICK, "seed": 3, "outputs_dir": str(folder), "workers": 2, **keys}
    done = run_scenario(Scenario.from_mapping(given, environment={}), live=False, quiet=True)
    records = [record for batch in RunFolder(done.folder).records() for record in batch]
    return records, done.summary


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    path = tmp_path / "chats.jsonl"
    rows = [
        {
            "messages": [
                {"role": role, "content": f"{role} {row}"} for _ in range(turns) for role in ("user", "assistant")
            ]
        }
        for row, turns in enumerate((1, 2, 3, 4))
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("load", [{"parallel": 4}, {"rate": 200, "arrival": "constant"}], ids=["closed", "open"])
def test_two_workers_carry_all_sessions_turn_by_turn(tmp_path, truthd, chats, load):
    records, summary = run(
        tmp_path / "out", truthd, conversations=str(chats), number=12, think_time="5ms", keep_texts=True, **load
    )
    assert len(truthd.log()) == len(records) == 3 * (1 + 2 + 3 + 4)
    assert {record.worker for record in records} == {0, 1}
    assert {record.outcome for record in records} == {"ok"}
    sessions: dict[int | None, list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.session, record.turn)):
        sessions.setdefault(record.session, []).append(record)
    assert list(sessions) == list(range(12))
    for number, turns in sessions.items():
        assert [record.turn for record in turns] == list(range(1, (number or 0) % 4 + 2))
        assert {(record.turns, record.worker) for record in turns} == {(len(turns), (number or 0) % 2)}
        for sooner, later in pairwise(turns):
            assert later.intended_ns == sooner.finished_ns + 5_000_000
            assert later.started_ns is not None
            assert later.started_ns >= later.intended_ns
            sent, before = (json.loads(record.prompt or "")["messages"] for record in (later, sooner))
            # All that was said before, the answer that this server gave, and a new message of the user's.
            assert sent[:-1] == [*before, {"role": "assistant", "content": sooner.text}]
    assert (summary["sessions"]["completed"], summary["requests"]["planned_arrivals"]) == (12, 12)
    assert {turn: part["requests"]["succeeded"] for turn, part in summary["by_turn"].items()} == {
        "1": 12, "2": 9, "3": 6, "4": 3,
    }  # fmt: skip


def test_a_file_of_sessions_is_sent_once_when_no_end_is_given(tmp_path, truthd, chats):
    records, summary = run(tmp_path / "out", truthd, conversations=str(chats), workers=1, parallel=2)
    assert len(records) == 10
    assert summary["scenario"]["number"] == 4
    assert summary["workload"] == {
        "name": "conversations", "length": 4, "sessions": True, "reuse": summary["workload"]["reuse"], "unique": False,
    }  # fmt: skip


def test_a_failed_turn_ends_its_session_and_no_other(tmp_path, truthd, chats):
    failing = "sim:ttft=1,itl=0,n=3,e500=0.4"
    records, summary = run(
        tmp_path / "out", truthd, model=failing, conversations=str(chats), number=40, parallel=4, max_error_rate=1
    )
    by_session = Counter(record.session for record in records if record.outcome == "failed")
    assert by_session
    assert set(by_session.values()) == {1}
    last = {
        session: max((r for r in records if r.session == session), key=lambda r: r.turn or 0) for session in by_session
    }
    assert {record.outcome for record in last.values()} == {"failed"}
    sessions = summary["sessions"]
    assert (sessions["failed"], sessions["completed"]) == (len(by_session), 40 - len(by_session))


def test_parts_of_a_mix_ask_for_their_models_by_their_shares_whatever_the_workers(tmp_path, truthd):
    mix = {
        "short": {"share": 0.75, "prompt_tokens": 10, "max_tokens": 3},
        "long": {"share": 0.25, "prompt_tokens": 300, "model": "sim:ttft=4,itl=0,n=9"},
    }
    records, summary = run(tmp_path / "two", truthd, mix=mix, number=80, parallel=6)
    alone, _ = run(tmp_path / "one", truthd, mix=mix, number=80, parallel=6, workers=1)
    told = {record.index: (record.tag, record.model, record.input_tokens) for record in records}
    assert told == {record.index: (record.tag, record.model, record.input_tokens) for record in alone}
    assert {(record.tag, record.model, record.output_tokens) for record in records} == {
        ("short", QUICK, 3), ("long", "sim:ttft=4,itl=0,n=9", 9),
    }  # fmt: skip
    assert {tag: part["requests"]["succeeded"] for tag, part in summary["by_tag"].items()} == Counter(
        record.tag for record in records
    )
    assert summary["by_tag"]["long"]["tokens"]["output"] == 9 * sum(record.tag == "long" for record in records)


def test_the_server_sees_clients_hang_up_and_nobody_calls_it_a_failure(tmp_path, truthd):
    records, summary = run(
        tmp_path / "out", truthd, model="sim:ttft=20,itl=10,n=100", number=40, parallel=20, max_tokens=12,
        cancel_share=0.4, cancel_after="60ms",
    )  # fmt: skip
    hung = [record for record in records if record.error == "hung_up"]
    assert 5 < len(hung) < 30
    assert {record.outcome for record in hung} == {"cancelled"}
    gone = [row for row in truthd.log() if row["outcome"] == "client_gone"]
    assert len(gone) == len(hung)
    requests = summary["requests"]
    assert (requests["hung_up"], requests["cancelled"], requests["failed"]) == (len(hung), len(hung), 0)
    assert requests["error_rate"] == 0
    # They hung up in mid-stream: something had come, and not everything.
    tokens = [record.output_tokens or 0 for record in hung]
    assert max(tokens) < 12
    assert any(tokens)
