"""Pairs in both orders, and several judges at once: verdicts, coverage and agreement are what the script implies."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evalcore.errors import TaskError
from evalcore.outputs import read_reviews
from evalcore.report import facts
from evalcore.report.console import print_reports
from evalcore.rescore import rescore
from evalcore.run import run_task
from evalcore.task import TaskConfig
from tests.evalcore.scripted import scripted

RUBBISH = "Lorem ipsum, A or B, who knows"


@pytest.fixture
def arena(tmp_path: Path) -> Path:
    """Six open questions with an answer of "other" each; 0 to 2 are of category x, 3 to 5 of y."""
    file = tmp_path / "arena.jsonl"
    rows = [
        {"question": f"Tell of {n}.", "answers": {"other": f"theirs {n}"}, "category": "xy"[n // 3]} for n in range(6)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def task(file: Path, url: str, judges: Any, **keys: Any) -> TaskConfig:
    extra = keys.pop("extra", {})
    given = {
        "model": "tested", "api_url": url, "datasets": ["general_arena"], "retries": 0, "dataset_hub": "local",
        "dataset_args": {"general_arena": {"local_path": str(file), "extra": extra}},
        "judge_model_args": judges, "work_dir": file.parent / "out", **keys,
    }  # fmt: skip
    return TaskConfig.from_mapping(given, "test", environment={})


def ours(message: str, times: int) -> str:
    """The model under test."""
    return f"ours {re.findall(r'[0-9]+', message)[0]}"


def shown(message: str) -> tuple[str, str]:
    """The texts shown as A and as B."""
    found = [re.search(rf"<answer_{letter} \w+>\n(.*?)\n</answer_{letter}", message, re.DOTALL) for letter in "ab"]
    assert found[0] is not None and found[1] is not None
    return found[0][1], found[1][1]


def in_both_orders(script: dict[int, tuple[str, str]]) -> Callable[[str, int], str]:
    """Reads by question: the verdict when ours is shown first, and when it is shown second."""

    def say(message: str, times: int) -> str:
        first, _ = shown(message)
        return script[int(first.split()[1])][0 if first.startswith("ours") else 1]

    return say


SCRIPT = {
    0: ("Verdict: A", "Verdict: B"),  # ours, both times
    1: ("Verdict: B", "Verdict: A"),  # theirs, both times
    2: ("Verdict: TIE", "Verdict: TIE"),
    3: ("Verdict: A", "Verdict: A"),  # whoever comes first
    4: ("Verdict: A", "Verdict: TIE"),
    5: ("Verdict: A", RUBBISH),
}


def test_pairs_are_judged_in_both_orders_and_what_changes_with_the_order_is_a_tie(arena, capsys):
    with scripted(ours) as model, scripted(in_both_orders(SCRIPT)) as judge:
        result = run_task(task(arena, model.url, {"model": "judge", "api_url": judge.url}))
    report = result.reports["general_arena"]
    scores = {name: protocol.score for name, protocol in report.protocols.items()}
    rates = [1, 0, 0.5, 0.5, 0.75]
    assert scores == pytest.approx({"win_rate": sum(rates) / 5, "wins": 1 / 5, "ties": 3 / 5, "losses": 1 / 5})
    assert report.headline == "win_rate" and report.protocols["win_rate"].low is not None
    assert {part.name: part.protocols["win_rate"].score for part in report.categories} == pytest.approx(
        {"x": 0.5, "y": 1.25 / 2}
    )
    assert (report.coverage, report.integrity.errored) == (pytest.approx(5 / 6), {"unjudged": 1})
    judging = report.integrity.judging
    assert (judging.verdicts, judging.unparsed, judging.failed, judging.coverage) == (12, 1, 0, pytest.approx(11 / 12))
    assert (judging.orders.pairs, judging.orders.flipped, judging.disagreed) == (5, 2, 2)
    assert judging.orders.first_favoured == pytest.approx((1 + 0.5) / 5)
    assert judging.per_judge[0].verdicts == {"loss": 3, "tie": 3, "win": 5}
    assert sorted(judge.asked.values()) == [1] * 11 + [3], "what cannot be read is asked three times"
    by_id = {review.text: review for review in read_reviews(next((result.folder / "reviews").rglob("*.jsonl")))}
    assert [(one.order, one.opponent, one.verdict) for one in by_id["ours 1"].verdicts] == [
        ("ab", "other", "loss"), ("ba", "other", "loss"),
    ]  # fmt: skip
    print_reports([report], None, sys.stdout)
    printed = " ".join(capsys.readouterr().out.split())
    assert "flips with the order 40.00" in printed and "unjudged 1" in printed
    page = (result.folder / "reports" / "report.html").read_text()
    assert "flips with the order" in page and '"pair":["other"]' in page


def test_a_run_of_pairs_goes_on_and_is_scored_again_without_asking_anybody(arena):
    with scripted(ours) as model, scripted(in_both_orders(SCRIPT | {5: SCRIPT[0]})) as judge:
        settings = task(arena, model.url, {"model": "judge", "api_url": judge.url})
        first = run_task(settings)
        asked = len(judge.bodies), len(model.bodies)
        again = run_task(settings.model_copy(update={"use_cache": str(first.folder)}))
        rescored = rescore(settings, first.folder)
        other = rescore(settings.model_copy(update={"judge_strategy": "single"}), first.folder)
        assert (len(judge.bodies), len(model.bodies)) == asked == (12, 6)
    for result in (again, rescored, other):  # the last: under another question, verdicts are kept as they were
        assert result.reports["general_arena"].protocols == first.reports["general_arena"].protocols


YES, NO, NONE = "CORRECT", "INCORRECT", "NOT_ATTEMPTED"
ONE = [YES, YES, NO, NONE, YES, NO]
TWO = [YES, NO, NO, NONE, YES, YES]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "simple_qa.jsonl"
    file.write_text("".join(json.dumps({"problem": f"Number {n}?", "answer": str(n)}) + "\n" for n in range(6)))
    return file


def test_three_judges_of_which_one_returns_rubbish(questions):
    def by_number(words: list[str]) -> Callable[[str, int], str]:
        return lambda message, times: words[int(re.search(r"Number ([0-9])\?", message)[1])]

    with ExitStack() as stack:
        model = stack.enter_context(scripted(lambda *_: "something"))
        says = [by_number(ONE), by_number(TWO), lambda *_: RUBBISH]
        judges = [stack.enter_context(scripted(say)) for say in says]
        args = [{"model": name, "api_url": judge.url} for name, judge in zip("abc", judges, strict=True)]
        local = {"dataset_args": {"simple_qa": {"local_path": str(questions)}}, "datasets": ["simple_qa"]}
        report = run_task(task(questions, model.url, args, **local)).reports["simple_qa"]
    scores = {name: protocol.score for name, protocol in report.protocols.items()}
    # Of two that differ each counts half, as if one were drawn by lot.
    assert scores == pytest.approx({"correct": 3 / 6, "incorrect": 2 / 6, "not_attempted": 1 / 6})
    assert (report.coverage, report.integrity.errored) == (1.0, {})
    judging = report.integrity.judging
    assert (judging.judges, judging.verdicts, judging.unparsed, judging.failed) == (["a", "b", "c"], 18, 6, 0)
    assert [one.coverage for one in judging.per_judge] == [1.0, 1.0, 0.0]
    assert (judging.coverage, judging.agreement, judging.disagreed) == (pytest.approx(2 / 3), pytest.approx(4 / 6), 2)
    (pair,) = judging.pairs_of_judges
    assert (pair.judges, pair.n, pair.kappa) == (("a", "b"), 6, pytest.approx(10 / 22))
    assert (judging.alpha, judging.alpha_metric) == (pytest.approx(0.5), "nominal")
    assert [len(judge.bodies) for judge in judges] == [6, 6, 18]
    assert any("6 of 18 replies of judges" in warning for warning in facts.warnings(report))


def test_three_judges_of_pairs_hold_what_most_of_them_hold_and_rate_with_the_mean(arena):
    always = dict.fromkeys(range(6), SCRIPT[0])
    never = dict.fromkeys(range(6), SCRIPT[1])
    with ExitStack() as stack:
        model = stack.enter_context(scripted(ours))
        says = [in_both_orders(always), in_both_orders(always), in_both_orders(never)]
        judges = [stack.enter_context(scripted(say)) for say in says]
        args = [{"model": "same", "api_url": judge.url} for judge in judges]
        report = run_task(task(arena, model.url, args)).reports["general_arena"]
    scores = {name: protocol.score for name, protocol in report.protocols.items()}
    assert scores == pytest.approx({"win_rate": 2 / 3, "wins": 1.0, "ties": 0.0, "losses": 0.0})
    judging = report.integrity.judging
    assert judging.judges == ["same", "same (2)", "same (3)"], "judges of the same name are told apart"
    assert (judging.agreement, judging.disagreed) == (pytest.approx(1 / 3), 6)


def test_a_judge_that_loses_itself_in_its_reasons_is_asked_for_the_verdict_alone(arena):
    def say(message: str, times: int) -> str:
        return '{"reason": "On the one hand' if times == 1 else '{"verdict": "TIE"}'

    with scripted(ours) as model, scripted(say) as judge:
        args = {"model": "judge", "api_url": judge.url}
        report = run_task(task(arena, model.url, args, limit=1)).reports["general_arena"]
    assert (report.protocols["ties"].score, report.coverage) == (1.0, 1.0)
    wanted = [list(body["response_format"]["json_schema"]["schema"]["properties"]) for body in judge.bodies]
    assert wanted.count(["reason", "verdict"]) == wanted.count(["verdict"]) == 2


def test_a_judge_that_is_down_leaves_the_others_to_judge(arena):
    good = in_both_orders(dict.fromkeys(range(6), SCRIPT[0]))
    with scripted(ours) as model, scripted(good) as judge, scripted(lambda *_: 500) as down:
        args = [{"model": "up", "api_url": judge.url}, {"model": "down", "api_url": down.url}]
        report = run_task(task(arena, model.url, args)).reports["general_arena"]
    assert (report.protocols["win_rate"].score, report.coverage) == (1.0, 1.0)
    assert report.integrity.judging.per_judge[1].faults == {"http_500": 12}


def test_each_judge_keeps_to_its_own_limit(arena):
    """A judge of one place is never asked for two verdicts at once, whatever the others may do."""
    good = in_both_orders(dict.fromkeys(range(6), SCRIPT[0]))
    with scripted(ours) as model, scripted(good) as one, scripted(good) as two:
        args = [{"model": "one", "api_url": one.url, "worker_num": 1}, {"model": "two", "api_url": two.url}]
        result = run_task(task(arena, model.url, args))
    lines = [json.loads(line) for line in (result.folder / "requests.jsonl").read_text().splitlines()]
    spans = sorted((line["started_ns"], line["finished_ns"]) for line in lines if re.search("/judge(/|$)", line["key"]))
    assert len(spans) == 12
    assert all(begun >= ended for (_, ended), (begun, _) in pairwise(spans))


def strongest(message: str, times: int) -> str:
    """Likes strong, then ours, then weak."""
    order = ["strong", "ours", "weak"]
    first, second = (order.index(text.split()[0]) for text in shown(message))
    return f"Verdict: {'A' if first < second else 'B'}"


def test_answers_of_other_runs_are_opponents_and_several_of_them_are_rated(arena):
    rows = [json.loads(line) for line in arena.read_text().splitlines()]
    arena.write_text("".join(json.dumps({"question": row["question"]}) + "\n" for row in rows))
    baselines = []
    with scripted(lambda *_: "Verdict: 5") as grader:
        for name in ("weak", "strong"):
            with scripted(lambda message, _, name=name: ours(message, 1).replace("ours", name)) as model:
                args = {"model": "grader", "api_url": grader.url}
                result = run_task(task(arena, model.url, args, model=name, judge_strategy="single"))
                assert result.reports["general_arena"].protocols["grade"].score == pytest.approx(4 / 9)
                baselines.append(str(result.folder))
    with scripted(ours) as model, scripted(strongest) as judge:
        args = {"model": "judge", "api_url": judge.url}
        extra = {"baseline": baselines, "all_pairs": True}
        report = run_task(task(arena, model.url, args, extra=extra)).reports["general_arena"]
        assert len(judge.bodies) == 6 * 2 * 3
        only = {"baseline": baselines, "opponents": "weak"}
        alone = run_task(task(arena, model.url, args, extra=only)).reports["general_arena"]
    scores = {name: protocol.score for name, protocol in report.protocols.items()}
    assert scores == {"win_rate": 0.5, "wins": 0.5, "ties": 0.0, "losses": 0.5, "win_rate_vs_strong": 0.0,
                      "win_rate_vs_weak": 1.0}  # fmt: skip
    rated = report.integrity.judging.ratings
    assert [(one.model, one.games, one.win_rate) for one in rated] == [
        ("strong", 12, 1.0), ("tested", 12, 0.5), ("weak", 12, 0.0),
    ]  # fmt: skip
    assert sum(one.rating for one in rated) == pytest.approx(3000)
    assert (alone.protocols["win_rate"].score, alone.integrity.judging.ratings) == (1.0, [])


def test_an_opponent_may_have_the_name_of_the_model_under_test(arena):
    rows = [{"question": f"Tell of {n}.", "answers": {"tested": f"strong {n}", "b": f"weak {n}"}} for n in range(3)]
    arena.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with scripted(ours) as model, scripted(strongest) as judge:
        report = run_task(task(arena, model.url, {"model": "j", "api_url": judge.url})).reports["general_arena"]
    rated = [one.model for one in report.integrity.judging.ratings]
    assert rated == ["tested", "tested (under test)", "b"]


@pytest.mark.parametrize(("keys", "words"), [
    pytest.param({"extra": {"baselin": "x"}}, "did you mean baseline", id="an unknown key"),
    pytest.param({"extra": {"baseline": "/nowhere"}}, "is not the folder of a run", id="no run"),
    pytest.param({"extra": {"opponents": ["nobody"]}}, "no answer that those to sample .* could be compared with",
                 id="nobody of that name"),
    pytest.param({"judge_strategy": "rule"}, "no rule can score general_arena", id="no rule"),
    pytest.param({"judge_model_args": {"grades": [1, 5]}}, "judged in pairs, which have no grades", id="grades"),
    pytest.param({"judge_model_args": {"prompt_template": "{answer_a}"}}, "lacks {answer_b}", id="half a template"),
])  # fmt: skip
def test_pairs_that_cannot_be_are_refused_before_any_request(arena, keys, words):
    with scripted(ours) as model, pytest.raises(TaskError, match=words):
        run_task(task(arena, model.url, keys.pop("judge_model_args", {}), **keys))
    assert not model.bodies
