"""Parts: what is shown of the parts of a mix, of turns and of sessions."""

from __future__ import annotations

import io
from pathlib import Path

from perfbench.report.console import print_summary
from perfbench.report.html import render
from perfbench.report.parts import PART_HEADS, part_tables, session_facts, workload_sentence
from perfbench.report.summary import load, summarise
from tests.report.runs import HOSTILE
from tests.report.test_summary import CLOSED, folder, streamed


def a_run(path: Path, tag: str = "chat"):
    rows = [
        streamed(1000.0 * session + 310.0 * turn, session=session, turn=turn, turns=3, tag=tag)
        for session in range(20)
        for turn in (1, 2, 3)
    ]
    return folder(path, rows, workload={"name": "conversations", "reuse": "intended: of course", "sessions": True})


def test_a_run_in_parts_shows_a_table_for_each_way_of_parting_it(tmp_path):
    summary = summarise(a_run(tmp_path), CLOSED)
    tables = part_tables(summary)
    assert [(table.title, [row.label for row in table.rows]) for table in tables] == [
        ("part of the mix", ["chat"]), ("turn", ["1", "2", "3"]),
    ]  # fmt: skip
    second = dict(zip(PART_HEADS, tables[1].rows[1].cells, strict=True))
    assert (second["ok"], second["failed"], second["TTFT p50"], second["TTFT p95"]) == ("20", "0", "100.0", "n/a")
    assert second["input tokens"] == "5.00 each"
    told = {fact.label: fact.value for fact in session_facts(summary["sessions"])}
    assert (told["begun"], told["completed"], told["lasted p50"]) == ("20", "20", "0.9\u202fs")
    assert workload_sentence(summary) == "conversations; reuse of prompts: intended: of course"


def test_a_plain_run_shows_none_of_it(tmp_path):
    summary = summarise(folder(tmp_path, [streamed(0)]), CLOSED)
    assert (part_tables(summary), session_facts(summary["sessions"]), workload_sentence(summary)) == ([], [], "")


def test_console_and_page_show_them(tmp_path):
    run = a_run(tmp_path)
    summary = summarise(run, CLOSED | {"workload": "conversations", "parallel": 4})
    out = io.StringIO()
    print_summary(summary, None, out)
    page = render(summary, load(run), run)
    for shown in (out.getvalue(), page):
        assert "4 sessions at a time" in shown
        assert "reuse of prompts: intended: of course" in shown
        assert "part of the mix" in shown
        assert "completed" in shown


def test_a_tag_is_foreign_text(tmp_path):
    run = a_run(tmp_path, tag=HOSTILE)
    summary = summarise(run, CLOSED)
    out = io.StringIO()
    print_summary(summary, None, out)
    assert "\x1b" not in out.getvalue()
    assert "<script>document.title" not in render(summary, load(run), run)
