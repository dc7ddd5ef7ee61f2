"""Pages of a sweep, a search, a plan and a comparison: what they say, and that nothing foreign lives in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perfbench import cli
from perfbench.report.page import render
from perfbench.report.pages import words
from perfbench.report.pages.compare import compare_page
from perfbench.report.pages.plan import plan_page
from perfbench.report.pages.search import misses, search_page
from perfbench.report.pages.sweep import sweep_page
from perfbench.runfolder import REPORT
from tests.report import made
from tests.report.runs import HOSTILE
from tests.report.test_html import Parsed, browse, needs_chromium

VALUES = {"response_ttft": (np.arange(1.0, 901.0), np.arange(1.0, 901.0) * 1.2)}


def pages(said: str = "") -> dict[str, str]:
    return {
        "sweep": render(sweep_page(made.plain(made.sweep(words=said)))),
        "open sweep": render(sweep_page(made.plain(made.sweep(over="rate", words=said)))),
        "search": render(search_page(made.plain(made.search(words=said)))),
        "plan": render(plan_page(made.plain(made.plan(words=said)))),
        "compare": render(compare_page(made.comparison(words=said), said or "worse: p99 ttft", VALUES)),
    }


@pytest.fixture(scope="module")
def parsed() -> dict[str, Parsed]:
    return {name: Parsed(page) for name, page in pages().items()}


@pytest.mark.parametrize(("name", "said"), [
    ("sweep", "6 loads, 1 to 32 in flight, against http://127.0.0.1:9/v1"),
    ("sweep", "met at 1, 2, 4, 8; missed at 32; inconclusive at 16 in flight"),
    ("sweep", "knee, in flight"), ("sweep", "peak, in flight"), ("sweep", "20 requests per unit of load"),
    ("open sweep", "1 to 32 req/s"), ("open sweep", "from the instant a request was due"),
    ("search", "81.3 req/s, 95 % sure: 79.50 to 83.00; known to the precision asked for"),
    ("search", "48 of 240"), ("search", "the backlog grew"), ("search", "4 probes in 1:40"),
    ("plan", "5 replicas, 95 % sure: 5 to 5; 93 % of their capacity"), ("plan", "per million tokens"),
    ("plan", "the others do not carry the target within the SLO"), ("plan", "with one to spare"),
    ("compare", "1 figure worse, 1 better"), ("compare", "p99 ttft (response) +20.0 %"),
    ("compare", "2000 more requests in each run would tell"),
])  # fmt: skip
def test_what_the_pages_say(parsed, name, said):
    assert said in parsed[name].words().replace("\u202f", " ")


def test_every_figure_has_its_place_and_every_place_its_figure(parsed):
    for page in parsed.values():
        places = [attributes["data-chart"] for _, attributes in page.tags if "data-chart" in attributes]
        assert len(places) == len(set(places)) > 0
        assert set(places) == page.figures().keys()
        json.dumps(page.figures(), allow_nan=False)


def test_nothing_foreign_becomes_markup_or_script():
    for page in pages(HOSTILE).values():
        found = Parsed(page)
        assert [tag for tag, _ in found.tags if tag in ("img", "iframe", "link", "object", "embed", "svg")] == []
        assert len(found.scripts) == 3
        assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
        assert "7 * 7" in page
        assert not set(page) & {"\x1b", "\u202e", "\u2028"}
        names = [trace.get("name", "") for figure in found.figures().values() for trace in figure["data"]]
        assert not any("<" in name for name in names)


def test_tables_that_scroll_can_be_reached_with_the_keyboard(parsed):
    for page in parsed.values():
        scrolling = [a for tag, a in page.tags if tag == "div" and a.get("class") == "scroll"]
        assert scrolling and all(a.get("tabindex") == "0" and a.get("aria-label") for a in scrolling)


def test_each_load_and_probe_leads_to_its_own_report(parsed):
    for name, first in (("sweep", "./points/parallel_1/report.html"), ("search", "./probes/000_rate_10/report.html")):
        assert next(a["href"] for tag, a in parsed[name].tags if tag == "a") == first


@pytest.mark.parametrize("folder", ["/etc", "../../elsewhere", "points/../../x", None])
def test_no_link_leaves_the_folder(folder):
    assert words.link("1", folder, REPORT).href is None


def test_a_link_is_never_a_scheme():
    href = words.link("1", "javascript:alert(1)//", REPORT).href
    assert href is not None and href.startswith("./javascript%3A")


# Sweep


def test_the_slo_region_ends_at_the_limit(parsed):
    shapes = parsed["sweep"].figures()["trade-ttft"]["layout"]["shapes"]
    region, limit = shapes[0], shapes[1]
    assert region["type"] == "rect" and region["y1"] == 200.0
    assert limit["y0"] == limit["y1"] == 200.0
    assert "shapes" not in parsed["sweep"].figures()["trade-e2e"]["layout"], "the SLO says nothing of it"


def test_the_points_are_where_they_were_measured_with_their_intervals(parsed):
    sweep = made.sweep()
    trace = parsed["sweep"].figures()["trade-ttft"]["data"][0]
    assert trace["name"] == "p50"
    assert trace["x"] == pytest.approx([p.requests_per_s for p in sweep.points], rel=1e-5)
    assert trace["y"] == pytest.approx([p.latency_ms["ttft"]["p50"] for p in sweep.points])
    assert trace["error_y"]["array"] == pytest.approx([0.1 * y for y in trace["y"]], rel=1e-4)


def test_knee_and_peak_are_those_of_the_law(parsed):
    fit = made.sweep().scaling
    assert [shape["x0"] for shape in parsed["sweep"].figures()["throughput"]["layout"]["shapes"]] == [
        fit.knee,
        fit.peak,
    ]


def test_errors_and_conditions_of_each_load_come_from_its_own_summary(tmp_path):
    folder = made.folder_of(tmp_path / "sweep", "sweep")
    page = Parsed(render(sweep_page(json.loads((folder / "sweep.json").read_text()), folder)))
    assert "Service Unavailable" in page.words()
    assert page.figures()["errors"]["data"][0]["y"] == [0, 0, 0, 0, 12, 12]
    assert "The SLO, condition by condition" in page.words()


@pytest.mark.parametrize("state", ["waiting", "skipped"])
def test_a_sweep_of_which_nothing_was_run_has_a_page(state):
    sweep = made.sweep(stopped="at parallel 1 not one request succeeded")
    sweep.scaling = None
    for point in sweep.points:
        point.state, point.folder, point.requests_per_s = state, None, None
    found = Parsed(render(sweep_page(made.plain(sweep)))).words()
    assert "nothing carried" in found and f"({state})" in found and "ended early" in found


def test_a_percentile_that_is_not_known_leaves_a_gap():
    sweep = made.sweep()
    sweep.points[0].latency_ms["ttft"] |= {"p99": None, "p99_ci": None}
    page = Parsed(render(sweep_page(made.plain(sweep))))
    trace = next(t for t in page.figures()["trade-ttft"]["data"] if t["name"] == "p99")
    assert trace["y"][0] is None and None not in trace["y"][1:]
    assert "too few requests stand behind it" in page.words()


# Search


@pytest.mark.parametrize(("blocks", "counted", "missed", "within"), [
    pytest.param([(0, 0)] * 12, 0, 0, None, id="nothing counted"),
    pytest.param([(25, 0)] * 12, 300, 0, (0.0, 0.0127), id="no miss: up to about 3.8 of n"),
    pytest.param([(25, 25)] * 12, 300, 300, (0.9873, 1.0), id="all missed"),
    pytest.param([(25, 5)] * 12, 300, 60, (0.159, 0.249), id="evenly spread: as many as there are"),
])  # fmt: skip
def test_shares_of_misses_have_the_score_interval(blocks, counted, missed, within):
    found = misses(blocks)
    assert found[:2] == (counted, missed)
    assert found[2] == (None if within is None else pytest.approx(within, abs=1e-3))


def test_misses_that_stand_together_are_worth_less():
    even = misses([(25, 5)] * 12)[2]
    burst = misses([(25, 20)] * 3 + [(25, 0)] * 9)[2]
    assert burst[1] - burst[0] > 2 * (even[1] - even[0])


def test_a_share_beyond_the_chart_is_at_its_edge_and_said(parsed):
    figure = parsed["search"].figures()["missed-0"]
    missed = next(trace for trace in figure["data"] if trace["name"] == "missed")
    assert missed["marker"]["symbol"] == ["x"] and missed["y"] == pytest.approx([0.2])
    record = made.plain(made.search())
    record["probes"][2]["probe"]["counts"][0] = [[20, 20]] * 12
    page = Parsed(render(search_page(record)))
    missed = next(trace for trace in page.figures()["missed-0"]["data"] if trace["name"] == "missed")
    assert missed["marker"]["symbol"] == ["triangle-up"] and missed["y"] == pytest.approx([0.3])
    assert "A triangle at the upper edge" in page.words()


@pytest.mark.parametrize("probes", [0, 1])
def test_a_search_without_an_answer_has_a_page(probes):
    page = Parsed(render(search_page(made.plain(made.search(answered=False, probes=probes)))))
    assert "no answer" in page.words() and "has not come to its end" in page.words()


# Plan


def test_a_plan_that_nothing_holds_has_a_page():
    page = Parsed(render(plan_page(made.plain(made.plan(outcome="missed")))))
    assert "No number of replicas" in page.words()
    assert page.figures() == {}


def test_without_a_price_there_is_no_money():
    page = Parsed(render(plan_page(made.plain(made.plan(price=None)))))
    assert "cost" not in page.figures() and "an hour" not in page.words()


# Compare


def test_the_forest_holds_what_has_a_relative_difference_and_its_interval(parsed):
    figures = parsed["compare"].figures()
    rows = {label: (x, trace["name"]) for trace in figures["forest"]["data"]
            for label, x in zip(trace["y"], trace["x"], strict=True)}  # fmt: skip
    assert rows == {
        "p99 ttft (response)": (20.0, "worse"), "p50 ttft (response)": (-10.0, "better"),
        "p50 e2e (response)": (1.0, "same"), "p90 e2e (response)": (6.0, "undecided"),
    }  # fmt: skip
    worse = next(trace for trace in figures["forest"]["data"] if trace["name"] == "worse")
    assert worse["error_x"]["array"] == pytest.approx([2.0])
    assert [trace["x"] for trace in figures["forest-shares"]["data"]] == [pytest.approx([0.2])]


def test_percentiles_need_values_beyond_them(parsed):
    assert parsed["compare"].figures()["percentiles-response_ttft"]["data"][0]["x"] == [
        "p5", "p25", "p50", "p75", "p90", "p95", "p99",
    ]  # fmt: skip


def test_without_raw_values_there_are_no_distributions():
    assert "Distributions" not in Parsed(render(compare_page(made.comparison(), "said"))).words()


# Commands, and a browser


@pytest.mark.parametrize(("kind", "file"), [("sweep", "report.html"), ("slo", "report.html"), ("plan", "plan.html")])
def test_report_writes_the_page_anew(tmp_path: Path, capsys: Any, kind: str, file: str) -> None:
    folder = made.folder_of(tmp_path / kind, kind)
    assert cli.run(["report", str(folder)]) == 0
    assert capsys.readouterr().out == f"page: {folder / file}\n"
    assert f"perfbench {kind}" in (folder / file).read_text()


def test_a_file_of_another_version_is_refused_with_a_reason(tmp_path, capsys):
    (tmp_path / "sweep.json").write_text('{"schema": 99}')
    assert cli.run(["report", str(tmp_path)]) == 2
    assert "schema 1" in capsys.readouterr().err
    (tmp_path / "sweep.json").write_text('{"schema": ')
    assert cli.run(["report", str(tmp_path)]) == 2
    assert "is not whole" in capsys.readouterr().err


@needs_chromium
@pytest.mark.slow
def test_a_browser_draws_every_chart_of_every_page(tmp_path):
    for number, page in enumerate(pages(HOSTILE).values()):
        file = tmp_path / f"{number}.html"
        file.write_text(page)
        seen = browse(tmp_path, file)
        assert f'data-drawn="{len(Parsed(page).figures())}"' in seen
        assert seen.count("<img") == 0
        assert not re.search(r"<title>pwned", seen)
