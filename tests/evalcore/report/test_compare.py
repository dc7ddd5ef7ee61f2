"""Compare: two runs, sample by sample."""

from __future__ import annotations

import io

import pytest
from scipy import stats

from evalcore.errors import DataError, TaskError
from evalcore.report.compare import compare, holm, print_comparison
from tests.evalcore.report.runs import review, run_folder


def runs(tmp_path, first, second, **more):
    run_folder(tmp_path / "a", first, **more)
    run_folder(tmp_path / "b", second)
    return compare(tmp_path / "a", tmp_path / "b")


def test_a_difference_is_looked_for_within_samples(tmp_path):
    first = [review(i, float(i < 50)) for i in range(100)]
    second = [review(i, float(i < 62 and i not in (0, 1))) for i in range(100)]
    (found,) = runs(tmp_path, first, second)
    assert found.scores == (0.5, 0.6)
    assert (found.paired.gained, found.paired.lost, found.paired.n) == (12, 2, 100)
    assert found.paired.p_value == pytest.approx(stats.binomtest(12, 14, 0.5).pvalue)
    assert found.real


def test_flips_are_listed_with_what_was_read(tmp_path):
    (found,) = runs(tmp_path, [review(0), review(1, 0.0, extracted="3")], [review(0), review(1)])
    (flip,) = found.flips
    assert (flip.sample_id, flip.first, flip.second, flip.first_said, flip.second_said, flip.target) == (
        "1", 0.0, 1.0, "3", "18", "18",
    )  # fmt: skip


def test_only_what_both_scored_is_compared(tmp_path):
    first = [review(0), review(1), review(2, None), review("only a")]
    (found,) = runs(tmp_path, first, [review(0, 0.0), review(1), review(2)])
    assert (found.paired.n, found.alone, found.scores) == (2, (1, 1), (1.0, 0.5))


def test_subsets_keep_samples_of_the_same_id_apart(tmp_path):
    first = [review(0, 1.0, subset="x"), review(0, 0.0, subset="y")]
    (found,) = runs(tmp_path, first, list(reversed(first)))
    assert (found.paired.n, found.flips) == (2, ())


def test_what_was_set_differently_is_said(tmp_path):
    (found,) = runs(tmp_path, [review(0)], [review(0)], settings={"few_shot": 8})
    assert found.settings == {"few_shot": (8, None)}


def test_many_comparisons_ask_for_more():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.2]) == [0.2]


def test_the_verdict_is_printed(tmp_path):
    found = runs(tmp_path, [review(i, 0.0) for i in range(20)], [review(i, float(i < 12)) for i in range(20)])
    out = io.StringIO()
    print_comparison(found, out)
    said = out.getvalue()
    for words in ("+60.00", "real", "McNemar", "12 samples differ", "main/0"):
        assert words in said
    assert found[0].as_json()["gained"] == 12


def test_folders_that_cannot_be_compared_say_why(tmp_path):
    run_folder(tmp_path / "a", [review(0)])
    run_folder(tmp_path / "other", [review(0)], "riddles")
    run_folder(tmp_path / "apart", [review("x")])
    (tmp_path / "empty").mkdir()
    for second, said in (
        ("other", "no benchmark in common"),
        ("apart", "share no scored sample"),
        ("empty", "has no reports"),
    ):
        with pytest.raises(TaskError, match=said):
            compare(tmp_path / "a", tmp_path / second)


def test_a_file_that_is_no_report_is_named(tmp_path):
    folder, _ = run_folder(tmp_path / "a", [review(0)])
    folder.report("quiz").write_text('{"schema": 9}')
    with pytest.raises(DataError, match=r"quiz\.json is not a report of schema 1"):
        compare(tmp_path / "a", tmp_path / "a")
