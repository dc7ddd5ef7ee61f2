"""What a run says of its answers: summary, notes, terminal and page."""

from __future__ import annotations

import io

import msgspec
import pytest

from perfbench.report.console import print_summary
from perfbench.report.html import write_report
from perfbench.report.quality import quality_sentence
from perfbench.report.summary import write_summary
from perfbench.review import ItemReview
from perfbench.runfolder import REVIEWS
from tests.report.runs import HOSTILE, make_run


def run_with_answers(path, benchmarks=("gsm8k",), fault="http_503"):
    """200 records, one in ten failed (see make_run); of the answers every fifth is wrong, every 50th was cut."""
    folder = make_run(path, 200, slo="p90 ttft < 100ms", workload="eval:gsm8k")
    lines = []
    for record in (record for batch in folder.records() for record in batch):
        n, failed = record.index, record.outcome != "ok"
        benchmark = benchmarks[n % len(benchmarks)]
        lines.append(
            ItemReview(
                key=record.key, index=n, item=f"{benchmark}/main/{n}", benchmark=benchmark,
                status="unscored" if failed else "scored", fault=fault if failed else "", protocol="numeric",
                value=None if failed else float(n % 5 != 0), extracted="1",
                finish_reason="length" if n % 50 == 1 else "",
            )
        )  # fmt: skip
    folder.file(REVIEWS).write_bytes(msgspec.json.Encoder().encode_lines(lines))
    return folder


def shown(summary):
    file = io.StringIO()
    print_summary(summary, None, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_with_answers(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def summary(folder):
    return write_summary(folder)


def test_the_summary_has_accuracy_beside_latency(summary):
    found = summary["quality"]
    assert (found["scored"], found["unscored"], found["correct"]) == (180, 20, 140.0)
    assert found["accuracy"] == pytest.approx(140 / 180)
    assert found["correct_per_s"] == pytest.approx(140 / summary["window_s"])


def test_correct_answers_within_the_slo_are_fewer_than_either(summary):
    found = summary["quality"]
    assert 0 < found["correct_in_slo"] < min(found["correct"], summary["goodput"]["good"])


def test_a_reader_is_told_of_missing_and_cut_answers(summary):
    notes = "\n".join(summary["notes"])
    assert (
        "20 of 200 items got no answer (20 http_503) and are in no accuracy; were they all wrong, it would be 70.0%"
        in notes
    )
    assert "4 of 180 answers ended at max_tokens" in notes


def test_what_the_end_of_the_run_cut_off_is_not_held_against_the_endpoint(tmp_path):
    summary = write_summary(run_with_answers(tmp_path / "run", fault="cancelled"))
    assert summary["quality"]["faults"] == {"cancelled": 20}
    assert not any("got no answer" in note for note in summary["notes"])


def test_terminal_and_page_say_the_same(summary, folder):
    text = shown(summary)
    assert "gsm8k, numeric" in text
    assert "77.8" in text
    page = write_report(folder, summary).read_text()
    assert "Answers" in page
    assert "gsm8k, numeric" in page
    assert "accuracy 77.8" in page


def test_several_benchmarks_have_a_row_each_below_all(tmp_path):
    text = shown(write_summary(run_with_answers(tmp_path / "run", ("arc", "gsm8k"))))
    at = [text.index(label) for label in ("\nall ", "\narc, numeric", "\ngsm8k, numeric")]
    assert at == sorted(at)


def test_foreign_words_do_no_harm(tmp_path):
    folder = run_with_answers(tmp_path / "run", (HOSTILE,), fault=HOSTILE)
    summary = write_summary(folder)
    assert "\x1b" not in shown(summary)
    assert "<img src=x" not in write_report(folder, summary).read_text()


def test_answers_that_nobody_scored_yet_are_named(tmp_path):
    summary = write_summary(make_run(tmp_path / "run", 20, workload="eval:gsm8k"))
    assert summary["quality"] is None
    assert any("are not scored yet; `perfbench report` does it" in note for note in summary["notes"])


def test_a_run_without_benchmarks_says_nothing_of_answers(tmp_path):
    summary = write_summary(make_run(tmp_path / "run", 20))
    assert summary["quality"] is None
    assert not any("scored" in note for note in summary["notes"])
    assert "accuracy" not in shown(summary)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(
            {"p_value": 5e-5, "p_least": 5e-5, "begins": {"after": 16, "at": 32, "between": [16, 32]}},
            "falls (p ≤ 5e-05, 120 items paired): it begins between parallel 16 and 32", id="sure of the place",
        ),
        pytest.param(
            {"p_value": 0.012, "p_least": 5e-5, "begins": {"after": 16, "at": 32, "between": [8, 64]}},
            "falls (p = 0.012, 120 items paired): it begins between parallel 16 and 32; 95 % sure: between 8 and 64",
            id="less sure",
        ),
        pytest.param(
            {"p_value": 0.4, "p_least": 5e-5, "begins": None, "excluded_beyond": 0.031},
            "falls (p = 0.4, 120 items paired); a fall of more than 3.1% would have shown", id="none found",
        ),
        pytest.param({"p_value": None}, "falls", id="nothing to tell"),
    ],
)  # fmt: skip
def test_the_verdict_of_a_sweep_in_a_sentence(found, says):
    assert quality_sentence({"verdict": "falls", "units": 120, "unit": "items", **found}, "parallel") == says
