"""The report page: what it says, that nothing foreign lives in it, and that a browser draws it without a network."""

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from perfbench.report.html import write_report
from perfbench.report.summary import write_summary
from tests.report.runs import HOSTILE, make_run

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH"
)
SLO = "p99 ttft < 500ms and error_rate < 1%"


def report_of(folder) -> str:
    return write_report(folder, write_summary(folder)).read_text(encoding="utf-8")


class Parsed(HTMLParser):
    """The elements of a page, its scripts and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._in = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in == "script":
            self.scripts[-1] += data
        elif self._in != "style":
            self.text.append(data)

    def figures(self) -> dict[str, dict]:
        return json.loads(self.scripts[0])

    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Parsed:
    return Parsed(report_of(make_run(tmp_path_factory.mktemp("run"), 400, slo=SLO)))


@pytest.fixture(scope="module")
def open_page(tmp_path_factory) -> Parsed:
    return Parsed(report_of(make_run(tmp_path_factory.mktemp("run"), 400, rate=100.0, slo=SLO)))


@pytest.mark.parametrize("words", [
    "some-model", "closed loop, 8 parallel", "http://127.0.0.1:9/v1", "client ok", "SLO missed", "error_rate < 1%",
    "Steady state", "the server answered 503 Service Unavailable", "overloaded, try later", "bench-1",
    "model: some-model", "What the words mean", "p99, 95 % sure", "02 March 2026, 14:05:09", "all requests were sent",
    "Authorization: REDACTED",
])  # fmt: skip
def test_what_the_page_says(page, words):
    assert words in page.words()


def test_the_first_questions_are_answered_first(page, open_page):
    words = page.words()
    assert words.index("carried") < words.index("SLO missed") < words.index("client ok") < words.index("succeeded")
    assert "SLO missed error_rate < 1%: 10.0 %" in words  # what was met is left to the table
    assert "kept up" in open_page.words()


def test_every_figure_has_its_place_and_every_place_its_figure(page, open_page):
    for parsed in (page, open_page):
        places = {attributes["data-chart"] for _, attributes in parsed.tags if "data-chart" in attributes}
        assert places == parsed.figures().keys()
    assert page.figures().keys() >= {"ttft", "tpot", "itl", "e2e", "over-time", "concurrency", "throughput", "tokens",
                                     "faults", "lag", "cpu"}  # fmt: skip
    assert "gaps" in open_page.figures() and "gaps" not in page.figures()


def test_open_loop_shows_both_bases(page, open_page):
    assert [trace["name"] for trace in open_page.figures()["e2e"]["data"]] == ["service", "response"]
    assert len(page.figures()["e2e"]["data"]) == 1


def test_marks_are_the_summary_s_figures(tmp_path):
    folder = make_run(tmp_path, 400)
    summary = write_summary(folder)
    figure = Parsed(write_report(folder, summary).read_text()).figures()["ttft"]
    spread = summary["latency_ms"]["ttft"]
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [spread["p50"], spread["p99"]]


def test_the_steady_window_is_marked(tmp_path):
    folder = make_run(tmp_path, 400)
    summary = write_summary(folder)
    shapes = Parsed(write_report(folder, summary).read_text()).figures()["over-time"]["layout"]["shapes"]
    edges = [shapes[0]["x1"], shapes[1]["x0"]]
    assert edges == pytest.approx([summary["steady_state"]["from_s"], summary["steady_state"]["to_s"]])


def test_what_is_left_out_of_a_chart_is_said(tmp_path):
    parsed = Parsed(report_of(make_run(tmp_path, 8000)))
    points = parsed.figures()["over-time"]["data"][0]
    assert len(points["x"]) == 6000
    assert "6000 of 7200 points are drawn" in parsed.words()


def test_a_saturated_client_is_the_first_thing_said(tmp_path):
    folder = make_run(tmp_path, 50)
    summary = write_summary(folder)
    summary["client"] |= {"verdict": "saturated", "reasons": ["99% of a core busy"]}
    words = Parsed(write_report(folder, summary).read_text()).words()
    assert words.index("Client saturated: this client was the limit") < words.index("succeeded")
    assert "99% of a core busy" in words


@pytest.mark.parametrize("count", [0, 1, 5])
def test_small_runs_have_a_page(tmp_path, count):
    folder = make_run(tmp_path, 10)
    lines = folder.file("requests.jsonl").read_bytes().splitlines(keepends=True)
    folder.file("requests.jsonl").write_bytes(b"".join(lines[:count]))
    words = Parsed(report_of(folder)).words()
    assert "What the words mean" in words
    assert ("Not one request succeeded" in words) == (count == 0)


def test_records_from_elsewhere_have_a_page(tmp_path):
    folder = make_run(tmp_path, 50)
    for name in ("run.json", "scenario.yaml", "client.jsonl"):
        folder.file(name).unlink()
    assert "client unknown" in Parsed(report_of(folder)).words()


def test_nothing_foreign_becomes_markup_or_script(tmp_path):
    page = report_of(make_run(tmp_path, 60, rate=50.0, words=HOSTILE, slo=SLO))
    parsed = Parsed(page)
    assert [tag for tag, _ in parsed.tags if tag in ("img", "iframe", "link", "a", "object", "embed", "svg")] == []
    assert len(parsed.scripts) == 3
    assert not any(name.startswith("on") for _, attributes in parsed.tags for name in attributes)
    assert "7 * 7" in page and "49" not in re.findall(r"<h1>(.*?)</h1>", page)[0]
    assert not set(page) & {"\x1b", "\u202e", "\u2028"}


def test_plotly_gets_no_markup_in_names(tmp_path):
    figures = Parsed(report_of(make_run(tmp_path, 60, words=HOSTILE))).figures()
    names = [trace["name"] for figure in figures.values() for trace in figure["data"]]
    assert any("&lt;/script&gt;" in name for name in names)
    assert not any("<" in name for name in names)


def test_no_figure_holds_what_is_not_a_number(open_page):
    json.dumps(open_page.figures(), allow_nan=False)


def test_the_page_names_its_scripts_and_nothing_may_be_fetched(page):
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "script-src 'unsafe-inline'" not in policy and "connect-src" not in policy
    assert not any("src" in attributes or "href" in attributes for _, attributes in page.tags)


def browse(tmp_path: Path, page: Path, *flags: str) -> str:
    """The page as a browser sees it after its scripts ran."""
    ran = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *flags, "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=True, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    return ran.stdout


@needs_chromium
@pytest.mark.slow
def test_a_browser_draws_every_chart_and_runs_nothing_foreign(tmp_path):
    folder = make_run(tmp_path / "run", 300, rate=50.0, words=HOSTILE, slo=SLO)
    path = write_report(folder, write_summary(folder))
    figures = Parsed(path.read_text()).figures()
    seen = browse(tmp_path, path)
    assert f'data-drawn="{len(figures)}"' in seen
    assert len(re.findall(r'<svg[^>]*class="main-svg"', seen)) >= len(figures)
    title = re.findall(r"<title>(.*?)</title>", seen, re.DOTALL)[0]
    assert title.endswith("perfbench")
    assert seen.count("<img") == 0


def asked_for(tmp_path: Path, page: Path) -> list[str]:
    """URLs that the page itself wanted; what the browser does on its own account has no origin for initiator."""
    log = tmp_path / "net.json"
    browse(tmp_path, page, f"--log-net-log={log}")
    events = [event.get("params") or {} for event in json.loads(log.read_text())["events"]]
    return [event["url"] for event in events if event.get("initiator", "not an origin") != "not an origin"]


@needs_chromium
@pytest.mark.slow
def test_the_page_asks_the_network_for_nothing(tmp_path):
    folder = make_run(tmp_path / "run", 60, words="<img src=http://127.0.0.1:9/x>", slo=SLO)
    path = write_report(folder, write_summary(folder))
    trap = tmp_path / "trap.html"
    trap.write_text("<img src=http://127.0.0.1:9/x>")
    assert asked_for(tmp_path, trap) == ["http://127.0.0.1:9/x"]
    assert asked_for(tmp_path, path) == []


def test_the_page_of_a_long_run_stays_small(tmp_path):
    parsed = Parsed(report_of(make_run(tmp_path, 20_000)))
    assert len(parsed.scripts[0]) < 600_000
    assert np.all([len(trace["x"]) <= 6000 for figure in parsed.figures().values() for trace in figure["data"]])
