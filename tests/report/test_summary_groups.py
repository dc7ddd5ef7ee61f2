"""Summary of runs with parts: figures by tag and by turn, sessions, and clients that hang up on purpose."""

from __future__ import annotations

from pathlib import Path

from perfbench.report.summary import summarise
from tests.metrics.rows import reply
from tests.report.test_summary import CLOSED, OPEN, folder, streamed


def test_parts_of_a_mix_have_figures_of_their_own(tmp_path: Path) -> None:
    quick = [streamed(100.0 * i, tag="quick") for i in range(20)]
    broken = [reply(100.0 * i, 100.0 * i + 5, tag="slow", outcome="failed", error="http_503") for i in range(5)]
    slow = [reply(100.0 * i, 100.0 * i + 900, tag="slow", stream=False) for i in range(20)]
    found = summarise(folder(tmp_path, [*quick, *slow, *broken]), CLOSED)
    assert found["by_turn"] is None
    assert found["sessions"] is None
    assert list(found["by_tag"]) == ["quick", "slow"]
    assert found["by_tag"]["quick"]["latency_ms"]["e2e"]["p50"] == 300.0
    assert found["by_tag"]["slow"]["latency_ms"]["e2e"]["p50"] == 900.0
    assert found["by_tag"]["slow"]["requests"]["errors"] == {"http_503": 5}
    assert (found["by_tag"]["quick"]["requests"]["error_rate"], found["by_tag"]["slow"]["requests"]["error_rate"]) == (
        0.0,
        0.2,
    )
    shares = [part["throughput"]["requests_per_s"] for part in found["by_tag"].values()]
    assert abs(sum(shares) - found["throughput"]["requests_per_s"]) < 1e-9


def test_sessions_are_summarised_turn_by_turn(tmp_path: Path) -> None:
    rows = [
        streamed(1000.0 * session + 310.0 * turn, session=session, turn=turn, turns=3)
        for session in range(20)
        for turn in (1, 2, 3)
    ]
    found = summarise(folder(tmp_path, rows[:-1], workload={"name": "conversations", "reuse": "intended"}), CLOSED)
    assert {turn: part["requests"]["succeeded"] for turn, part in found["by_turn"].items()} == {
        "1": 20,
        "2": 20,
        "3": 19,
    }
    assert found["by_turn"]["2"]["latency_ms"]["ttft"]["p50"] == 100.0
    sessions = found["sessions"]
    assert (sessions["count"], sessions["completed"], sessions["failed"], sessions["cut_short"]) == (20, 19, 0, 1)
    assert (sessions["turns"], sessions["duration_s"]["p50"]) == (59, 0.931)
    assert abs(sessions["turns_per_s"] - found["throughput"]["requests_per_s"]) < 1e-9
    assert found["workload"]["reuse"] == "intended"


def test_only_sessions_arrive_not_their_turns(tmp_path: Path) -> None:
    rows = [
        streamed(100.0 * session + 350.0 * (turn - 1), session=session, turn=turn, turns=4)
        for session in range(100)
        for turn in (1, 2, 3, 4)
    ]
    audit = summarise(folder(tmp_path, rows), OPEN)["arrivals"]
    assert (audit["count"], audit["as_asked"]) == (100, True)


def test_clients_that_hang_up_as_asked_for_are_no_failures_and_no_accident(tmp_path: Path) -> None:
    hung = [reply(0, 50, outcome="cancelled", error="hung_up")] * 3
    cut = [reply(0, 50, outcome="cancelled", error="cancelled")] * 2
    found = summarise(folder(tmp_path, [*[streamed(100.0 * i) for i in range(10)], *hung, *cut]), CLOSED)
    requests = found["requests"]
    assert (requests["cancelled"], requests["hung_up"], requests["error_rate"], requests["errors"]) == (5, 3, 0.0, {})
    assert any(note.startswith("3 requests were hung up on, as asked for") for note in found["notes"])
    assert any(note.startswith("2 requests were cut off at the end") for note in found["notes"])
