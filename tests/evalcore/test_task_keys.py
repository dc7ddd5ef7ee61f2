"""Every key of a task does what it says, with its default: seen by an endpoint that writes down what it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalcore.conclude import EvalResult
from evalcore.errors import TaskError
from evalcore.run import run_task
from evalcore.task import TaskConfig
from perfbench.engine.errors import ExitCode, ScenarioError
from tests.evalcore.recorder import Recorder, Seen, recorder

ROWS = [{"question": f"A box holds {n} pens and one more is added. How many?", "answer": f"#### {n + 1}"}
        for n in range(1, 9)]  # fmt: skip
TRAIN = [{"question": f"Worked example {n}?", "answer": f"Because. #### {n}"} for n in range(1, 13)]
MADE_UP = {"model": "org/tested", "datasets": ["gsm8k"], "dataset_hub": "local", "limit": 2, "limit_mode": "head"}
CLIENTS = ("wire", "aiohttp", "sdk")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "gsm8k").mkdir()
    for name, rows in (("test", ROWS), ("train", TRAIN)):
        (folder / "gsm8k" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def ask(data: Path, tmp_path: Path) -> Callable[..., tuple[Recorder, EvalResult]]:
    """Run a task with these keys against a recorder."""

    def run(server: dict[str, Any] | None = None, **keys: Any) -> tuple[Recorder, EvalResult]:
        args = {"gsm8k": {"few_shot_num": 0, **keys.pop("args", {})}}
        given = {**MADE_UP, "dataset_dir": str(data), "work_dir": str(tmp_path), "dataset_args": args, **keys}
        with recorder(**{"text": lambda question: "#### 2", **(server or {})}) as endpoint:
            task = TaskConfig.from_mapping({"api_url": endpoint.url, **given}, "test", environment={})
            return endpoint, run_task(task)

    return run


DEFAULT_BODY = {"model": "org/tested", "max_tokens": 2048, "temperature": 0.0}


def test_by_default_a_body_holds_what_the_keys_say_and_nothing_else(ask):
    endpoint, _ = ask()
    body = dict(endpoint.last.body)
    messages = body.pop("messages")
    assert body.pop("stream", False) is False
    assert body == DEFAULT_BODY
    assert [message["role"] for message in messages] == ["user"]
    assert endpoint.last.path == "/v1/chat/completions"
    assert endpoint.last.headers["Authorization"] == "Bearer EMPTY"
    assert len(endpoint.seen) == 2


def header(seen: Seen, name: str) -> str | None:
    return {key.lower(): value for key, value in seen.headers.items()}.get(name)


SETTINGS: dict[str, Any] = {
    "max_tokens": 7, "temperature": 0.7, "top_p": 0.9, "top_k": 20, "seed": 5, "n": 2, "logprobs": True, "stop": ["A"],
    "frequency_penalty": 0.5, "presence_penalty": 0.25, "stream": True, "response_format": {"type": "json_object"},
}  # fmt: skip


def test_generation_settings_reach_the_body_and_so_does_whatever_else_an_endpoint_takes(ask):
    more = {"chat_template_kwargs": {"enable_thinking": False}}
    endpoint, _ = ask(generation_config={**SETTINGS, "extra_body": more}, ignore_errors=True)
    sent = endpoint.last.body
    assert {name: sent.get(name) for name in SETTINGS} == SETTINGS
    assert sent["chat_template_kwargs"] == more["chat_template_kwargs"]
    assert not {"timeout", "extra_body"} & sent.keys()


def test_a_setting_that_is_null_is_left_to_the_endpoint_and_one_stop_may_be_a_text(ask):
    endpoint, _ = ask(generation_config={"max_tokens": None, "temperature": None, "stop": "END"})
    assert not {"max_tokens", "temperature"} & endpoint.last.body.keys()
    assert endpoint.last.body["stop"] == ["END"]


@pytest.mark.parametrize("client", CLIENTS)
def test_client_arguments_act_the_same_whatever_the_client(ask, client):
    args = {"default_headers": {"X-Team": "blue"}, "default_query": {"api-version": "7"},
            "organization": "org-1", "project": "proj-1"}  # fmt: skip
    endpoint, _ = ask(client=client, model_args=args)
    named = [header(endpoint.last, name) for name in ("x-team", "openai-organization", "openai-project")]
    assert (named, endpoint.last.query) == (["blue", "org-1", "proj-1"], {"api-version": "7"})
    assert len(endpoint.seen) == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_max_retries_is_how_often_a_failed_request_is_tried_again(ask, client):
    failing = {"fails": lambda number: 500}
    endpoint, result = ask(failing, client=client, model_args={"max_retries": 2}, limit=1, ignore_errors=True)
    assert len(endpoint.seen) == 3
    assert result.reports["gsm8k"].integrity.errored == {"http_500": 1}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("place", ["model_args", "generation_config"])
def test_a_timeout_ends_a_request_that_is_silent(ask, client, place):
    keys = {place: {"timeout": 0.2}, "retries": 0, "limit": 1, "ignore_errors": True}
    _, result = ask({"after_s": 1.0}, client=client, **keys)
    assert list(result.reports["gsm8k"].integrity.errored) == ["timeout_first_byte"]


@pytest.mark.parametrize("client", CLIENTS)
def test_the_key_is_the_bearer_and_stands_in_no_file(ask, client):
    endpoint, result = ask(client=client, api_key="sk-abcdefghijklmnop")
    assert header(endpoint.last, "authorization") == "Bearer sk-abcdefghijklmnop"
    files = [file for file in result.folder.rglob("*") if file.is_file()]
    assert files and not [file for file in files if b"sk-abcdefghijklmnop" in file.read_bytes()]


def test_what_only_the_openai_client_knows_reaches_it_untouched(ask):
    endpoint, _ = ask(client="sdk", model_args={"_strict_response_validation": True, "default_headers": {"A": "b"}})
    assert header(endpoint.last, "a") == "b"
    with pytest.raises(ScenarioError, match="model_args do not fit openai"):
        ask(client="sdk", model_args={"no_such_argument": 1})


@pytest.mark.parametrize(("args", "words"), [
    ({"http_client": None}, "use --client sdk"),
    ({"timeout": "long"}, "write seconds"),
    ({"max_retries": -1}, "write a count"),
    ({"default_headers": "X: y"}, "no mapping"),
    ({"default_query": {"api_key": "abc"}}, "addresses stand in every record"),
])  # fmt: skip
def test_client_arguments_that_cannot_be_are_refused_before_any_request(ask, args, words):
    with pytest.raises(TaskError, match=words):
        ask(model_args=args)


def users(endpoint: Recorder) -> list[str]:
    return [message["content"] for message in endpoint.last.body["messages"]]


def test_dataset_arguments_shape_what_is_asked(ask):
    plain = users(ask()[0])
    shots, _ = ask(args={"few_shot_num": 3})
    assert "".join(users(shots)).count("Worked example") == 3 and "Worked example" not in "".join(plain)
    drawn, _ = ask(args={"few_shot_num": 3, "few_shot_random": True}, seed=3)
    assert users(drawn) != users(shots)
    template, _ = ask(args={"prompt_template": "Count: {question}"})
    assert users(template)[-1].startswith("Count: A box holds")
    system, _ = ask(args={"system_prompt": "Be brief."})
    assert system.last.body["messages"][0] == {"role": "system", "content": "Be brief."}
    split, _ = ask(args={"eval_split": "train"})
    assert "Worked example" in users(split)[-1]


def test_a_local_path_is_the_only_place_looked_at(ask, tmp_path):
    (tmp_path / "mine.jsonl").write_text(json.dumps({"question": "Mine?", "answer": "#### 2"}) + "\n")
    endpoint, result = ask(args={"local_path": str(tmp_path / "mine.jsonl")})
    assert len(endpoint.seen) == 1 and "Mine?" in users(endpoint)[-1]
    assert result.reports["gsm8k"].protocols["numeric"].score == 1.0


@pytest.mark.parametrize(("keys", "asked"), [
    ({"limit": None}, len(ROWS)), ({"limit": 3}, 3), ({"limit": 0.25}, 2), ({"repeats": 3}, 6),
    ({"limit": 0.5, "limit_mode": "stratified"}, 4),
])  # fmt: skip
def test_limit_and_repeats_say_how_much_is_asked(ask, keys, asked):
    endpoint, result = ask(**keys)
    assert (len(endpoint.seen), result.requests) == (asked, asked)


def test_the_seed_draws_the_samples(ask):
    def drawn(seed: int) -> list[str]:
        return sorted(ask(limit=3, limit_mode="stratified", seed=seed)[0].questions())

    assert drawn(42) == drawn(42)
    assert any(drawn(42) != drawn(seed) for seed in range(5))


@pytest.mark.parametrize(("keys", "most"), [({}, 8), ({"eval_batch_size": 2}, 2), ({"parallel": 3}, 3)])
def test_so_many_requests_are_in_flight(ask, keys, most):
    endpoint, _ = ask({"after_s": 0.1}, limit=None, repeats=2, **keys)
    assert endpoint.most_inside == most


def test_names_of_models_stand_in_folders_and_reports(ask):
    _, result = ask()
    assert (result.folder / "predictions" / "tested").is_dir()
    _, result = ask(model_id="mine")
    assert (result.folder / "reports" / "mine" / "gsm8k.json").is_file()
    assert result.reports["gsm8k"].model == "mine"


@pytest.mark.parametrize(("keys", "code"), [
    ({}, ExitCode.INCONCLUSIVE), ({"ignore_errors": True}, ExitCode.DONE), ({"min_coverage": 0.5}, ExitCode.DONE),
    ({"min_coverage": 0.8}, ExitCode.INCONCLUSIVE),
    ({"ignore_errors": True, "min_coverage": 0.8}, ExitCode.INCONCLUSIVE),
])  # fmt: skip
def test_samples_without_an_answer_fail_a_run_unless_told_otherwise(ask, keys, code):
    _, result = ask({"fails": lambda number: 500 if number == 0 else 200}, retries=0, eval_batch_size=1, **keys)
    assert result.exit_code == code


def test_retries_are_five_and_can_be_none(ask):
    stormy = {"fails": lambda number: 500 if number < 3 else 200}
    endpoint, result = ask(stormy, limit=1)
    assert (len(endpoint.seen), result.exit_code) == (4, ExitCode.DONE)
    endpoint, _ = ask(stormy, limit=1, retries=0)
    assert len(endpoint.seen) == 1


def test_a_review_is_made_again_when_that_is_asked(ask):
    _, first = ask()
    reviews = first.folder / "reviews" / "tested" / "gsm8k_main.jsonl"
    before = reviews.read_bytes().count(b"\n")
    ask(use_cache=str(first.folder))
    assert reviews.read_bytes().count(b"\n") == before
    endpoint, _ = ask(use_cache=str(first.folder), rerun_review=True)
    assert reviews.read_bytes().count(b"\n") == 2 * before
    assert endpoint.seen == []


def test_debug_says_more_in_the_log(ask):
    quiet, loud = ((ask(debug=debug)[1].folder / "logs" / "eval_log.log").read_text() for debug in (False, True))
    assert "tokens after 1 attempts" in loud
    assert "attempts" not in quiet


@pytest.mark.parametrize(("keys", "apart_s"), [
    pytest.param({"rpm": 600}, 0.1, id="ten requests a second"),
    pytest.param({"tpm": 1200, "generation_config": {"max_tokens": 20}}, 1.0, id="of 20 tokens a second, 20 each"),
])  # fmt: skip
def test_a_limit_keeps_requests_apart(ask, keys, apart_s):
    _, result = ask({"tokens": lambda question: 10}, limit=3, **keys)
    lines = (result.folder / "requests.jsonl").read_bytes().splitlines()
    starts = sorted(json.loads(line)["started_ns"] for line in lines)
    assert starts[2] - starts[0] >= 0.9 * apart_s * 1e9
