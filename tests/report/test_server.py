"""What servers said, in the summary, in texts and on the page; and who did not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from perfbench.report.asked import curve_of, warmup_of
from perfbench.report.html import write_report
from perfbench.report.server import server_facts
from perfbench.report.steadiness import steady_method, steady_rows, warmup_sentence
from perfbench.report.summary import write_summary
from perfbench.runfolder import REPORT, REQUESTS, SERVER, RunFolder
from perfbench.telemetry.sample import ServerSample
from tests.report.runs import BEGAN_NS, HOSTILE, S, make_run


def said(at_s: float, url: str = "http://h:8000/metrics", error: str = "", **values: float) -> ServerSample:
    at_ns = BEGAN_NS + round(at_s * S)
    return ServerSample(
        url=url, kind="server", at_ns=at_ns, wall_ns=0, took_ns=1_000_000, engine="vllm" if values else "",
        values=values, error=error,
    )  # fmt: skip


def with_samples(path: Path, *samples: ServerSample, **run: Any) -> RunFolder:
    folder = make_run(path, **run)
    folder.file(SERVER).write_bytes(b"".join(msgspec.json.encode(sample) + b"\n" for sample in samples))
    return folder


def every_half_second(tokens: int) -> list[ServerSample]:
    return [
        said(at / 2 - 0.5, running=4, waiting=at % 3, kv_cache=0.5, generated_tokens=tokens * at / 12, preemptions=0)
        for at in range(13)
    ]


def test_the_servers_figures_stand_in_the_summary_and_on_the_page(tmp_path):
    folder = with_samples(tmp_path / "run", *every_half_second(3600))
    summary = write_summary(folder)
    (address,) = summary["server"]["addresses"]
    assert address["engine"] == "vLLM"
    assert address["figures"]["running"]["mean"] == 4
    assert address["figures"]["generated_tokens"]["increase"] > 0
    assert summary["server"]["compared"]["generated_tokens"]["client"] == summary["tokens"]["output"] == 3600
    page = write_report(folder, summary).read_text(encoding="utf-8")
    for key in ("server-requests", "server-cache", "server-tokens"):
        assert f'data-chart="{key}"' in page
    assert 'data-chart="server-preemptions"' not in page  # there were none
    assert "KV cache in use" in page


def test_counts_that_are_not_ours_are_noted(tmp_path):
    summary = write_summary(with_samples(tmp_path / "run", *every_half_second(7200)))
    assert summary["server"]["compared"]["generated_tokens"]["agrees"] is False
    assert any("generated tokens and this client 3600: others were served too" in note for note in summary["notes"])


def test_who_did_not_answer_is_noted_and_the_rest_stands(tmp_path):
    failures = [said(at_s, "http://gone/metrics", "could not be reached") for at_s in (0, 1, 2)]
    summary = write_summary(with_samples(tmp_path / "run", *every_half_second(3600), *failures))
    assert len(summary["server"]["addresses"]) == 2
    assert "http://gone/metrics failed 3 of the 3 times it was asked (3 x could not be reached)" in summary["notes"]


def test_without_telemetry_there_is_no_section(tmp_path):
    folder = make_run(tmp_path / "run")
    summary = write_summary(folder)
    assert summary["server"] is None
    assert server_facts(None) == []
    assert "own account" not in write_report(folder, summary).read_text(encoding="utf-8")


def test_what_a_server_is_called_cannot_speak_on_the_page(tmp_path):
    sample = said(1.0, f"http://h/{HOSTILE}", running=1)
    folder = with_samples(tmp_path / "run", sample, said(2.0, "http://b/metrics", running=1))
    write_report(folder, write_summary(folder))
    assert "<script>document.title" not in folder.file(REPORT).read_text(encoding="utf-8")


# -- steady state beside the whole run, and the warm-up ----------------------------------------------------------------


def test_the_steady_state_stands_beside_the_whole_run(tmp_path):
    summary = write_summary(make_run(tmp_path / "run", rate=50.0))
    rows = {row.label: row for row in steady_rows(summary)}
    assert {"requests/s", "TTFT p50, ms", "E2E p50, ms"} <= rows.keys()
    assert summary["steady_state"]["method"] == "mser-5"
    assert steady_method(summary).startswith("from ")
    assert steady_rows({"steady_state": None}) == [] and steady_method({}) == ""


def test_warm_up_requests_are_in_the_file_and_in_no_figure(tmp_path):
    folder = make_run(tmp_path / "run", warmup="30")
    lines = folder.file(REQUESTS).read_bytes().splitlines()
    marked = [line[:-1] + b',"warmup":true}' if place < 30 else line for place, line in enumerate(lines)]
    folder.file(REQUESTS).write_bytes(b"\n".join(marked) + b"\n")
    summary = write_summary(folder)
    assert summary["requests"]["sent"] == 370
    assert summary["requests"]["succeeded"] == 333
    assert summary["tokens"]["output"] == 3330
    assert (summary["warmup"]["requests"], summary["warmup"]["succeeded"], summary["warmup"]["failed"]) == (30, 27, 3)
    assert summary["warmup"]["asked"] == "30"
    assert summary["steady_state"] is None or summary["steady_state"]["from_s"] >= summary["warmup"]["until_s"]
    assert warmup_sentence(summary) == ("30 requests before what is measured, 3 of them failed; they are in no figure")
    assert "30 requests before" in write_report(folder, summary).read_text(encoding="utf-8")


def test_a_run_without_a_warm_up_says_nothing_of_one(tmp_path):
    summary = write_summary(make_run(tmp_path / "run"))
    assert summary["warmup"] is None
    assert warmup_sentence(summary) == ""


def test_the_load_that_was_asked_for_is_read_back():
    asked = {"shape": "ramp 10% -> 100% over 10s; hold 5s", "rate": 50.0, "warmup": "5s"}
    curve = curve_of(asked)
    assert curve is not None and warmup_of(asked).seconds == 5
    assert [curve.level(at_s) for at_s in (0, 4, 15, 19)] == [5, 5, 50, 50]
    assert curve_of({"rate": 5}) is None
