"""What an evaluation shows while it lasts: tallies, frames of any size, plain lines, and nothing when it is quiet."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from evalcore.dashboard import Dashboard, draw
from evalcore.live import headline, line, open_progress
from evalcore.progress import Progress, Tally
from evalcore.statistics import wilson
from evalcore.task import TaskConfig
from perfbench.live.snapshot import Snapshot, pack
from perfbench.live.tally import Figures
from perfbench.live.tally import Tally as RequestTally
from tests.evalcore.report.runs import review

S, MS = 1_000_000_000, 1_000_000
HOSTILE = "evil\x1b[2J[bold red]model[/]\u202e\r\n</script>"
TASK = {"model": "m", "api_url": "http://127.0.0.1:1/v1", "datasets": ["gsm8k"]}


def figures(**fields) -> Figures:
    tally = RequestTally(began_ns=0)
    for quarter in range(1, 41):
        at_ns = quarter * S // 4
        told = {"ok": 10 * quarter, "finished": 10 * quarter, "in_flight": 31, "waiting": 2,
                "output_tokens": 100 * quarter, "e2e_ns": pack([S] * 10), "ttft_ns": pack([100 * MS] * 10)}  # fmt: skip
        tally.add([Snapshot(worker=0, at_ns=at_ns, **(told | fields))], at_ns)
    return tally.figures(10 * S)


def tally(planned: int | None, right: int, wrong: int, **faults: int) -> Tally:
    found = Tally(planned=planned)
    for value, count in ((1.0, right), (0.0, wrong)):
        for number in range(count):
            found.count(review(number, value))
    for kind, count in faults.items():
        for number in range(count):
            found.count(review(number, None, fault=kind))
    return found


def progress(**tallies: Tally) -> Progress:
    made = Progress()
    made.tallies = tallies
    made.slots, made.busy, made.retries = 32, 31, 5
    made.sum_up(1.0)
    for one in tallies.values():
        one.count(review("late", 1.0))
    made.sum_up(3.0)
    return made


def screen(shown: Progress, width: int, height: int, title: str = "m at http://x/v1", **fields) -> str:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(draw(title, shown, figures(**fields), width, height))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_score_so_far_is_a_mean_with_wilsons_interval():
    assert tally(100, 8, 2).score() == (0.8, *wilson(0.8, 10))
    assert tally(100, 0, 0).score() is None
    beyond = Tally()
    beyond.count(review(1, 3.0))
    assert beyond.score() == (3.0, None, None)


def test_what_has_no_answer_is_in_no_score_and_counted_by_kind():
    found = tally(100, 3, 1, http_500=2, reset=1)
    assert (found.done, found.scored, found.unscored, found.faults) == (7, 4, 3, {"http_500": 2, "reset": 1})
    assert found.score()[0] == 0.75


@pytest.mark.parametrize(
    ("planned", "marks", "left_s"),
    [
        pytest.param(100, [(0.0, 0), (10.0, 20)], 40.0, id="at the pace of late"),
        pytest.param(None, [(0.0, 0), (10.0, 20)], None, id="not before it is counted"),
        pytest.param(100, [(0.0, 0)], None, id="not from one look"),
        pytest.param(20, [(0.0, 0), (10.0, 20)], 0.0, id="nothing when all is done"),
    ],
)
def test_the_time_that_is_left(planned, marks, left_s):
    found = Tally(planned=planned)
    for at_s, done in marks:
        found.scored = done
        found.mark(at_s)
    assert found.seconds_left() == left_s


def test_a_frame_says_how_far_how_right_how_fast_and_what_failed():
    shown = screen(progress(gsm8k=tally(100, 40, 9), arc=tally(50, 0, 0, http_500=4)), 100, 40)
    for words in ("50/100", "0.820 [0.692, 0.902]", "5/50", "55/150", "31/32 slots busy", "2 waiting for limits",
                  "5 retries", "http_500", "arc: ", "TTFT", "E2E", "client  ok"):  # fmt: skip
        assert words in shown, words


@pytest.mark.parametrize("width", [40, 60, 80, 96, 120, 200])
@pytest.mark.parametrize("height", [4, 8, 12, 24, 40])
@pytest.mark.parametrize("many", [1, 4, 30])
def test_a_frame_fits_any_terminal(width, height, many):
    rows = {f"{HOSTILE} {n}": tally(100, n, 1, http_500=n % 3) for n in range(many)}
    shown = screen(progress(**rows), width, height, title=headline_of(HOSTILE))
    lines = shown.rstrip("\n").split("\n")
    assert len(lines) < height
    assert all(cell_len(text) <= width for text in lines)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", shown)


def headline_of(model: str) -> str:
    return headline(TaskConfig.from_mapping({**TASK, "model_id": model}, "test", environment={}))


def test_what_is_under_way_is_shown_when_not_all_fit():
    rows = {f"over{n}": tally(11, 10, 0) for n in range(20)} | {"now": tally(100, 10, 0)}
    shown = screen(progress(**rows), 80, 24)
    assert "now" in shown and "more" in shown and "of them done" in shown


def test_a_plain_line_has_it_all_without_an_escape():
    said = line(progress(gsm8k=tally(100, 40, 9), arc=tally(None, 0, 0, http_500=4)), figures())
    assert "gsm8k 50/100 0.820 [0.692, 0.902]" in said
    assert "arc 5/? 1.000 [0.207, 1.000], 4 unscored (http_500 4)" in said
    assert "31/32 slots" in said and "5 retries" in said and "\x1b" not in said


def test_a_pipe_gets_plain_lines_and_quiet_gets_nothing():
    for quiet, expected in ((False, "gsm8k 50/100"), (True, "")):
        stream = io.StringIO()
        with open_progress(TaskConfig.from_mapping(TASK, "test", environment={}), quiet, stream) as shown:
            assert (shown.screen is None) is quiet
            if shown.screen is not None:
                shown.screen.update(progress(gsm8k=tally(100, 40, 9)), figures())
        assert expected in stream.getvalue() and bool(expected) == bool(stream.getvalue())


def test_the_dashboard_leaves_one_line_behind(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    with Dashboard("m at http://x/v1", stream) as shown:
        shown.update(progress(gsm8k=tally(100, 40, 9)), figures())
    last = stream.getvalue().rstrip().split("\n")[-1]
    assert "gsm8k 50/100" in last
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h")
