"""What an engine process tells the parent."""

import msgspec
import pytest

from perfbench.engine.request import Record
from perfbench.live.snapshot import MOST_GAPS, MOST_REQUESTS, Snapshot, SnapshotMaker, pack, unpack

MS = 1_000_000


def record(**changed) -> Record:
    fields = {
        "key": "0", "index": 0, "intended_ns": 0, "dispatched_ns": 0, "started_ns": 10 * MS, "written_ns": 11 * MS,
        "first_output_ns": 111 * MS, "last_output_ns": 131 * MS, "finished_ns": 132 * MS, "output_tokens": 3,
        "chunks": 3, "itl_ns": [10 * MS, 10 * MS], "outcome": "ok",
    }  # fmt: skip
    return Record(**(fields | changed))


def take(maker: SnapshotMaker, at_ns: int = 0) -> Snapshot:
    return maker.take(
        at_ns, dispatched=0, started=0, in_flight=0, waiting=0, loop_lag_max_ns=0, cpu_share=0.0
    )  # fmt: skip


def test_latencies_count_from_written_and_from_intended():
    maker = SnapshotMaker(0, open_loop=True)
    maker.add(record())
    taken = take(maker)
    names = ("ttft_ns", "tpot_ns", "e2e_ns", "response_ttft_ns", "response_e2e_ns", "itl_ns")
    in_ms = {name: [ns // MS for ns in unpack(getattr(taken, name))] for name in names}
    assert in_ms == {
        "ttft_ns": [100], "tpot_ns": [10], "e2e_ns": [121], "response_ttft_ns": [111], "response_e2e_ns": [132],
        "itl_ns": [10, 10],
    }  # fmt: skip


def test_a_closed_loop_has_no_response_latencies():
    maker = SnapshotMaker(0, open_loop=False)
    maker.add(record())
    assert take(maker).response_e2e_ns == b""


@pytest.mark.parametrize(("changed", "has"), [
    pytest.param({}, {"ttft", "tpot", "e2e", "itl"}, id="a streamed success has all four"),
    pytest.param({"stream": False, "first_output_ns": None, "last_output_ns": None, "itl_ns": None}, {"e2e"},
                 id="an unstreamed one has no tokens to time"),
    pytest.param({"output_tokens": 1, "itl_ns": []}, {"ttft", "e2e"}, id="below two tokens there is no TPOT"),
    pytest.param({"output_tokens": None}, {"ttft", "e2e", "itl"}, id="nor without a count of tokens"),
    pytest.param({"outcome": "failed", "error": "reset"}, set(), id="a failure stays out of the latencies"),
    pytest.param({"outcome": "cancelled", "error": "cancelled"}, set(), id="and so does a cancelled request"),
])  # fmt: skip
def test_which_latencies_a_request_has(changed, has):
    maker = SnapshotMaker(0, open_loop=False)
    maker.add(record(**changed))
    taken = take(maker)
    assert {name for name in ("ttft", "tpot", "e2e", "itl") if getattr(taken, f"{name}_ns")} == has


def test_counters_run_on_while_latencies_begin_anew():
    maker = SnapshotMaker(3, open_loop=False)
    maker.add(record())
    maker.add(record(outcome="failed", error="reset", output_tokens=None))
    take(maker)
    maker.add(record(outcome="cancelled", error="cancelled", output_tokens=2))
    maker.add(record(outcome="unsent", error="unsent", started_ns=None, output_tokens=None))
    taken = take(maker)
    assert (taken.worker, taken.finished, taken.ok, taken.failed, taken.cancelled, taken.unsent) == (3, 3, 1, 1, 1, 1)
    assert taken.errors == {"reset": 1, "cancelled": 1, "unsent": 1}
    assert taken.output_tokens == 5
    assert taken.e2e_ns == b""


def test_send_lag_is_the_worst_of_its_quarter_second():
    maker = SnapshotMaker(0, open_loop=True)
    for lag in (1, 7, 3):
        maker.add(record(dispatched_ns=lag * MS))
    assert take(maker).send_lag_max_ns == 7 * MS
    maker.add(record(dispatched_ns=2 * MS))
    assert take(maker).send_lag_max_ns == 2 * MS


def test_a_snapshot_is_bounded_and_its_counters_stay_exact():
    maker = SnapshotMaker(0, open_loop=False)
    one = record(itl_ns=[MS] * 50)
    for _ in range(MOST_REQUESTS + 5):
        maker.add(one)
    taken = take(maker)
    assert len(unpack(taken.e2e_ns)) == MOST_REQUESTS
    assert len(unpack(taken.itl_ns)) == MOST_GAPS
    assert taken.ok == MOST_REQUESTS + 5


def test_the_gap_sample_thins_evenly_across_requests():
    maker = SnapshotMaker(0, open_loop=False)
    maker.add(record(itl_ns=list(range(MOST_GAPS))))
    take(maker)  # full: from here on every second gap is taken
    gaps = iter(range(3 * 333))
    for _ in range(333):
        maker.add(record(itl_ns=[next(gaps) for _ in range(3)]))
    sampled = list(unpack(take(maker).itl_ns))
    assert sampled == list(range(sampled[0], 3 * 333, 2))


def test_a_snapshot_survives_the_pipe():
    sent = Snapshot(worker=1, at_ns=5, errors={"reset": 2}, e2e_ns=pack([1, 2]), cpu_share=0.5)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Snapshot) == sent
