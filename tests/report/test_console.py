"""The summary in a terminal."""

import io
import re

import pytest
from rich.cells import cell_len

from perfbench.report.console import print_summary
from perfbench.report.summary import summarise, write_summary
from tests.report.runs import HOSTILE, make_run

SLO = "p99 ttft < 500ms and p95 tpot < 40ms and error_rate < 1%"


def shown(summary, folder=None, file=None) -> str:
    file = file or io.StringIO()
    print_summary(summary, folder, file)
    return file.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return write_summary(make_run(tmp_path_factory.mktemp("run"), 400, slo=SLO))


@pytest.fixture(scope="module")
def open_summary(tmp_path_factory):
    return write_summary(make_run(tmp_path_factory.mktemp("run"), 400, rate=100.0, slo=SLO))


def row(text: str, label: str) -> list[str]:
    """Cells of the line that begins with the label."""
    line = next(line for line in text.splitlines() if line.startswith(label))
    return re.split(r"\s{2,}", line.removeprefix(label).strip())


def test_requests_throughput_and_target(summary, tmp_path):
    text = shown(summary, tmp_path)
    assert "some-model  http://127.0.0.1:9/v1" in text
    assert "closed loop, 8 parallel" in text
    assert "planned 400   sent 400   ok 360   failed 40   cancelled 0" in text
    assert "output tokens/s" in text
    assert str(tmp_path) in text.replace("\n", "")


def test_a_latency_row_holds_the_summary_s_figures(summary):
    ttft = summary["latency_ms"]["ttft"]
    cells = row(shown(summary), "TTFT ")
    assert cells[0] == "360"
    figures = [ttft[name] for name in ("mean", "p50", "p90", "p95", "p99")] + [ttft["max"]]
    assert [float(cell) for cell in (*cells[1:6], cells[7])] == pytest.approx(figures, rel=1e-3)
    assert [float(end) for end in cells[6].split(" – ")] == pytest.approx(ttft["p99_ci"], rel=1e-3)


def test_response_rows_and_audit_in_open_loop_only(summary, open_summary):
    text = shown(open_summary)
    assert "TTFT response" in text and "E2E response" in text
    assert open_summary["arrivals"]["verdict"] in text
    assert "response" not in shown(summary).replace("response base", "")


def test_too_few_requests_get_no_figure(tmp_path):
    text = shown(write_summary(make_run(tmp_path, 8)))
    assert row(text, "E2E")[4:7] == ["n/a"] * 3
    assert "not enough data" in text


def test_an_infinite_figure_is_shown_as_such(open_summary):
    spread = open_summary["latency_ms"]["response_e2e"] | {"p99": None, "max": None, "infinite": ["p99", "max"]}
    latency_ms = open_summary["latency_ms"] | {"response_e2e": spread}
    cells = row(shown(open_summary | {"latency_ms": latency_ms}), "E2E response")
    assert (cells[5], cells[7]) == ("∞", "∞")


def test_errors_are_explained(summary):
    text = shown(summary)
    assert row(text, "http_503") == ["40", "10.0\u202f%", "the server answered 503 Service Unavailable"]
    assert "overloaded, try later" in text  # which is what the server said


def test_without_reasoning_the_first_token_of_the_answer_says_nothing_new(summary):
    assert "TTFAT" not in shown(summary)
    slower = summary["latency_ms"]["ttft"] | {"p50": 999.0}
    assert "TTFAT" in shown(summary | {"latency_ms": summary["latency_ms"] | {"ttfat": slower}})


def test_an_open_loop_says_whether_it_was_kept_up_with(summary, open_summary):
    backlog = {"arrived_per_s": 60.0, "over_per_s": 30.0, "at_start": 300, "at_end": 600, "growing": True}
    found = row(shown(open_summary | {"backlog": backlog}), "load ")
    assert found[0] == "did not keep up"
    assert found[1].startswith("60.0 requests a second came, 30.0 were over, 600 were waiting at the end")
    assert row(shown(open_summary | {"backlog": backlog | {"growing": False}}), "load ")[0] == "kept up"
    assert "too short a run" in row(shown(open_summary | {"backlog": None}), "load ")[1]
    assert "\nload " not in shown(summary)


def test_a_reader_who_has_enough_does_not_end_the_process(summary):
    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        print_summary(summary, None, Closed())


def test_slo_condition_by_condition(summary):
    text = shown(summary)
    assert "SLO MISSED" in text
    assert row(text, "missed")[:2] == ["error_rate < 1%", "10.0\u202f%"]
    assert row(text, "met")[0] == "p99 ttft < 500ms"
    assert "good 9" in text  # goodput


def test_without_an_slo_nothing_is_said_of_one(tmp_path):
    assert "SLO" not in shown(write_summary(make_run(tmp_path, 50)))


def test_a_client_that_nobody_watched_gets_a_line(summary):
    client = summary["client"] | {"verdict": "unknown", "reasons": ["the run was too short"]}
    assert row(shown(summary | {"client": client}), "client ") == ["unknown", "the run was too short"]


@pytest.mark.parametrize("verdict", ["suspect", "saturated"])
def test_a_client_that_may_be_at_fault_gets_a_box_with_reasons(summary, verdict):
    client = summary["client"] | {"verdict": verdict, "reasons": ["99% of a core busy"]}
    text = shown(summary | {"client": client})
    assert f"CLIENT {verdict.upper()}" in text
    assert "- 99% of a core busy" in text


def test_a_saturated_client_is_named_before_any_figure(summary):
    text = shown(summary | {"client": summary["client"] | {"verdict": "saturated", "reasons": []}})
    assert text.index("CLIENT SATURATED") < text.index("requests")


def test_a_pipe_gets_no_colour_and_a_terminal_does(summary):
    assert "\x1b" not in shown(summary)
    terminal = Terminal()
    assert "\x1b[" in shown(summary, file=terminal)


@pytest.mark.parametrize("width", [50, 60, 76, 80, 100, 140])
def test_rows_stay_whole_on_a_terminal(open_summary, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown(open_summary, file=Terminal()))
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    assert "p99" in text


def test_hostile_words_do_nothing_to_a_terminal(tmp_path):
    text = shown(write_summary(make_run(tmp_path, 60, words=HOSTILE)))
    assert "[bold" in text and "red]" in text  # shown, and not taken as markup; a line may end between the two
    assert not set(text) & {"\x1b", "\u202e", "\u2028"}


def test_a_run_without_a_single_success(tmp_path):
    folder = make_run(tmp_path, 10)
    lines = folder.file("requests.jsonl").read_bytes().splitlines(keepends=True)
    folder.file("requests.jsonl").write_bytes(lines[9])  # the one that failed
    assert "not one request succeeded" in shown(write_summary(folder))


def test_an_empty_run_prints(tmp_path):
    folder = make_run(tmp_path, 5)
    folder.file("requests.jsonl").write_bytes(b"")
    assert "sent 0" in shown(summarise(folder, {}))
