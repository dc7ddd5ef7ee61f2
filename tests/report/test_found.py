"""Findings where people read them: every one on the page, with its evidence; on the console those not said already."""

from __future__ import annotations

import io

import pytest

from perfbench.report.console import print_summary
from perfbench.report.found import console_rows, found_rows
from perfbench.report.html import write_report
from perfbench.report.summary import write_summary
from perfbench.runfolder import RunFolder
from tests.findings.runs import closed, summary_of
from tests.report.runs import HOSTILE
from tests.report.test_html import Parsed


def shown(summary) -> str:
    file = io.StringIO()
    print_summary(summary, None, file)
    return " ".join(file.getvalue().split())


@pytest.fixture
def summary(tmp_path):
    return summary_of(tmp_path, closed(chunks=10, token_source="usage", reused=False))


def test_the_gravest_comes_first_and_says_what_to_do(summary):
    rows = found_rows(summary)
    assert [(row.name, row.severity) for row in rows] == [
        ("several tokens per chunk", "warning"), ("connections not kept", "info")
    ]  # fmt: skip
    assert ("threshold", "1.2") in rows[0].evidence
    text = shown(summary)
    for row in rows:
        assert f"found {row.name}: {row.text}. {row.remedy}" in text


def test_the_page_holds_every_finding_and_its_evidence(tmp_path, summary):
    words = " ".join(Parsed(write_report(RunFolder(tmp_path), summary).read_text(encoding="utf-8")).words().split())
    for row in found_rows(summary):
        assert row.name in words and row.text in words and row.remedy in words
    assert "tokens_per_chunk: 1.9" in words


def test_a_run_without_findings_shows_no_table_of_them(tmp_path):
    summary = summary_of(tmp_path, closed())
    assert summary["findings"] == []
    assert "found " not in shown(summary)
    page = Parsed(write_report(RunFolder(tmp_path), write_summary(RunFolder(tmp_path))).read_text(encoding="utf-8"))
    assert "Findings" not in page.words()


def test_what_the_console_says_elsewhere_it_does_not_say_twice(tmp_path):
    summary = summary_of(tmp_path, closed(), lag_ms=40.0)
    assert [row.name for row in found_rows(summary)] == ["client limited"]
    assert console_rows(summary) == []


def test_a_summary_from_before_there_were_checks_is_shown_as_ever(summary):
    old = {name: value for name, value in summary.items() if name != "findings"}
    assert found_rows(old) == []
    assert "found " not in shown(old)


def test_hostile_words_in_a_finding_do_nothing(summary):
    one = summary["findings"][0] | {"text": HOSTILE, "evidence": {HOSTILE: HOSTILE}}
    text = shown(summary | {"findings": [one]})
    assert not set(text) & {"\x1b", "\u202e", "\u2028"}
