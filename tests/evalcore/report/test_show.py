"""Showing: the console's tables and the page, in which nothing that a model wrote can move."""

from __future__ import annotations

import io
import json
import re

import pytest

from evalcore.report.browser import FEWEST, PAGE_SAMPLES, browse, most_each, shortened, state
from evalcore.report.console import print_reports
from evalcore.report.facts import warnings
from evalcore.report.html import write_page
from tests.evalcore.report.runs import report_of, review, run_folder

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(1)">\u2028{{ 7 * 7 }}\x1b[31m[bold]'


def printed(*reports):
    out = io.StringIO()
    print_reports(reports, None, out)
    return out.getvalue()


def embedded(page, name):
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def test_the_console_says_score_interval_and_integrity():
    said = printed(report_of([*(review(i, float(i < 75)) for i in range(100)), review(100, None)]))
    for words in ("quiz", "75.00", "65.70 … 82.45", "74.26 … 75.25", "wilson", "http_500"):
        assert words in said


def test_the_console_shows_nothing_that_moves():
    report = report_of([review(0, subset=EVIL), review(1, subset="other")], settings={"few_shot": EVIL})
    assert "\x1b" not in printed(report)


def test_a_run_without_a_score_is_said_to_have_none():
    assert "no score" in printed(report_of([review(0, None)]))


@pytest.mark.parametrize(
    ("reviews", "said"),
    [
        pytest.param([review(0), review(1, None)], "1 of 2 answers are unscored", id="unscored"),
        pytest.param([review(0), review(1, 0.0, extracted=None)], "could not be read", id="unparsed"),
        pytest.param([review(0, finish_reason="length")], "cut by max_tokens", id="truncated"),
    ],
)
def test_what_must_be_known_first_is_a_warning(reviews, said):
    assert any(said in warning for warning in warnings(report_of(reviews)))


def test_a_clean_run_has_no_warning():
    assert warnings(report_of([review(i) for i in range(20)])) == []


def test_the_page_is_whole_and_calls_nobody(tmp_path):
    folder, report = run_folder(tmp_path / "run", [review(i, float(i % 2), subset="ab"[i % 2]) for i in range(10)])
    page = write_page(folder, {"quiz": report}).read_text()
    outside_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=", outside_scripts)
    assert "default-src 'none'" in page
    assert len(embedded(page, "sample-data")[0]["shown"]) == 10
    assert set(embedded(page, "figures")) == {"subset-0"}


def test_foreign_text_is_data_in_the_page(tmp_path):
    reviews = [
        review(EVIL, text=EVIL, target=EVIL, category=EVIL, detail=EVIL, extracted=EVIL,
               prompt=({"role": EVIL, "content": EVIL},)),
        review("2", None, fault=EVIL, detail=EVIL),
    ]  # fmt: skip
    folder, report = run_folder(tmp_path / "run", reviews, settings={EVIL: EVIL})
    page = write_page(folder, {"quiz": report}).read_text()
    assert page.count("<script") == page.count("</script>") == 5
    assert "<img" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    shown = embedded(page, "sample-data")[0]["shown"]
    assert shown[0]["answer"] == EVIL and shown[0]["prompt"][0]["text"] == EVIL


def test_samples_are_sorted_into_right_wrong_partly_and_unscored():
    reviews = [review(0, 1.0), review(1, 0.0), review(2, 0.4), review(3, None)]
    assert [state(one, "numeric") for one in reviews] == ["right", "wrong", "partly", "unscored"]


def test_the_page_keeps_an_even_bounded_sample():
    found = browse((review(i, float(i % 4 > 0)) for i in range(4000)), "quiz", "numeric", 100)
    assert found.counts == {"right": 3000, "wrong": 1000, "partly": 0, "unscored": 0}
    assert [sum(one["state"] == word for one in found.shown) for word in ("right", "wrong")] == [100, 100]
    places = [int(one["id"]) for one in found.shown]
    assert places == sorted(places) and 1500 < sum(places) / len(places) < 2500


def test_many_benchmarks_share_the_page():
    assert most_each(1) == PAGE_SAMPLES // 4
    assert most_each(1000) == FEWEST


def test_long_texts_keep_both_ends():
    text = shortened("begin " + "x" * 100_000 + " end")
    assert text.startswith("begin") and text.endswith(" end") and "left out" in text and len(text) < 7000
