"""Each check: a run in which it must speak, and one as like it as can be in which it must not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from perfbench.engine.request import Attempt
from perfbench.findings.table import CHECKS
from tests.findings.runs import BEGAN_NS, MS, UNIQUE, Row, S, closed, failed, findings_of, opened

OTHER = "http://127.0.0.1:10/v1"
HALF = "http://127.0.0.1:11/v1"


@dataclass(frozen=True)
class Case:
    """`spoilt` makes the finding; `sound` is the run beside it that does not. Their settings come after."""

    name: str
    spoilt: Callable[[], list[Row]]
    sound: Callable[[], list[Row]]
    given: dict[str, Any] = field(default_factory=dict)
    otherwise: dict[str, Any] | None = None
    """Settings of the sound one, where they are what differs."""
    evidence: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        return self.name + (f": {self.note}" if self.note else "")


def late(rows: list[Row], by_ms: float, field_name: str = "dispatched_ns") -> list[Row]:
    """Everything from that instant on happened later."""
    moved = ("dispatched_ns", "started_ns", "written_ns", "first_byte_ns", "first_output_ns", "first_answer_ns",
             "last_output_ns", "finished_ns")  # fmt: skip
    later = moved[moved.index(field_name) :]
    return [row | {name: row[name] + round(by_ms * MS) for name in later} for row in rows]


def slowed(row: Row, by_ms: float) -> Row:
    """Its first token, and all after it, came so much later."""
    names = ("first_byte_ns", "first_output_ns", "first_answer_ns", "last_output_ns", "finished_ns")
    return row | {name: row[name] + round(by_ms * MS) for name in names}


def sometimes(rows: list[Row], share: float, change: Callable[[Row], Row], seed: int = 4) -> list[Row]:
    rng = random.Random(seed)
    return [change(row) if rng.random() < share else row for row in rows]


def first(rows: list[Row], count: int, change: Callable[[Row], Row]) -> list[Row]:
    return [change(row) if number < count else row for number, row in enumerate(rows)]


def growing(rows: list[Row]) -> list[Row]:
    """An endpoint that does 20 a second: each waits for the one before."""
    free_ns, found = BEGAN_NS, []
    for row in rows:
        begins_ns = max(free_ns, row["written_ns"])
        free_ns = begins_ns + S // 20
        found.append(slowed(row, (begins_ns - row["written_ns"]) / MS))
    return found


def again(row: Row) -> Row:
    """Answered at the second attempt."""
    begins_ns = row["started_ns"]
    return row | {"earlier": [Attempt(started_ns=begins_ns - 5, finished_ns=begins_ns, error="http_503")]}


def together(row: Row) -> Row:
    """Every other chunk came with the one before it."""
    gaps = [0 if number % 2 else gap for number, gap in enumerate(row["itl_ns"])]
    return row | {"itl_ns": gaps, "last_output_ns": row["first_output_ns"] + sum(gaps)}


def in_bursts(rows: list[Row]) -> list[Row]:
    """As many a second, but those of each quarter of a second come at its beginning, nearly at once."""
    found = []
    for row in rows:
        shift = -((row["intended_ns"] - BEGAN_NS) % (S // 4)) * 9 // 10
        found.append(row | {name: row[name] + shift for name in row if name.endswith("_ns") and name != "itl_ns"})
    return found


def drifting(count: int = 600) -> list[Row]:
    return closed(count, each=lambda index: {"ttft_ms": 100 * (1 + index / count)})


def cut_at(seconds: float, spread: float) -> list[Row]:
    """One in ten takes 3 s and more, and fails at that age; the spread is the share by which ages differ."""
    rng = random.Random(5)
    return [
        failed(row, "truncated", seconds * 1e3 * (1 + spread * (rng.random() - 0.5)), status=200)
        if index % 10 == 3 else row
        for index, row in enumerate(closed(300))
    ]  # fmt: skip


def replicas(slow_ms: float) -> list[Row]:
    return [slowed(row, slow_ms) | {"url": HALF} if index % 2 else row for index, row in enumerate(closed(400))]


def clustered(where: range) -> list[Row]:
    return [failed(row) if index in where else row for index, row in enumerate(closed(400))]


def scattered(count: int) -> list[Row]:
    places = set(random.Random(8).sample(range(400), count))
    return [failed(row) if index in places else row for index, row in enumerate(closed(400))]


CASES = (
    Case("client_limited", closed, closed, {"lag_ms": 40.0}, {"lag_ms": 0.1}, {"verdict": "suspect"}),
    Case("clock_went_backwards", lambda: first(closed(), 3, lambda row: row | {"first_byte_ns": row["written_ns"] - 1}),
         closed, evidence={"requests": 3}, note="instants"),
    Case("clock_went_backwards", lambda: first(closed(), 1, lambda row: row | {"itl_ns": [-5, *row["itl_ns"][1:]]}),
         closed, evidence={"negative_gaps": 1}, note="gaps"),
    Case("wall_clock_jumped", closed, closed, {"clock": (10 * S, 13 * S)}, {"clock": (10 * S, 10 * S + 30 * MS)}),
    Case("rate_not_reached", lambda: opened(rate=20), lambda: opened(rate=20), {"rate": 40.0}, {"rate": 20.0}),
    Case("did_not_keep_up", lambda: growing(opened(800, rate=40)), lambda: opened(800, rate=40), {"rate": 40.0}),
    Case("concurrency_not_reached", closed, closed, {"parallel": 64}, {"parallel": 8}, {"asked": 64, "most": 8.0}),
    Case("arrivals_late", lambda: late(opened(), 30.0), opened, {"rate": 20.0}, note="by our own doing"),
    Case("arrivals_late", lambda: late(opened(), 30.0, "started_ns"), opened, {"rate": 20.0, "rps": 20},
         note="held back by a limit"),
    Case("arrivals_not_as_asked", lambda: in_bursts(opened(800)), lambda: opened(800), {"rate": 20.0}),
    Case("cached_prompts", lambda: sometimes(closed(cached_tokens=0), 0.4, lambda row: row | {"cached_tokens": 128}),
         lambda: closed(cached_tokens=12), evidence={"of": 400}, note="usage; and a template alone"),
    Case("cached_prompts", lambda: closed(cached_tokens=128), lambda: closed(cached_tokens=128), {"workload": UNIQUE},
         {"workload": UNIQUE | {"unique": False}}, note="reuse that was intended"),
    Case("two_speeds", lambda: sometimes(closed(), 0.4, lambda row: slowed(row, 150)), closed),
    Case("two_speeds", lambda: sometimes(closed(), 0.4, lambda row: slowed(row, 150)),
         lambda: sometimes(closed(), 0.4, lambda row: slowed(row, 150) | {"input_tokens": 400}),
         note="long prompts explain it"),
    Case("several_tokens_per_chunk", lambda: closed(chunks=10), lambda: closed(chunks=19), note="an end token is none"),
    Case("glued_chunks", lambda: [together(row) for row in closed()], closed, evidence={"replies_in_one_piece": 0}),
    Case("glued_chunks", lambda: [together(row) for row in closed()],
         lambda: [together(row) | {"finish_reasons": ["stop"] * 2} for row in closed()],
         note="chunks of two choices come together"),
    Case("glued_chunks", lambda: [together(row) for row in closed()], lambda: [together(row) for row in closed()], {},
         {"lag_ms": 20.0}, note="not by this client, which was late"),
    Case("several_choices", lambda: closed(finish_reasons=["stop", "stop"]), closed, evidence={"most": 2}),
    Case("usage_absent", lambda: closed(token_source="chunks"), closed, evidence={"by_chunks": 400}),
    Case("usage_absent", lambda: closed(token_source="tokenizer"), closed, evidence={"by_tokenizer": 400}, note="info"),
    Case("output_counts_differ", lambda: closed(output_tokens=10), lambda: closed(output_tokens=19)),
    Case("input_counts_differ", lambda: closed(input_tokens=90), closed, {"tokenizer": "t.json"}, note="fewer"),
    Case("input_counts_differ",
         lambda: [row | {"wanted_input_tokens": 100 + row["index"], "input_tokens": 130 + row["index"] * 5 // 4}
                  for row in closed()],
         lambda: [row | {"wanted_input_tokens": 100 + row["index"], "input_tokens": 130 + row["index"]}
                  for row in closed()],
         {"tokenizer": "t.json"}, note="a slope; and a template of 30 tokens"),
    Case("input_counts_differ", lambda: closed(input_tokens=400), lambda: closed(input_tokens=160), note="an estimate"),
    Case("empty_answers", lambda: sometimes(closed(), 0.05, lambda row: row | {
            "chunks": 0, "output_tokens": 0, "itl_ns": [], "first_output_ns": None, "first_answer_ns": None,
            "last_output_ns": None}), closed),
    Case("empty_answers", lambda: sometimes(closed(), 0.05, lambda row: row | {"first_answer_ns": None}), closed,
         note="reasoning alone"),
    Case("cut_answers", lambda: closed(finish_reasons=["length"]), lambda: closed(finish_reasons=["length"]), {},
         {"max_tokens": 20}, {"cut": 400, "median_tokens": 20}),
    Case("lengths_not_as_wanted", lambda: closed(wanted_output_tokens=64), lambda: closed(wanted_output_tokens=21),
         evidence={"shorter": 400}),
    Case("lengths_not_as_wanted", closed, closed, {"max_tokens": 10}, {"max_tokens": 20}, {"longer": 400},
         note="longer than the longest"),
    Case("lengths_not_as_wanted", closed, closed, {"max_tokens": 64, "extra_args": {"ignore_eos": True}},
         {"max_tokens": 64}, note="a longest length is no wish for one"),
    Case("too_few_requests", lambda: closed(200), lambda: closed(300), {"slo": "p99 ttft < 5s"}),
    Case("too_few_requests", lambda: sometimes(closed(400), 0.095, lambda row: slowed(row, 900)), closed,
         {"slo": "p90 ttft < 500ms"}, note="enough for the percentile, too few for the verdict"),
    Case("drift", drifting, lambda: closed(600)),
    Case("cold_start", lambda: first(closed(), 16, lambda row: slowed(row, 400)), closed),
    Case("cold_start", lambda: first(closed(), 1, lambda row: slowed(row, 4000)), closed, evidence={"first": 1},
         note="the very first one"),
    Case("cold_start", lambda: first(closed(), 16, lambda row: slowed(row, 400)),
         lambda: first(closed(), 16, lambda row: slowed(row, 400) | {"warmup": True}), note="a warm-up"),
    Case("retries_hidden", lambda: sometimes(closed(), 0.1, again), closed,
         evidence={"error_rate": 0.0}),
    Case("errors_clustered", lambda: clustered(range(200, 230)), lambda: scattered(30), evidence={"failures": 30}),
    Case("cut_at_an_age", lambda: cut_at(3.0, 0.002), lambda: cut_at(3.0, 0.5)),
    Case("one_replica_slow", lambda: replicas(50), lambda: replicas(0)),
    Case("one_replica_slow", lambda: [row | {"url": (OTHER, HALF, row["url"])[row["index"] % 3]} for row in
                                      [slowed(row, 60 * (row["index"] % 3 == 1)) for row in closed()]],
         lambda: [row | {"url": (OTHER, HALF, row["url"])[row["index"] % 3]} for row in closed()], note="one of three"),
    Case("connections_die", lambda: sometimes(closed(), 0.05, lambda row: row | {"reconnects": 1}),
         lambda: first(closed(), 2, lambda row: row | {"reconnects": 1})),
    Case("connections_not_kept", lambda: closed(reused=False), closed, evidence={"opened": 400}),
    Case("connections_not_kept", lambda: closed(reused=False), lambda: closed(reused=False, reconnects=1),
         note="dead ones are another finding"),
)  # fmt: skip
ELSEWHERE = {"servers_count_differs"}
"""Tested in test_servers.py, where there is a server's own account."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_check_speaks_when_it_must_and_only_then(tmp_path, case):
    spoilt = findings_of(tmp_path / "spoilt", case.spoilt(), **case.given)
    assert case.name in spoilt, spoilt.keys()
    found = spoilt[case.name]
    assert found["evidence"] | case.evidence == found["evidence"]
    assert found["text"] and found["remedy"] and found["severity"] in ("info", "warning", "serious")
    given = case.given if case.otherwise is None else case.otherwise
    assert case.name not in findings_of(tmp_path / "sound", case.sound(), **given)


def test_every_check_has_its_two_runs():
    assert {check.__name__ for check in CHECKS} == {case.name for case in CASES} | ELSEWHERE


def test_a_run_in_which_nothing_was_sent_has_no_finding(tmp_path):
    row = {"key": "0", "index": 0, "intended_ns": BEGAN_NS, "finished_ns": BEGAN_NS + S, "outcome": "unsent"}
    assert findings_of(tmp_path, [row], slo="p99 ttft < 1s") == {}
