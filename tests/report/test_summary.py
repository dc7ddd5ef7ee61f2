"""Summary: the contract of summary.json, from a folder made by hand and from folders that are not as they should be."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from perfbench.engine.errors import ScenarioError, SinkFailed
from perfbench.engine.pacing import Poisson
from perfbench.engine.probe import ClientSample
from perfbench.engine.request import Record
from perfbench.metrics.columns import Columns
from perfbench.metrics.names import NAMES
from perfbench.report.summary import load, summarise, write_summary
from perfbench.runfolder import RunFolder, RunInfo
from tests.metrics.rows import ZERO_NS, at, record, reply

OPEN = {"rate": 10.0, "arrival": "constant", "slo": "p50 ttft < 200ms and error_rate < 50%"}
CLOSED = {"parallel": 4, "number": 20}


def lines(values: Iterable[Any]) -> bytes:
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)


def folder(path: Path, records: Iterable[Record], samples: Iterable[ClientSample] = (), **info: Any) -> RunFolder:
    found = RunFolder(path)
    found.file("requests.jsonl").write_bytes(lines(records))
    if samples := list(samples):
        found.file("client.jsonl").write_bytes(lines(samples))
    if info:
        plain = {
            "started_at": "2026-01-02T03:04:05+01:00", "clock_monotonic_ns": ZERO_NS, "clock_unix_ns": 0,
            "began_ns": ZERO_NS, "planned": None, "ended": "number",
        }  # fmt: skip
        found.file("run.json").write_bytes(msgspec.json.encode(RunInfo(**(plain | info))))
    return found


def streamed(start: float, **given: Any) -> Record:
    """Due 10 ms before it starts; first token after 100 ms, ten more at 20 ms each, over with the last."""
    plain = {
        "intended": start - 10, "dispatched": start - 9, "started": start, "written": start + 1,
        "first_byte": start + 90, "first_output": start + 101, "first_answer": start + 101,
        "last_output": start + 301, "output_tokens": 11, "input_tokens": 5, "token_source": "usage",
        "itl_ns": [20_000_000] * 10, "chunks": 11,
    }  # fmt: skip
    return reply(start, start + 301, **(plain | given))


def hundred(**given: Any) -> list[Record]:
    return [streamed(100.0 * i, **given) for i in range(100)]


def approx(value: float) -> Any:
    return pytest.approx(value, abs=1e-4)


def test_an_open_loop_by_hand(tmp_path: Path) -> None:
    rows = [*hundred(), *[record(10_000, started=0, outcome="failed", error="reset", error_detail="by peer")] * 2]
    run = folder(tmp_path, rows, planned=102, workers=2, environment={"python": "3"}, notes=["worker 1 died"])
    found = summarise(run, OPEN)
    assert found["schema"] == 1
    assert found["requests"] == {
        "planned": 102, "sent": 102, "succeeded": 100, "failed": 2, "cancelled": 0, "hung_up": 0, "retried": 0,
        "unsent": 0,
        "reconnects": 0, "error_rate": 2 / 102, "error_rate_ci": [approx(0.0031), approx(0.1137)],
        "errors": {"reset": 2}, "error_details": {"reset": ["by peer"]},
    }  # fmt: skip
    assert found["window_s"] == 10.201
    assert found["throughput"]["requests_per_s"] == pytest.approx(100 / 10.201)
    assert found["throughput"]["output_tokens_per_s"] == pytest.approx(1100 / 10.201)
    assert found["throughput"]["total_tokens_per_s"] == pytest.approx(1600 / 10.201)
    assert set(found["latency_ms"]) == set(NAMES)
    for name, ms in {
        "ttft": 100, "ttfat": 100, "itl": 20, "tpot": 20, "e2e": 300, "response_ttft": 111, "response_e2e": 311,
        "connect": 1,
    }.items():  # fmt: skip
        assert found["latency_ms"][name]["p50"] == found["latency_ms"][name]["max"] == ms, name
    ttft = found["latency_ms"]["ttft"]
    assert {name: value for name, value in ttft.items() if not name.endswith("_ci")} == {
        "count": 100, "mean": 100, "min": 100, "p50": 100, "p90": 100, "p95": 100, "p99": None, "p99_9": None,
        "max": 100, "ci_method": "order statistics; requests are independent (lag-1 correlation 0.00)", "lag1": 0,
        "effective": {"p50": 100, "p90": 100, "p95": 100}, "infinite": [],
    }  # fmt: skip
    told = {"mean_ci", "p50_ci", "p90_ci", "p95_ci"}
    assert {name: value for name, value in ttft.items() if name.endswith("_ci")} == {
        **{name: [100, 100] for name in told}, "p99_ci": None, "p99_9_ci": None,
    }  # fmt: skip
    low, high = found["throughput"]["requests_per_s_ci"]
    assert low < 100 / 10.201 < high
    assert found["latency_ms"]["itl"]["count"] == 1000
    assert found["tokens"] == {
        "input": 500, "output": 1100, "reasoning": None, "cached": None, "source": "usage", "unknown": 0,
    }  # fmt: skip
    assert found["slo"]["met"] is True
    assert [one["metric"] for one in found["slo"]["observed"]] == ["response_ttft", "error_rate"]
    assert found["goodput"] == {
        "per_s": pytest.approx(100 / 10.201), "share": 100 / 102, "share_ci": [approx(0.8863), approx(0.9969)],
        "good": 100, "of": 102,
        "limits_ms": {"response_ttft": 200.0},
    }  # fmt: skip
    assert found["arrivals"]["as_asked"] is not None
    assert found["client"]["send_lag_ms"] == {"p50": 1.0, "p99": 1.0, "max": 1.0}
    assert found["scenario"] == OPEN
    assert found["environment"] == {"started_at": "2026-01-02T03:04:05+01:00", "workers": 2, "python": "3"}
    assert found["run"]["ended"] == "number"
    assert found["notes"] == ["worker 1 died"]


def test_a_closed_loop_has_no_response_base_and_no_arrivals(tmp_path: Path) -> None:
    found = summarise(folder(tmp_path, hundred()), CLOSED)
    assert found["latency_ms"]["response_ttft"] is found["latency_ms"]["response_e2e"] is None
    assert found["latency_ms"]["ttft"]["count"] == 100
    assert found["arrivals"] is found["slo"] is found["goodput"] is None


def test_without_streams_what_needs_one_is_null(tmp_path: Path) -> None:
    rows = [reply(10.0 * i, 10.0 * i + 5, stream=False) for i in range(50)]
    found = summarise(folder(tmp_path, rows), {**OPEN, "slo": "p50 ttft < 1s"})
    known = {name for name, spread in found["latency_ms"].items() if spread is not None}
    assert known == {"e2e", "response_e2e", "send_lag", "connect"}
    assert found["slo"]["met"] is None
    assert found["goodput"] == {
        "per_s": None,
        "share": None,
        "share_ci": None,
        "good": None,
        "of": 50,
        "limits_ms": {"response_ttft": 1000.0},
    }
    assert found["tokens"]["output"] is None


def test_the_interval_of_goodput_is_of_the_requests_that_its_share_is_of(tmp_path: Path) -> None:
    hung_up = record(10_000, started=0, outcome="cancelled", error="hung_up")
    found = summarise(folder(tmp_path, [*hundred(), *[hung_up] * 50]), {**OPEN, "slo": "p50 e2e < 9s"})
    assert found["requests"]["hung_up"] == 50
    assert (found["goodput"]["share"], found["goodput"]["of"]) == (1.0, 100)
    assert found["goodput"]["share_ci"][1] == 1.0


def test_arrivals_that_never_left_stand_in_the_response_base(tmp_path: Path) -> None:
    rows = [*hundred(), *[record(10_000, outcome="unsent", error="unsent")] * 50]
    found = summarise(folder(tmp_path, rows, planned=150), OPEN)
    assert found["requests"]["unsent"] == 50
    assert found["requests"]["errors"] == {}
    response = found["latency_ms"]["response_e2e"]
    assert (response["count"], response["p50"], response["p90"], response["mean"]) == (150, 311, None, None)
    assert response["infinite"] == ["mean", "p90", "p95", "max"]
    assert found["latency_ms"]["e2e"]["count"] == 100
    assert found["goodput"]["share"] == 100 / 150
    assert any("50 arrivals" in note for note in found["notes"])


def test_steady_state_leaves_ramp_up_and_drain_out(tmp_path: Path) -> None:
    slots = [100.0 * slot + 400.0 * i for slot in range(4) for i in range(50)]
    rows = [reply(start, start + 400, output_tokens=2) for start in slots]
    found = summarise(folder(tmp_path, rows, planned=200), CLOSED)
    steady = found["steady_state"]
    assert (steady["from_s"], steady["to_s"], steady["plateau"]) == (0.3, 19.9, 4.0)
    assert steady["stationary"] is True
    assert steady["requests"] == 197
    assert steady["throughput"]["requests_per_s"] == pytest.approx(10.0)
    assert steady["latency_ms"]["e2e"]["p50"] == 400
    assert found["concurrency"] == {"mean": pytest.approx(200 * 0.4 / 20.3), "max": 4.0}


def test_an_endpoint_that_does_not_keep_up_is_told(tmp_path: Path) -> None:
    """Due every 50 ms, over every 100 ms."""
    rows = [reply(50.0 * i, 100.0 * (i + 1)) for i in range(400)]
    found = summarise(folder(tmp_path, rows, planned=400), {**OPEN, "rate": 20.0})
    assert found["backlog"]["growing"] is True
    assert (found["backlog"]["arrived_per_s"], found["backlog"]["over_per_s"]) == pytest.approx((20, 10), rel=0.02)
    assert any(note.startswith("the endpoint did not keep up") for note in found["notes"])
    assert summarise(folder(tmp_path, rows), CLOSED)["backlog"] is None


@pytest.mark.parametrize("scenario", [{}, CLOSED, OPEN], ids=["no scenario", "closed", "open"])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no records"),
        pytest.param([record(5, outcome="unsent", error="unsent")] * 3, id="nothing sent"),
        pytest.param([record(5, started=5, outcome="failed", error="connect_refused")] * 3, id="all failed at once"),
        pytest.param([record(9, started=5, outcome="cancelled", error="cancelled")], id="all cut off"),
        pytest.param([reply(5, 5)], id="one request of no length"),
        pytest.param([streamed(0, itl_ns=None, output_tokens=None)], id="one stream without tokens"),
    ],
)
def test_poor_runs_give_nulls_and_never_crash(tmp_path: Path, rows: list[Record], scenario: dict[str, Any]) -> None:
    run = folder(tmp_path, rows)
    write_summary(run)
    found = summarise(run, scenario)
    text = json.dumps(found, allow_nan=False)  # raises on anything that is not finite
    assert json.loads(text) == found
    successes = sum(row.outcome == "ok" for row in rows)
    assert found["requests"]["succeeded"] == successes
    assert any("no request succeeded" in note for note in found["notes"]) is (bool(rows) and not successes)
    if not rows:
        assert found["window_s"] is found["throughput"]["requests_per_s"] is found["steady_state"] is None


def test_cut_off_requests_are_counted_and_named(tmp_path: Path) -> None:
    rows = [*hundred(), *[record(9_000, started=0, outcome="cancelled", error="cancelled")] * 7]
    found = summarise(folder(tmp_path, rows), CLOSED)
    assert found["requests"]["cancelled"] == 7
    assert found["latency_ms"]["e2e"]["count"] == 100
    assert any(note.startswith("7 requests were cut off") for note in found["notes"])


def test_a_killed_run_is_summarised_from_what_is_left(tmp_path: Path) -> None:
    run = folder(tmp_path, hundred(), planned=500, ended=None)
    whole = run.file("requests.jsonl").read_bytes()
    run.file("requests.0.jsonl").write_bytes(whole[:-20])
    run.file("requests.1.jsonl").write_bytes(b'{"broken": true}\n')
    run.file("requests.jsonl").unlink()
    found = summarise(run, CLOSED)
    assert found["requests"]["succeeded"] == 99
    assert found["requests"]["planned"] == 500
    notes = " ".join(found["notes"])
    assert "killed before it ended" in notes
    assert "torn" in notes
    assert "requests.1.jsonl line 1" in notes


def test_client_samples_of_the_time_of_sending_make_the_verdict(tmp_path: Path) -> None:
    def sample(second: int, lag_ms: float, cpu: float) -> ClientSample:
        span = {"from_ns": at(1000 * second), "to_ns": at(1000 * second + 1000)}
        return ClientSample(worker=0, lag_ns=[round(lag_ms * 1e6)] * 50, cpu_ns=round(cpu * 1e9), **span)

    quiet = [sample(second, 0.2, 0.3) for second in range(10)]
    long_after = [sample(second, 500.0, 1.0) for second in range(20, 25)]
    found = summarise(folder(tmp_path, hundred(), [*quiet, *long_after]), CLOSED)["client"]
    assert (found["verdict"], found["workers"], found["loop_lag_ms"]["max"]) == ("ok", 1, 0.2)
    assert found["cpu_share"] == pytest.approx(0.3)
    busy = [sample(second, 30.0, 0.99) for second in range(10)]
    found = summarise(folder(tmp_path, hundred(), busy), CLOSED)["client"]
    assert found["verdict"] == "saturated"
    assert any("30.0 ms" in reason for reason in found["reasons"])
    assert summarise(RunFolder(tmp_path), CLOSED)["client"] == found


def test_poisson_arrivals_are_audited_as_sent(tmp_path: Path) -> None:
    offsets = [offset / 1e6 for offset, _ in zip(Poisson(50.0, 4), range(1000), strict=False)]
    run = folder(tmp_path, [reply(offset, offset + 10) for offset in offsets])
    assert summarise(run, {"rate": "50/s", "arrival": "poisson"})["arrivals"]["as_asked"] is True
    assert summarise(run, {"rate": 80, "arrival": "poisson"})["arrivals"]["as_asked"] is False
    assert summarise(run, {"rate": 50, "arrival": "gamma", "burstiness": 4})["arrivals"]["as_asked"] is False


def test_arrivals_that_a_limit_held_back_are_counted_and_named(tmp_path: Path) -> None:
    rows = [*hundred(dispatched=0.0)[:60], *[streamed(100.0 * i, dispatched=100.0 * i) for i in range(60, 100)]]
    found = summarise(folder(tmp_path, rows), OPEN | {"parallel": 5})
    assert found["arrivals"]["held_back"] == 59  # the first one is handed over at 0 and leaves then
    assert any(note.startswith("59 of 100 arrivals were held back") for note in found["notes"])
    assert summarise(RunFolder(tmp_path), OPEN)["arrivals"]["held_back"] == 0  # there was no limit to hold them


def test_the_file_holds_what_is_returned_and_no_draft_stays(tmp_path: Path) -> None:
    run = folder(tmp_path, hundred())
    run.file("scenario.yaml").write_text('rate: 10.0\narrival: constant\nprompt: "price: $${X}"\nslo: "p50 e2e < 1s"\n')
    returned = write_summary(run)
    assert json.loads(run.file("summary.json").read_text()) == returned
    assert returned["scenario"]["prompt"] == "price: ${X}"
    assert returned["slo"]["met"] is True
    assert sorted(file.name for file in tmp_path.iterdir()) == ["requests.jsonl", "scenario.yaml", "summary.json"]


def test_a_summary_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    run = folder(tmp_path, hundred())
    run.file("summary.json").mkdir()
    with pytest.raises(SinkFailed, match=r"summary\.json"):
        write_summary(run)


@pytest.mark.parametrize(
    ("scenario", "word"), [({"rate": "20/fortnight"}, "rate"), ({"slo": "p99 tft < 1s"}, "ttft")], ids=["rate", "slo"]
)
def test_a_scenario_that_cannot_be_read_is_named(tmp_path: Path, scenario: dict[str, Any], word: str) -> None:
    with pytest.raises(ScenarioError, match=word):
        summarise(folder(tmp_path, hundred()), scenario)


def test_a_folder_without_records_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"requests\.jsonl"):
        summarise(RunFolder(tmp_path), {})


def many(path: Path, count: int) -> RunFolder:
    path.mkdir()
    rows = (streamed(float(i), index=i, key=f"r{i}", url="http://127.0.0.1:8000/v1", itl_ns=None) for i in range(count))
    return folder(path, rows)


def state_bytes(found: Columns) -> int:
    values = [getattr(found, name) for name in found.__slots__]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


def test_a_record_costs_a_fixed_small_number_of_bytes(tmp_path: Path) -> None:
    small, large = load(many(tmp_path / "s", 1000)), load(many(tmp_path / "l", 3000))
    assert state_bytes(large) == 3 * state_bytes(small)
    assert state_bytes(small) / 1000 < 160


SUMMARISE = """
import re, sys
from pathlib import Path
from perfbench.report.summary import summarise
from perfbench.runfolder import RunFolder
found = summarise(RunFolder(Path(sys.argv[1])), {"rate": 1000, "arrival": "constant"})
# Not ru_maxrss: it begins with the peak of the process that started this one.
print(found["requests"]["succeeded"], re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_time_and_memory_grow_with_the_records_and_no_faster(tmp_path: Path) -> None:
    counts, seconds, peaks = (50_000, 400_000), [], []
    for count in counts:
        path = many(tmp_path / str(count), count).path
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", SUMMARISE, path], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        succeeded, peak = map(int, done.stdout.split())
        assert succeeded == count
        seconds.append(after.ru_utime - before.ru_utime)
        peaks.append(peak * 1024)
    # Eight times the records and the same start-up: up to eight times the time, and the machine's noise.
    assert seconds[1] < 8 * 1.3 * seconds[0]
    assert (peaks[1] - peaks[0]) / (counts[1] - counts[0]) < 500


def test_decoding_is_most_of_the_work(tmp_path: Path) -> None:
    """Columns may cost about what decoding the records costs, and no more: both are measured here, in turn."""
    run = many(tmp_path / "r", 20_000)

    def fastest(work: Any) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
        return min(times)

    decoding = fastest(lambda: [None for _ in run.records()])
    assert fastest(lambda: load(run)) < 4 * decoding
