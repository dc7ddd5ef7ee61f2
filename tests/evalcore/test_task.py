"""The task: every key, what is refused and with which words, and that no secret is dumped."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from evalcore.cli import main
from evalcore.errors import TaskError
from evalcore.run import run_task
from evalcore.task import TaskConfig
from perfbench.engine.errors import ExitCode

SERVICE = {"model": "org/name", "api_url": "http://127.0.0.1:1/v1", "datasets": ["gsm8k"]}


def made(**keys: object) -> TaskConfig:
    return TaskConfig.from_mapping({**SERVICE, **keys}, "the test", environment={})


def test_defaults():
    task = made()
    assert (task.generation_config.max_tokens, task.generation_config.temperature) == (2048, 0.0)
    assert (task.eval_batch_size, task.seed, task.repeats, task.needed_coverage) == (8, 42, 1, 1.0)
    assert task.name_of_model == "name"


@pytest.mark.parametrize(("keys", "words"), [
    pytest.param({"paralel": 3}, "did you mean parallel", id="a misspelt key"),
    pytest.param({"datasets": ["gsm8"]}, "did you mean gsm8k", id="a misspelt benchmark"),
    pytest.param({"datasets": []}, "at least one benchmark", id="nothing to run"),
    pytest.param({"api_url": None}, "api_url is missing", id="no endpoint"),
    pytest.param({"model": None}, "model is missing", id="no model"),
    pytest.param({"eval_type": "mock"}, "starts its own", id="a mock with an endpoint"),
    pytest.param({"dataset_args": {"gsm8k": {"few_shots": 1}}}, "did you mean few_shot_num", id="a misspelt argument"),
    pytest.param({"dataset_args": {"mmlo": {}}}, "did you mean mmlu", id="arguments of no benchmark"),
    pytest.param({"model_args": {"http_client": 1}}, "--client sdk", id="arguments that only the sdk knows"),
    pytest.param({"limit": 2.5}, "a count is whole", id="a limit that is neither"),
    pytest.param({"limit": 0}, "above 0", id="a limit of nothing"),
    pytest.param({"generation_config": "{"}, "is not JSON", id="broken JSON"),
    pytest.param({"generation_config": {"temperature": -1}}, "temperature", id="a value out of range"),
    pytest.param({"eval_batch_size": 0}, "eval_batch_size", id="no slot"),
    pytest.param({"choice_method": "guess"}, "one of generate, likelihood, auto", id="a method that is none"),
    pytest.param({"eval_batch_size": "many"}, "not a count", id="a concurrency that is none"),
    pytest.param({"budget": "5.00"}, "there is no price", id="money without a price"),
    pytest.param({"budget": "lots"}, "money like 5.00, or tokens like 2Mtok", id="a budget that is none"),
    pytest.param({"price_in": -1}, "price_in", id="a price below nothing"),
    pytest.param({"deadline": 1110}, "in quotes", id="18:30 as YAML reads it without quotes"),
    pytest.param({"deadline": "soon"}, "'soon' is not a duration", id="a deadline that is none"),
    pytest.param({"deadline": "2001-01-01 10:00"}, "is over already", id="a deadline in the past"),
    pytest.param({"order": "shortest"}, "one of auto, data, longest", id="an order that is none"),
    pytest.param({"tokenizer": "nowhere.json"}, "there is no file", id="a tokenizer that is not there"),
    pytest.param({"dataset_args": {"gsm8k": {"filters": {"cut": 1}}}}, "'cut', which is no filter", id="a filter"),
])  # fmt: skip
def test_what_cannot_be_run_is_refused_with_place_and_remedy(keys, words):
    with pytest.raises(TaskError, match=words):
        made(**keys)


def test_every_problem_is_told_at_once():
    with pytest.raises(TaskError) as refused:
        made(paralel=3, limit=-1, repeats="x")
    assert all(name in str(refused.value) for name in ("paralel", "limit", "repeats"))


@pytest.mark.parametrize(("limit", "taken"), [(1, 1), (1.0, 1), ("20", 20), (0.25, 0.25), ("0.1", 0.1)])
def test_a_limit_is_a_count_or_a_share(limit, taken):
    assert made(limit=limit).limit == taken
    assert type(made(limit=limit).limit) is type(taken)


@pytest.mark.parametrize(("given", "taken"), [
    ({"parallel": "auto"}, ("eval_batch_size", "auto")), ({"parallel": "64"}, ("eval_batch_size", 64)),
    ({"cache": True}, ("cache", True)), ({"cache": "true"}, ("cache", True)), ({"cache": "kept"}, ("cache", "kept")),
    ({"cache": False}, ("cache", None)), ({"budget": "2Mtok"}, ("budget", "2Mtok")),
    ({"budget": 5, "price_out": 1}, ("budget", "5")), ({"deadline": "30m"}, ("deadline", "30m")),
])  # fmt: skip
def test_knobs_of_speed_and_cost_are_read_as_people_write_them(given, taken):
    name, value = taken
    task = made(**given)
    assert getattr(task, name) == value
    assert getattr(TaskConfig.from_mapping(task.dump(), "dump", environment={}), name) == value


def test_flags_may_say_mappings_as_words():
    task = made(generation_config=["max_tokens=7", "top_p=0.5", "foo=bar"])
    assert (task.generation_config.max_tokens, task.generation_config.top_p) == (7, 0.5)
    assert task.generation_config.model_extra == {"foo": "bar"}
    assert made(generation_config="max_tokens=7 top_p=0.5").generation_config.max_tokens == 7


def test_a_dump_holds_no_secret_and_is_the_same_task_again():
    task = made(api_key="sk-very-secret", model_args={"default_headers": {"Authorization": "Bearer sk-very-secret"}},
                judge_model_args={"api_key": "sk-judge-secret", "model_id": "j"})  # fmt: skip
    text = yaml.safe_dump(task.dump())
    assert "secret" not in text
    again = TaskConfig.from_mapping(yaml.safe_load(text), "dump", environment={})
    assert again.datasets == task.datasets
    assert again.fingerprint() == task.fingerprint()
    with pytest.raises(TaskError, match="redacted"):
        again.check_secrets()


@pytest.mark.parametrize("words", [["--datasets", "gsm8k", "mmlu"], ["--datasets", "gsm8k,mmlu"]])
def test_a_flag_names_several_benchmarks(words, capsys):
    assert main(["run", *words, "--model", "m"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "api_url is missing" in said
    assert "datasets" not in said


def test_a_file_that_is_none_is_told_by_its_name(capsys):
    assert main(["run", "nowhere.yaml"]) == ExitCode.USAGE
    assert "nowhere.yaml" in capsys.readouterr().err


def test_the_key_comes_from_the_environment():
    task = TaskConfig.from_mapping(SERVICE, "the test", environment={"OPENAI_API_KEY": "sk-env"})
    assert task.api_key is not None and task.api_key.get_secret_value() == "sk-env"


def test_a_file_and_flags_over_it(tmp_path):
    file = tmp_path / "task.yaml"
    file.write_text(yaml.safe_dump({**SERVICE, "limit": 5, "dataset_args": {"gsm8k": {"local_path": "here.jsonl"}}}))
    task = TaskConfig.from_yaml(file, {"limit": "7"}, environment={})
    assert task.limit == 7
    assert task.dataset_args["gsm8k"].local_path == str(tmp_path / "here.jsonl")


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "scenarios").glob("*_eval.yaml")))
def test_the_tasks_that_are_shipped_can_be_run_as_they_are(path, tmp_path):
    result = run_task(TaskConfig.from_yaml(path, {"work_dir": str(tmp_path), "limit": 40}, environment={}))
    assert [report.coverage for report in result.reports.values()] == [1.0]
