"""Knobs of speed and cost: concurrency that is found, answers kept across runs, order, budget, deadline, Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from evalcore.course import read_course
from evalcore.errors import TaskError
from evalcore.outputs import EvalFolder, read_predictions
from evalcore.run import run_task
from evalcore.task import TaskConfig
from evalcore.task.values import seconds_until
from perfbench.engine.errors import ExitCode
from tests.evalcore.recorder import recorder

ITEMS = 40


def questions(folder: Path, rows: Sequence[dict[str, Any]]) -> str:
    """A file of a user's own questions."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "asked.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def some(count: int = ITEMS) -> list[dict[str, Any]]:
    return [{"id": f"n{n}", "question": f"Is {n} a number?", "answer": "yes"} for n in range(count)]


def keys_of(tmp_path: Path, url: str, rows: Sequence[dict[str, Any]] | None = None, **keys: Any) -> dict[str, Any]:
    file = questions(tmp_path / "data", some() if rows is None else rows)
    return {
        "model": "m", "api_url": url, "datasets": ["general_qa"], "work_dir": str(tmp_path / "out"),
        "dataset_args": {"general_qa": {"local_path": file}}, "eval_batch_size": 4, **keys,
    }  # fmt: skip


def task(tmp_path: Path, url: str, rows: Sequence[dict[str, Any]] | None = None, **keys: Any) -> TaskConfig:
    return TaskConfig.from_mapping(keys_of(tmp_path, url, rows, **keys), "test", environment={})


def settings(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = result.reports["general_qa"].settings
    return found


# -- concurrency that is found -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_parallel_auto_finds_the_slots_of_a_server_that_lets_the_rest_wait(truthd, tmp_path):
    keys = {"eval_batch_size": "auto", "generation_config": {"max_tokens": 20}}
    result = run_task(task(tmp_path, truthd.url, some(1200), model="sim:ttft=20,itl=2,slots=16", **keys))
    told = settings(result)["parallel"]
    assert told.startswith("auto: found ")
    assert 12 <= int(told.rpartition(" ")[2]) <= 21
    assert result.reports["general_qa"].coverage == 1.0
    assert "concurrency auto: found" in (result.folder / "logs" / "eval_log.log").read_text()


def test_parallel_auto_stays_below_where_a_server_turns_requests_away(tmp_path):
    with recorder(after_s=0.03, slots=12, refuses=True) as server:
        result = run_task(task(tmp_path, server.url, some(500), eval_batch_size="auto", retries=50))
    told = settings(result)["parallel"]
    assert told.startswith("auto: found ") and int(told.rpartition(" ")[2]) <= 13
    assert result.reports["general_qa"].coverage == 1.0
    assert server.refused < 400


# -- answers that are known already ------------------------------------------------------------------------------------


def test_the_same_request_is_never_paid_for_twice(tmp_path):
    with recorder() as server:
        keys = {"cache": str(tmp_path / "kept")}
        first = run_task(task(tmp_path, server.url, **keys))
        again = run_task(task(tmp_path, server.url, **keys))
        assert len(server.seen) == ITEMS
        more = run_task(task(tmp_path, server.url, some(ITEMS + 5), repeats=2, **keys))
        assert len(server.seen) == ITEMS + 5 + ITEMS + 5
    assert (first.requests, again.requests, more.requests) == (ITEMS, 0, ITEMS + 10)
    assert settings(again)["from_response_cache"] == ITEMS
    assert "from_response_cache" not in settings(first)
    assert again.reports["general_qa"].protocols == first.reports["general_qa"].protocols
    integrity = again.reports["general_qa"].integrity
    assert (integrity.attempts, integrity.scored, again.reports["general_qa"].coverage) == (0, ITEMS, 1.0)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"model": "another"}, id="another model"),
        pytest.param({"generation_config": {"temperature": 0.5}}, id="other settings"),
        pytest.param({"dataset_args": None}, id="another prompt"),
    ],
)
def test_another_request_is_another_answer(tmp_path, other):
    kept = str(tmp_path / "kept")
    with recorder() as server:
        run_task(task(tmp_path, server.url, cache=kept))
        keys = keys_of(tmp_path, server.url, cache=kept, **{k: v for k, v in other.items() if v is not None})
        if "dataset_args" in other:
            keys["dataset_args"]["general_qa"]["system_prompt"] = "Be brief."
        result = run_task(TaskConfig.from_mapping(keys, "test", environment={}))
    assert result.requests == ITEMS


def test_another_endpoint_is_another_answer(tmp_path):
    with recorder() as one, recorder() as other:
        run_task(task(tmp_path, one.url, cache=str(tmp_path / "kept")))
        result = run_task(task(tmp_path, other.url, cache=str(tmp_path / "kept")))
    assert result.requests == ITEMS


def test_what_failed_is_not_kept(tmp_path):
    keys = {"cache": str(tmp_path / "kept"), "retries": 0, "ignore_errors": True}
    with recorder(fails=lambda number: 500 if number < 10 else 200) as server:
        run_task(task(tmp_path, server.url, **keys))
        again = run_task(task(tmp_path, server.url, **keys))
    assert again.requests == 10
    assert again.reports["general_qa"].coverage == 1.0


def test_a_cache_that_cannot_be_written_is_told_before_any_request(tmp_path):
    (tmp_path / "file").write_text("")
    with recorder() as server, pytest.raises(TaskError, match=r"cache .* cannot be used"):
        run_task(task(tmp_path, server.url, cache=str(tmp_path / "file")))
    assert server.seen == []


def twins() -> list[dict[str, Any]]:
    """Samples of two names that ask the very same."""
    return [{**row, "id": f"{row['id']}-{twin}"} for row in some(6) for twin in "ab"]


def test_samples_that_ask_the_same_are_each_answered_and_scored(tmp_path):
    with recorder() as server:
        first = run_task(task(tmp_path, server.url, twins()))
        again = run_task(task(tmp_path, server.url, twins(), use_cache=str(first.folder)))
    for result in (first, again):
        report = result.reports["general_qa"]
        assert (report.n, report.coverage, report.integrity.missing) == (12, 1.0, 0)
    assert again.requests == 0


def test_an_answer_to_the_same_request_of_another_sample_or_benchmark_becomes_that_samples_own(tmp_path):
    with recorder() as server:
        first = run_task(task(tmp_path, server.url, some(6)))
        more = run_task(task(tmp_path, server.url, twins(), use_cache=str(first.folder)))
        keys = keys_of(tmp_path, server.url, twins(), use_cache=str(first.folder))
        keys["dataset_args"]["general_qa"]["prompt_template"] = "Is {question}"
        other = run_task(TaskConfig.from_mapping(keys, "test", environment={}))
    assert (first.requests, more.requests, other.requests) == (6, 0, 12)
    predictions = list(read_predictions(EvalFolder(first.folder, "m").predictions("general_qa", "main")))
    by_key = {one.key: one.sample.id for one in predictions}
    assert len(by_key) == 6 + 12 + 12
    assert sorted(set(by_key.values())) == sorted([f"n{n}" for n in range(6)] + [row["id"] for row in twins()])
    assert more.reports["general_qa"].integrity.missing == 0


# -- order -------------------------------------------------------------------------------------------------------------


def length_of(question: str) -> int:
    """Tokens of the answer to it: different ones, in no order."""
    return int(question.split()[1]) * 7 % ITEMS + 1


def test_answers_that_were_long_before_are_asked_for_first(tmp_path):
    with recorder(tokens=length_of) as server:
        run_task(task(tmp_path, server.url, cache=str(tmp_path / "kept"), eval_batch_size=1))
        assert server.questions() == [row["question"] for row in some()]
        run_task(task(tmp_path, server.url, cache=str(tmp_path / "kept"), eval_batch_size=1, model="another"))
        lengths = [length_of(question) for question in server.questions()[ITEMS:]]
    assert sorted(lengths) == sorted(length_of(row["question"]) for row in some())
    assert lengths[8:] == sorted(lengths[8:], reverse=True)  # the window has grown to all of them by then


def test_long_questions_come_first_if_that_is_asked_and_nothing_better_is_known(tmp_path):
    rows = [{**row, "question": row["question"] + " Say so." * (n % 5)} for n, row in enumerate(some())]
    with recorder() as server:
        run_task(task(tmp_path, server.url, rows, order="longest", eval_batch_size=1))
        lengths = [len(question) for question in server.questions()]
        run_task(task(tmp_path, server.url, rows, order="data", eval_batch_size=1))
    assert lengths[8:] == sorted(lengths[8:], reverse=True)
    assert server.questions()[ITEMS:] == [row["question"] for row in rows]


# -- what the answer and the order of samples go through ---------------------------------------------------------------


def with_args(tmp_path: Path, url: str, more: dict[str, Any], **keys: Any) -> TaskConfig:
    given = keys_of(tmp_path, url, **keys)
    given["dataset_args"]["general_qa"] |= more
    return TaskConfig.from_mapping(given, "test", environment={})


def test_filters_stand_between_the_answer_and_the_scorer_and_in_the_settings(tmp_path):
    filters = {"remove_until": "FINALLY", "strip": True}
    with recorder(text=lambda question: "Answer: no FINALLY  yes") as server:
        without = run_task(with_args(tmp_path, server.url, {}))
        through = run_task(with_args(tmp_path, server.url, {"filters": filters}))
        again = run_task(with_args(tmp_path, server.url, {"filters": filters}, use_cache=str(without.folder)))
    scores = [r.reports["general_qa"].protocols["exact_match"].score for r in (without, through, again)]
    assert scores == [0.0, 1.0, 1.0]
    assert again.requests == 0  # the answers are the same, and are read again
    assert settings(through)["filters"] == [{"remove_until": "FINALLY"}, {"strip": True}]
    assert "filters" not in settings(without)


def asked_order(tmp_path: Path, more: dict[str, Any], **keys: Any) -> list[str]:
    with recorder() as server:
        run_task(with_args(tmp_path, server.url, more, eval_batch_size=1, **keys))
    return server.questions()


def test_shuffle_draws_the_order_from_the_seed_before_the_first_are_taken(tmp_path):
    whole = asked_order(tmp_path, {"shuffle": True})
    first = asked_order(tmp_path, {"shuffle": True}, limit=10, limit_mode="head")
    assert sorted(whole) == sorted(row["question"] for row in some())
    assert whole != [row["question"] for row in some()]
    assert first == whole[:10]
    assert asked_order(tmp_path, {"shuffle": True}, seed=7) != whole
    assert sorted(asked_order(tmp_path, {"shuffle": True}, limit=10)) == sorted(asked_order(tmp_path, {}, limit=10))


# -- ends --------------------------------------------------------------------------------------------------------------


def test_a_budget_of_tokens_ends_a_run_that_can_be_gone_on_with(tmp_path):
    with recorder() as server:
        cut = run_task(task(tmp_path, server.url, budget="200tok"))
        spent = 20 * len(server.seen)
        rest = run_task(task(tmp_path, server.url, use_cache=str(cut.folder)))
        assert len(server.seen) == ITEMS
    assert 200 - 4 * 20 <= spent <= 200 + 4 * 20
    report = cut.reports["general_qa"]
    assert "budget of 200 tokens" in cut.ended and "budget" in report.settings["ended"]
    assert (report.integrity.planned, report.integrity.scored) == (ITEMS, spent // 20)
    assert cut.exit_code == ExitCode.INCONCLUSIVE
    assert (rest.exit_code, rest.ended, rest.reports["general_qa"].coverage) == (ExitCode.DONE, "", 1.0)


def test_a_budget_of_money_goes_by_the_prices(tmp_path):
    with recorder(tokens=lambda question: 1000) as server:
        keys = {"budget": "0.05", "price_in": 1.0, "price_out": 4.0, "eval_batch_size": 1}  # an answer costs 0.005
        result = run_task(task(tmp_path, server.url, **keys))
    assert len(server.seen) == 10
    course = read_course(result.folder / "logs" / "run.json")
    assert course is not None and course.cost == pytest.approx(0.05)


def test_a_share_that_is_enough_makes_a_run_that_was_cut_short_a_good_one(tmp_path):
    with recorder() as server:
        result = run_task(task(tmp_path, server.url, budget="400tok", min_coverage=0.3))
    assert result.ended
    assert result.exit_code == ExitCode.DONE


def test_a_deadline_lets_what_is_in_flight_finish(tmp_path):
    with recorder(after_s=0.4) as server:
        result = run_task(task(tmp_path, server.url, deadline="1s"))
    assert "deadline (1s)" in result.ended
    assert result.exit_code == ExitCode.INCONCLUSIVE
    report = result.reports["general_qa"]
    assert 0 < report.integrity.scored == len(server.seen) < ITEMS
    assert report.integrity.errored == {}
    assert report.integrity.planned == ITEMS


@pytest.mark.parametrize(("text", "seconds"), [
    ("90s", 90.0), ("1h30m", 5400.0), ("18:30", 1800.0), ("17:30", 23.5 * 3600), ("2031-05-01 19:00", 3600.0),
])  # fmt: skip
def test_a_deadline_is_a_duration_or_a_time_to_come(text, seconds):
    assert seconds_until(text, datetime(2031, 5, 1, 18, 0)) == seconds


def run_words(tmp_path: Path, url: str, *more: str) -> list[str]:
    keys = keys_of(tmp_path, url)
    program = "import sys; from evalcore.cli import main; sys.exit(main())"
    return [
        sys.executable, "-c", program, "run", "--model", "m", "--api-url", url, "--datasets", "general_qa",
        "--dataset-args", json.dumps(keys["dataset_args"]), "--work-dir", keys["work_dir"], "--parallel", "4", *more,
    ]  # fmt: skip


def wait_until(what: Any) -> None:
    give_up_s = time.monotonic() + 60
    while not what():
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


def test_one_ctrl_c_cuts_off_what_is_in_flight_and_concludes(tmp_path):
    with recorder(fails=lambda number: 200, after_s=0.15) as server:
        child = subprocess.Popen(run_words(tmp_path, server.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: len(server.seen) > 8)
        child.send_signal(signal.SIGINT)
        out, told = child.communicate(timeout=60)
    assert child.returncode == ExitCode.INTERRUPTED
    assert b"interrupted" in told and b"--use-cache" in told
    assert b"general_qa" in out
    folder = next((tmp_path / "out").iterdir())
    assert (folder / "reports" / "m" / "general_qa.json").is_file() and (folder / "reports" / "report.html").is_file()
    with recorder() as server:
        rest = run_task(task(tmp_path, server.url, use_cache=str(folder)))
    assert 0 < rest.requests < ITEMS
    assert rest.reports["general_qa"].coverage == 1.0


def test_a_second_ctrl_c_leaves_at_once_and_loses_no_answer(tmp_path):
    rows = some()
    with recorder(after_s=0.15) as server:
        words = run_words(tmp_path, server.url, "--quiet")
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: len(server.seen) > 8)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        _, told = child.communicate(timeout=60)
    assert child.returncode == ExitCode.INTERRUPTED
    assert b"interrupted" in told
    folder = next((tmp_path / "out").iterdir())
    with recorder() as server:
        rest = run_task(task(tmp_path, server.url, rows, use_cache=str(folder)))
    assert 0 < rest.requests < ITEMS
    assert rest.reports["general_qa"].coverage == 1.0
