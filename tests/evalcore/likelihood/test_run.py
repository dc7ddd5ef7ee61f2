"""Whole evaluations by likelihood, against the simulator, which knows what share of its choices is right."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evalcore.errors import TaskError
from evalcore.outputs import read_predictions
from evalcore.rescore import rescore
from evalcore.run import run_task
from evalcore.task import TaskConfig
from perfbench.engine.errors import ExitCode, TargetUnreachable
from perfbench.simulator.config import SimulatorConfig
from perfbench.simulator.process import SimulatorProcess

ITEMS = 60
WORDS = ("gravel", "wet sand", "sand", "cold morning air", "oak", "a copper bowl", "tin")


def row(at: int) -> dict[str, Any]:
    texts = [WORDS[(at + step) % len(WORDS)] for step in range(4)]
    return {
        "id": f"q{at}", "question": f"Of what is thing number {at} made?", "answerKey": "ABCD"[at % 4],
        "choices": {"text": texts, "label": list("ABCD")},
    }  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions of our own, in the layouts of ARC (texts are compared), CommonsenseQA (letters) and WinoGrande."""
    folder = tmp_path_factory.mktemp("data")
    rows = [row(at) for at in range(ITEMS)]
    blanks = [
        {"qID": f"w{at}-1", "sentence": f"Ann met Bob on day {at} because _ was late.",
         "option1": "Ann", "option2": "Bob", "answer": "12"[at % 2]}
        for at in range(ITEMS)
    ]  # fmt: skip
    key = [
        {"id": one["id"], "question": one["question"], "answer": one["answerKey"], "choices": one["choices"]["text"]}
        for one in rows
    ]
    key += [
        {"id": one["qID"], "question": one["sentence"], "answer": "AB"[at % 2], "choices": ["Ann", "Bob"]}
        for at, one in enumerate(blanks)
    ]
    for name, found in (
        ("arc/ARC-Easy-test.jsonl", rows), ("arc/ARC-Easy-train.jsonl", rows[:3]),
        ("commonsense_qa/dev_rand_split.jsonl", rows), ("winogrande/dev.jsonl", blanks), ("key.jsonl", key),
    ):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("".join(json.dumps(one) + "\n" for one in found))
    return folder


def task(data: Path, outputs: Path, **keys: Any) -> TaskConfig:
    given = {
        "model": "sim", "datasets": ["arc"], "dataset_dir": str(data), "dataset_hub": "local", "work_dir": outputs,
        "dataset_args": {"arc": {"subset_list": ["ARC-Easy"], "few_shot_num": 2}}, "choice_method": "likelihood",
        **keys,
    }  # fmt: skip
    return TaskConfig.from_mapping(given, "test", environment={})


def simulator(data: Path, *likelihoods: str, **settings: Any) -> SimulatorProcess:
    given = {"ttft_ms": 0.2, "itl_ms": 0.1, "skill": 0.7, "answer_key": data / "key.jsonl", **settings}
    return SimulatorProcess(SimulatorConfig(**given, likelihoods=likelihoods))


@pytest.fixture(scope="module")
def echoing(data: Path) -> Iterator[str]:
    with simulator(data, "logprobs", "echo") as server:
        yield server.url


@pytest.fixture
def echo(echoing: str) -> str:
    """An endpoint that echoes, and has forgotten what was asked before."""
    urllib.request.urlopen(urllib.request.Request(echoing.removesuffix("/v1") + "/reset", b""), timeout=10).close()
    return echoing


def told(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/skill", timeout=10) as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


def predictions(folder: Path, name: str = "arc_ARC-Easy") -> list[Any]:
    return list(read_predictions(folder / "predictions" / "sim" / f"{name}.jsonl"))


def sent(folder: Path) -> list[str]:
    return [json.loads(line)["key"] for line in (folder / "requests.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("offered", "way", "headline"),
    [
        (("logprobs", "echo"), "echo", "acc_norm"),
        (("logprobs", "prompt_logprobs"), "prompt_logprobs", "acc_norm"),
        (("logprobs",), "first_token", "letter_acc"),
        (("guided_choice",), "guided_choice", "letter_choice"),
    ],
)
def test_by_each_way_the_score_is_exactly_the_simulators_own_count(data, tmp_path, offered, way, headline):
    with simulator(data, *offered) as server:
        result = run_task(task(data, tmp_path, api_url=server.url))
        truth = told(server.url)
    report = result.reports["arc"]
    assert report.headline == headline
    assert truth["asked"] == ITEMS and 0 < truth["right"] < ITEMS
    assert {name: protocol.score for name, protocol in report.protocols.items()} == pytest.approx(
        dict.fromkeys(report.protocols, truth["right"] / ITEMS)
    )
    assert (report.settings["method"], report.settings["way"], report.coverage) == ("likelihood", way, 1.0)
    assert result.exit_code is ExitCode.DONE


@pytest.mark.parametrize(("name", "headline"), [("commonsense_qa", "letter_acc"), ("winogrande", "acc")])
def test_letters_and_rests_of_sentences_are_compared_as_exactly(data, echo, tmp_path, name, headline):
    result = run_task(task(data, tmp_path, api_url=echo, datasets=[name]))
    truth = told(echo)
    report = result.reports[name]
    assert report.protocols[headline].score == pytest.approx(truth["right"] / ITEMS)


def test_a_sample_is_one_prediction_of_several_requests_none_more_than_its_slot_at_a_time(data, echo, tmp_path):
    result = run_task(task(data, tmp_path, api_url=echo, eval_batch_size=3, limit=12))
    probes = [key for key in sent(result.folder) if key.startswith("probe/")]
    found = predictions(result.folder)
    assert [(len(one.likelihoods), one.requests, one.way) for one in found] == [(4, 8, "echo")] * 12
    assert result.requests == 12 * 8
    assert len(sent(result.folder)) == len(probes) + 12 * 8
    times = [json.loads(line) for line in (result.folder / "requests.jsonl").read_text().splitlines()]
    edges = sorted([(one["started_ns"], 1) for one in times] + [(one["finished_ns"], -1) for one in times])
    in_flight = [sum(step for _, step in edges[: at + 1]) for at in range(len(edges))]
    assert max(in_flight) <= 3


def test_a_finished_run_gone_on_with_makes_no_request_not_even_a_probe(data, echo, tmp_path):
    first = run_task(task(data, tmp_path, api_url=echo))
    before = sent(first.folder)
    again = run_task(task(data, tmp_path, api_url=echo, use_cache=str(first.folder)))
    assert again.requests == 0 and sent(first.folder) == before
    assert again.reports["arc"].protocols == first.reports["arc"].protocols


def test_more_samples_are_asked_by_the_way_that_was_found_before(data, echo, tmp_path):
    some = run_task(task(data, tmp_path, api_url=echo, limit=20))
    probes = sum(key.startswith("probe/") for key in sent(some.folder))
    every = run_task(task(data, tmp_path, api_url=echo, use_cache=str(some.folder)))
    assert told(echo)["asked"] == ITEMS
    assert every.requests == (ITEMS - 20) * 8
    assert sum(key.startswith("probe/") for key in sent(some.folder)) == probes


def test_likelihoods_are_scored_again_without_a_server(data, echo, tmp_path):
    first = run_task(task(data, tmp_path, api_url=echo))
    (first.folder / "reviews" / "sim" / "arc_ARC-Easy.jsonl").unlink()
    again = rescore(task(data, tmp_path, api_url="http://127.0.0.1:1/v1"), first.folder)
    assert again.reports["arc"].protocols == first.reports["arc"].protocols
    assert again.reports["arc"].headline == "acc_norm"


def test_a_sample_of_which_one_request_failed_is_unscored_not_wrong(data, tmp_path):
    with simulator(data, "logprobs", "echo", e500=0.02, seed=3) as server:
        result = run_task(task(data, tmp_path, api_url=server.url, retries=0))
    report, found = result.reports["arc"], predictions(result.folder)
    failed = [one for one in found if one.fault]
    assert failed and all(one.fault == "http_500" and not one.likelihoods for one in failed)
    assert report.integrity.scored == ITEMS - len(failed)
    assert result.exit_code is ExitCode.INCONCLUSIVE


def test_an_endpoint_that_offers_no_way_ends_the_run_before_any_sample_and_says_what_was_tried(data, tmp_path):
    with simulator(data) as server, pytest.raises(TaskError) as caught:
        run_task(task(data, tmp_path, api_url=server.url))
    said = str(caught.value)
    assert "arc: method likelihood" in said and "take method generate" in said
    for way in ("echo", "prompt_logprobs", "first_token", "guided_choice"):
        assert f"  {way}" in said


def test_auto_takes_likelihoods_where_they_are_told_and_words_where_not(data, echo, tmp_path):
    compared = run_task(task(data, tmp_path, api_url=echo, choice_method="auto"))
    with simulator(data, "guided_choice") as server:
        words = run_task(task(data, tmp_path, api_url=server.url, choice_method="auto"))
    assert compared.reports["arc"].headline == "acc_norm"
    assert words.reports["arc"].headline == "last_statement"
    assert "way" not in words.reports["arc"].settings
    assert "answered in words" in (words.folder / "logs" / "eval_log.log").read_text()


def test_one_benchmark_may_be_compared_while_another_is_answered_in_words(data, echo, tmp_path):
    args = {"arc": {"subset_list": ["ARC-Easy"], "method": "likelihood"}}
    result = run_task(
        task(data, tmp_path, api_url=echo, datasets=["arc", "commonsense_qa"], dataset_args=args,
             choice_method="generate", limit=10)
    )  # fmt: skip
    assert [report.headline for report in result.reports.values()] == ["acc_norm", "last_statement"]


def test_repeats_of_a_comparison_are_asked_once_and_that_is_said(data, echo, tmp_path):
    result = run_task(task(data, tmp_path, api_url=echo, repeats=3, limit=10))
    assert len(predictions(result.folder)) == 10
    assert (result.reports["arc"].settings["repeats"], result.reports["arc"].coverage) == (1, 1.0)
    assert "likelihoods do not change" in (result.folder / "logs" / "eval_log.log").read_text()


def test_comparing_the_options_of_a_benchmark_without_any_is_refused(data, tmp_path):
    (data / "gsm8k").mkdir(exist_ok=True)
    (data / "gsm8k" / "test.jsonl").write_text(json.dumps({"question": "One and one?", "answer": "#### 2"}) + "\n")
    args = {"gsm8k": {"method": "likelihood", "few_shot_num": 0}}
    with pytest.raises(TaskError, match=r"dataset_args\.gsm8k\.method"):
        run_task(task(data, tmp_path, api_url="http://127.0.0.1:1/v1", datasets=["gsm8k"], dataset_args=args))


def test_an_endpoint_that_does_not_answer_is_unreachable_not_unable(data, tmp_path):
    with pytest.raises(TargetUnreachable, match="did not answer: connect_refused"):
        run_task(task(data, tmp_path, api_url="http://127.0.0.1:1/v1"))
