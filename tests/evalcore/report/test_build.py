"""Build: what a report says of reviews, worked by hand."""

from __future__ import annotations

import pytest

from evalcore.report.schema import Report, read_report
from evalcore.statistics import mean, wilson
from evalcore.types import Score, Verdict
from tests.evalcore.report.runs import bench, report_of, review, run_folder


def headline(report):
    return report.protocols["numeric"]


def test_a_score_is_the_mean_with_its_interval():
    found = headline(report_of([review(i, float(i < 3)) for i in range(4)]))
    assert (found.score, found.micro.n, found.method) == (0.75, 4, "wilson")
    assert (found.low, found.high) == wilson(0.75, 4)


def test_unscored_is_not_wrong_but_in_the_bracket():
    reviews = [*(review(i, float(i < 6)) for i in range(8)), review(8, None), review(9, None, fault="content_filter")]
    report = report_of(reviews)
    assert headline(report).score == 0.75
    assert headline(report).bracket == (0.6, 0.8)
    assert (report.n, report.coverage) == (8, 0.8)
    found = report.integrity
    assert (found.scored, found.refused, found.errored, found.missing) == (8, 1, {"http_500": 1}, 0)


def test_what_was_never_asked_is_missing():
    report = report_of([review(0)], planned={"main": 2, "other": 2})
    assert (report.integrity.planned, report.integrity.missing, report.coverage) == (4, 3, 0.25)
    assert headline(report).bracket == (0.25, 1.0)
    assert [(part.name, part.planned, part.scored) for part in report.subsets] == [("main", 2, 1), ("other", 2, 0)]


def test_integrity_counts():
    report = report_of(
        [
            review(0),
            review(1, 0.0, extracted=None),
            review(2, 0.0, extracted=None, text="  \n"),
            review(3, 1.0, finish_reason="length", attempts=3),
        ]
    )
    found = report.integrity
    assert (found.parsed, found.unparsed, found.truncated, found.empty) == (2, 2, 1, 1)
    assert (found.retried, found.attempts) == (1, 6)


def test_an_answer_that_any_protocol_reads_is_parsed():
    scores = {"strict": Score(value=0.0), "numeric": Score(value=1.0, extracted="18")}
    assert report_of([review(0, scores=scores)]).integrity.unparsed == 0


def test_the_last_review_of_a_repeat_counts():
    report = report_of([review(0, None), review(1, 0.0), review(0, 1.0)])
    assert headline(report).score == 0.5
    assert report.integrity.errored == {}


def test_macro_is_quoted_where_the_benchmark_quotes_it():
    reviews = [review(i, 1.0, subset="a") for i in range(6)] + [review(i, 0.0, subset="b") for i in range(2)]
    micro, macro = report_of(reviews), report_of(reviews, bench(average="macro"))
    assert (headline(micro).score, headline(macro).score) == (0.75, 0.5)
    assert headline(micro).macro == headline(macro).macro
    assert headline(macro).macro_over == "subset"


def test_macro_bracket_is_over_subsets_too():
    reviews = [review(0, 1.0, subset="a"), review(1, None, subset="a"), review(0, 0.0, subset="b")]
    assert headline(report_of(reviews, bench(average="macro"))).bracket == (0.25, 0.5)


def test_categories_stand_beside_subsets():
    report = report_of([review(i, float(i % 2), category="odd" if i % 2 else "even") for i in range(10)])
    assert {part.name: part.protocols["numeric"].score for part in report.categories} == {"even": 0.0, "odd": 1.0}
    assert report_of([review(0)]).categories == []


def test_items_of_a_passage_are_clustered():
    reviews = [review(i, float(i < 5), group=f"passage {i // 5}") for i in range(10)]
    found = headline(report_of(reviews))
    assert found.method == "clustered (2 clusters), t"
    assert found.se == pytest.approx(mean([1.0] * 5 + [0.0] * 5, ["a"] * 5 + ["b"] * 5).se)


def test_scores_off_the_unit_scale_have_no_bracket():
    assert headline(report_of([review(0, 7.0), review(1, None)])).bracket is None


def test_weights_pool_parts_of_items():
    report = report_of([review(0, 1.0, weight=3.0), review(1, 0.0, weight=1.0)])
    assert headline(report).score == 0.75


def test_derived_figures_come_from_means():
    class Quiz:
        name, protocols, average = "quiz", ("numeric",), "micro"
        info = bench().info

        def derived(self, means):
            return {"odds": means["numeric"] / (1 - means["numeric"])} if means["numeric"] < 1 else {}

    report = report_of([review(i, float(i < 30)) for i in range(40)], Quiz())
    assert report.derived["odds"].score == pytest.approx(3.0)
    assert report.derived["odds"].low < 3.0 < report.derived["odds"].high


# ---- repeats


def repeats_of(*rows, **more):
    return [review(i, value, repeat=k, **more) for i, row in enumerate(rows) for k, value in enumerate(row)]


def test_repeats_are_averaged_first():
    """Twice as many answers to the same questions are not twice as many questions."""
    report = report_of(repeats_of([1.0, 0.0], [1.0, 1.0], [0.0, 0.0]))
    assert headline(report).score == 0.5
    assert headline(report).micro == headline(report_of([review(0, 0.5), review(1, 1.0), review(2, 0.0)])).micro


def test_pass_at_k_of_repeats():
    found = report_of(repeats_of([1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0])).repeats
    assert found.k == 4
    assert {k: figure.score for k, figure in found.pass_at.items()} == pytest.approx({1: 0.625, 2: 0.75, 4: 1.0})
    assert {k: figure.score for k, figure in found.pass_hat.items()} == pytest.approx({1: 0.625, 2: 0.5, 4: 0.5})
    assert found.per_repeat == [1.0, 0.5, 0.5, 0.5]


def test_samples_with_too_few_answers_are_left_out_of_pass_at_k():
    found = report_of(repeats_of([1.0, 1.0], [0.0, None])).repeats
    assert (found.pass_at[1].n, found.pass_at[2].n, found.pass_at[2].score) == (2, 1, 1.0)


def test_majority_votes_by_what_was_read():
    answers = [("18", 1.0), ("18", 1.0), ("3", 0.0)]
    found = report_of([review(0, value, repeat=k, extracted=word) for k, (word, value) in enumerate(answers)])
    assert found.repeats.majority.score == 1.0


def test_one_answer_each_is_no_repeat():
    assert report_of([review(0), review(1)]).repeats is None


# ---- judges


def test_judges_are_counted_and_compared():
    def said(*words):
        return tuple(Verdict(judge=judge, verdict=word) for judge, word in zip("xy", words, strict=True))

    failed = (Verdict(judge="x", verdict="A"), Verdict(judge="y", fault="http_500"))
    reviews = [review(0, verdicts=said("A", "A")), review(1, verdicts=said("A", "B")),
               review(2, verdicts=said("A", None)), review(3, verdicts=failed)]  # fmt: skip
    found = report_of(reviews).integrity.judging
    assert found.judges == ["x", "y"]
    assert (found.verdicts, found.unparsed, found.failed) == (7, 1, 1)
    assert (found.agreement, found.disagreed) == (0.5, 1)


def test_orders_that_disagree_are_a_disagreement():
    both = (Verdict(judge="x", verdict="model", order="ab"), Verdict(judge="x", verdict="tie", order="ba"))
    found = report_of([review(0, verdicts=both)]).integrity.judging
    assert (found.agreement, found.disagreed) == (None, 1)


def test_models_without_a_common_scale_are_not_rated_and_spoil_no_report():
    """Two opponents were compared with each other, and no verdict on the model under test could be read."""
    among = tuple(
        Verdict(judge="x", verdict="win", order=order, contender=one, opponent=other)
        for one, other in (("a", "b"), ("b", "c")) for order in ("ab", "ba")
    )  # fmt: skip
    found = report_of([review(0, verdicts=among), review(1, verdicts=among)]).integrity.judging
    assert found.ratings == []


# ---- speed, schema


def test_speed_is_of_answers_that_came():
    reviews = [review(i, latency_ms=100.0 * (i + 1), output_tokens=50) for i in range(10)]
    reviews.append(review(10, None, latency_ms=60_000.0))
    found = report_of(reviews, window_s=2.0).perf
    assert (found.latency_ms.count, found.latency_ms.max, found.latency_ms.p50) == (10, 1000.0, 500.0)
    assert (found.output_tokens, found.output_tokens_per_s, found.samples_per_s) == (500, 250.0, 5.0)
    assert found.latency_ms.p99 is None, "ten answers have no p99"


@pytest.mark.parametrize("reviews", [[], [review(0, None)]], ids=["no review", "nothing scored"])
def test_nothing_scored_is_no_score(reviews):
    report = report_of(reviews)
    assert (report.protocols, report.n, report.coverage) == ({}, 0, 0.0)


def test_a_report_is_read_back_as_it_was_written(tmp_path):
    folder, report = run_folder(tmp_path / "run", repeats_of([1.0, 0.0], [1.0, None]), settings={"few_shot": 8})
    file = folder.report("quiz")
    assert read_report(file) == report
    assert b'"schema": 1' in file.read_bytes()
    assert Report.model_validate_json(report.dump()) == report
