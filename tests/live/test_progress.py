"""What a run shows while it lasts: which progress is chosen, the frames, the lines, and a real terminal."""

import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from fcntl import ioctl

import pytest
from rich.cells import cell_len
from rich.console import Console

from perfbench.live.base import RunStart
from perfbench.live.dashboard import Dashboard, chart, draw, sparkline
from perfbench.live.plain import (
    PlainLines,
    fraction_done,
    headline,
    progress_line,
    seconds_left,
    seconds_of_grace,
)
from perfbench.live.progress import Silent, open_progress
from perfbench.live.snapshot import Snapshot, pack
from perfbench.live.tally import Figures, Tally

S, MS = 1_000_000_000, 1_000_000
HOSTILE = "evil\x1b[2J[bold red]model[/]\u202e\r\n</script>"
INFO = RunStart(
    target="http://127.0.0.1:8000/v1", model="some-model", shape="closed loop, 64 parallel", began_ns=0, planned=1000
)


def figures_of(**fields) -> Figures:
    tally = Tally(began_ns=0)
    for quarter in range(1, 41):
        fixed = {
            "failed": 3, "errors": {"http_503": 3}, "in_flight": 64, "ttft_ns": pack([100 * MS] * 10),
            "tpot_ns": pack([20 * MS] * 10), "itl_ns": pack([21 * MS] * 10), "e2e_ns": pack([S] * 10),
        }  # fmt: skip
        moving = {"ok": 10 * quarter, "finished": 10 * quarter + 3, "output_tokens": 1000 * quarter}
        at_ns = quarter * S // 4
        tally.add([Snapshot(worker=0, at_ns=at_ns, **(fixed | moving | fields))], at_ns)
    return tally.figures(10 * S)


def screen(width: int, height: int, info: RunStart = INFO, **fields) -> str:
    console = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False
    )
    console.print(draw(info, figures_of(**fields), width, height))
    return console.file.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("live", "quiet", "terminal", "term", "kind"), [
    pytest.param(None, False, True, "xterm", Dashboard, id="a terminal gets the dashboard"),
    pytest.param(None, False, False, "xterm", PlainLines, id="a pipe gets lines"),
    pytest.param(None, False, True, "dumb", PlainLines, id="so does a terminal that cannot move its cursor"),
    pytest.param(False, False, True, "xterm", PlainLines, id="lines when asked for"),
    pytest.param(True, False, False, "xterm", Dashboard, id="the dashboard when asked for"),
    pytest.param(True, True, True, "xterm", Silent, id="quiet wins"),
])  # fmt: skip
def test_which_progress_is_shown(live, quiet, terminal, term, kind, monkeypatch):
    monkeypatch.setenv("TERM", term)
    assert type(open_progress(live, quiet, Terminal() if terminal else io.StringIO())) is kind


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, io; from perfbench.live.progress import open_progress; open_progress(None, True, io.StringIO());"
        "print([m for m in ('rich', 'numpy') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (80, 10), (80, 4), (60, 30), (200, 60), (40, 12)])
def test_a_frame_is_smaller_than_the_terminal(size):
    width, height = size
    lines = screen(width, height, info=replace(INFO, open_loop=True), waiting=7).splitlines()
    assert len(lines) < height
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("size", "shown"), [
    pytest.param((80, 24), [
        "some-model", "closed loop", "40%", "64 in flight", "403 of 1000 done", "last 5 s", "TTFT", "ITL", "TPOT",
        "E2E", "req/s", "tok/s", "█", "http_503", "answered 503", "client", "ok",
    ], id="80x24"),
    pytest.param((120, 40), ["some-model", "TTFT", "req/s", "top 4", "http_503"], id="120x40 has charts"),
    pytest.param((80, 10), ["some-model", "40%", "TTFT", "E2E", "client", "http_503"], id="ten lines: the latencies"),
    pytest.param((80, 4), ["40%", "403 of 1000 done"], id="four lines: the progress"),
])  # fmt: skip
def test_what_a_frame_shows(size, shown):
    text = screen(*size)
    assert [word for word in shown if word not in text] == []


def test_a_saturated_client_is_named_on_every_size():
    for size in ((80, 24), (120, 40), (80, 10)):
        assert "saturated" in screen(*size, cpu_share=0.99)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_hostile_text_reaches_the_terminal_harmless(size):
    info = replace(INFO, model=HOSTILE, target=HOSTILE, shape=HOSTILE)
    text = screen(*size, info=info, errors={HOSTILE: 3})
    assert "[bold red]" in text  # shown as it is, not taken as markup
    assert not set(text) & {"\x1b", "\r", "\u202e"}


def test_without_terminal_size_surprises_a_run_can_start_empty():
    console = Console(file=io.StringIO(), width=80)
    console.print(draw(INFO, Tally(0).figures(0), 80, 24))
    assert "some-model" in console.file.getvalue()


@pytest.mark.parametrize(("values", "line"), [
    pytest.param([0, 1, 2, 4], "▁▂▄█", id="between nothing and the largest"),
    pytest.param([0, 0], "▁▁", id="all nothing is a flat line"),
    pytest.param([1, None, 1], "█ █", id="what is missing is a hole, not a zero"),
    pytest.param([9, 1, 1], "██", id="the last ones, scaled by themselves"),
    pytest.param([], "", id="none"),
])  # fmt: skip
def test_sparkline(values, line):
    assert sparkline(values, len(line)) == line


def test_a_chart_is_a_sparkline_in_several_lines():
    assert chart([4, 2, 1], 3, 2) == ["█  ", "██▄"]


@pytest.mark.parametrize(("planned", "duration_s", "fraction", "left_s"), [
    pytest.param(1000, None, 0.403, 597 / 40, id="by number"),
    pytest.param(None, 20, 0.5, 10, id="by duration"),
    pytest.param(1000, 12, 10 / 12, 2, id="by whichever comes first"),
    pytest.param(None, None, None, None, id="without a bound nobody knows"),
    pytest.param(100, None, 1.0, 0, id="never more than all"),
])  # fmt: skip
def test_how_far_and_how_long_still(planned, duration_s, fraction, left_s):
    info, figures = replace(INFO, planned=planned, duration_s=duration_s), figures_of()
    assert fraction_done(info, figures) == (fraction if fraction is None else pytest.approx(fraction))
    assert seconds_left(info, figures) == (left_s if left_s is None else pytest.approx(left_s, rel=0.02))


@pytest.mark.parametrize(("duration_s", "in_flight", "left_s"), [
    pytest.param(8, 64, 28, id="until the end of the grace"),
    pytest.param(8, 0, None, id="nothing is waited for"),
    pytest.param(12, 64, None, id="there is time"),
    pytest.param(None, 64, None, id="there is no bound in time"),
])  # fmt: skip
def test_when_the_time_is_up_the_rest_is_waited_for_and_that_is_said(duration_s, in_flight, left_s):
    info, given = replace(INFO, planned=None, duration_s=duration_s, grace_s=30.0), {"in_flight": in_flight}
    assert seconds_of_grace(info, figures_of(**given)) == (left_s if left_s is None else pytest.approx(left_s))
    said = "28\u202fs"
    assert (said in progress_line(info, figures_of(**given))) is (left_s is not None)
    assert (f"rest cut off in {said}" in screen(80, 24, info, **given)) is (left_s is not None)


def test_plain_lines_come_every_five_seconds_and_at_the_end():
    out = io.StringIO()
    lines = PlainLines(out)
    lines.start(INFO)
    for quarter in range(1, 49):
        lines.update(
            [Snapshot(worker=0, at_ns=quarter * S // 4, ok=quarter, finished=quarter, e2e_ns=pack([S] * 9))],
            quarter * S // 4,
        )
    lines.note(HOSTILE)
    lines.stop()
    lines.stop()
    heads = [line.split(" ")[0].split("\u202f")[0] for line in out.getvalue().splitlines()]
    assert heads == ["some-model", "5.0", "10", "evil·[2J[bold", "stopped"]
    assert "\x1b" not in out.getvalue()


def test_a_plain_line_says_what_matters():
    line = progress_line(INFO, figures_of(cpu_share=0.99, waiting=5))
    for fact in (
        "40%",
        "403/1000 done",
        "64 in flight 5 waiting",
        "ttft p50 100",
        "3 failed: http_503 3",
        "client saturated",
    ):
        assert fact in line


def test_a_plain_line_leaves_out_what_too_few_requests_stand_behind():
    tally = Tally(0)
    tally.add([Snapshot(worker=0, at_ns=S, finished=20, e2e_ns=pack([S] * 20))], S)
    line = progress_line(INFO, tally.figures(S))
    assert re.search(r"e2e p50 \d+ ms", line)
    assert "ttft" not in line and "p99" not in line


def test_the_headline_names_target_load_and_bounds():
    info = replace(INFO, duration_s=60, workers=2)
    assert (
        headline(info)
        == "some-model at http://127.0.0.1:8000/v1: closed loop, 64 parallel, 2 workers, 1000 requests or 1:00"
    )


def test_quiet_still_warns():
    out = io.StringIO()
    silent = open_progress(None, True, out)
    silent.start(INFO)
    silent.update([], S)
    silent.note("worker 1 died")
    silent.stop()
    assert out.getvalue() == "worker 1 died\n"


DRIVE = """
import sys
from perfbench.live.base import RunStart
from perfbench.live.progress import open_progress
from perfbench.live.snapshot import Snapshot, pack
shown = open_progress(None, False, sys.stderr)
shown.start(RunStart(target="u", model="some-model", shape="burst", began_ns=0, planned=100))
for q in range(1, 41):
    at_ns = q * 250_000_000
    shown.update([Snapshot(worker=0, at_ns=at_ns, ok=q, finished=q, e2e_ns=pack([10**9] * 5))], at_ns)
shown.note("careful now")
shown.stop()
shown.stop()
"""


def test_on_a_real_terminal_frames_are_drawn_seldom_and_wiped_at_the_end():
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    child = subprocess.Popen([sys.executable, "-c", DRIVE], stderr=theirs, stdin=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    pieces = []
    try:
        while piece := os.read(ours, 65536):
            pieces.append(piece)
    except OSError:  # how Linux says that the other end was closed
        pass
    assert child.wait(timeout=30) == 0
    os.close(ours)
    text = b"".join(pieces).decode()
    assert 15 <= text.count("of 100") <= 24  # ten seconds, two a second, and at start, note and stop
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is hidden once and shown again
    tail = text[text.rindex("\x1b[2K") :]  # after the last line was wiped only the two closing lines come
    assert "careful now" in text and "stopped after" in tail and "of 100 done" not in tail
