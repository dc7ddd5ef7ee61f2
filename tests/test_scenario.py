"""Scenario: what a run may be described as, what is refused and in which words, and that a dump runs again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import yaml

from perfbench.engine.errors import ExitCode, ScenarioError
from perfbench.scenario import Scenario

URL = "http://127.0.0.1:8000/v1"
SECRET = "sk-very-secret"

SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.yaml"))


def made(environment=None, **keys) -> Scenario:
    return Scenario.from_mapping({"url": URL, **keys}, "here", environment=environment or {})


def refused(environment=None, **keys) -> str:
    with pytest.raises(ScenarioError) as error:
        made(environment, **keys)
    assert error.value.exit_code == ExitCode.USAGE
    return str(error.value)


def file(folder: Path, text: str, name: str = "run.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


class TestDefaults:
    def test_without_a_rate_the_loop_is_closed(self):
        scenario = made()
        assert (scenario.parallel, scenario.number, scenario.duration, scenario.arrival) == (1, 1000, None, None)

    def test_with_a_rate_nothing_caps_the_requests_in_flight_unless_asked(self):
        assert (made(rate=20).parallel, made(rate=20).arrival) == (None, "poisson")
        assert made(rate=20, parallel=8).parallel == 8

    def test_a_duration_alone_sets_no_number_and_both_are_kept(self):
        assert made(duration="60s").number is None
        assert (made(duration="60s", number=5).duration, made(duration="60s", number=5).number) == (60.0, 5)

    @pytest.mark.parametrize(
        ("keys", "seconds"),
        [
            ({"parallel": 64}, 0.064),
            ({"parallel": 50_000}, 10.0),
            ({"parallel": 50_000, "duration": 20}, 2.0),
            ({"parallel": 64, "ramp_up": 0}, 0.0),
            ({"parallel": 64, "ramp_up": "3s"}, 3.0),
        ],
    )
    def test_the_slots_open_over_a_millisecond_each_unless_told(self, keys, seconds):
        assert made(**keys).ramp_up_s == pytest.approx(seconds)

    @pytest.mark.parametrize(
        ("url", "api", "stream"),
        [
            (URL, "chat", True),
            ("http://h/v1/completions", "completions", True),
            ("http://h/v1/embeddings", "embeddings", False),
            ("http://h/v1/rerank", "rerank", False),
            ("http://h/v1/messages", "messages", True),
        ],
    )
    def test_the_path_of_the_url_names_the_api_and_what_it_can_stream(self, url, api, stream):
        assert (made(url=url).api, made(url=url).stream) == (api, stream)

    def test_a_simulator_section_is_target_enough(self):
        scenario = Scenario.from_mapping({"simulator": {"ttft": "200ms", "slots": "1k", "e500": "1%"}}, environment={})
        assert scenario.builtin_simulator
        assert (scenario.simulator.ttft_ms, scenario.simulator.slots, scenario.simulator.e500) == (200.0, 1000, 0.01)
        assert made(url="simulator").simulator is not None

    def test_a_seed_is_drawn_once_and_stands_in_the_dump(self):
        first, second = made(), made()
        assert first.seed != second.seed
        assert made(**first.dump()).seed == first.seed

    def test_our_seed_is_not_the_models(self):
        assert made(seed=7).options().seed is None
        assert made(sampling_seed=7).options().seed == 7


class TestRefusals:
    def test_every_problem_is_told_at_once_with_place_value_and_remedy(self, tmp_path):
        path = file(tmp_path, f"url: {URL}\nparalel: 64\nduration: 60 sek\ntransport: wirre\nsimulator: {{slotz: 4}}\n")
        with pytest.raises(ScenarioError) as error:
            Scenario.from_yaml(path, {"rate": "20rps"}, environment={})
        lines = str(error.value).splitlines()[1:]
        assert [line.strip() for line in lines] == [
            f"{path} line 2: paralel is not a key of a scenario (it is 64); did you mean parallel?",
            f"{path} line 3: duration '60 sek': 'sek' is not a unit of a duration; did you mean 's'? "
            "(units: ns, us, ms, s, m, h, d)",
            f"{path} line 4: transport is 'wirre'; did you mean wire? (one of wire, aiohttp, sdk)",
            f"{path} line 5: simulator.slotz is not a setting of the simulator; did you mean slots?",
            "--rate '20rps': 'rps' is not a unit of a rate; did you mean '/s'? (units: /s, /m, /h)",
        ]

    @pytest.mark.parametrize(
        ("keys", "names"),
        [
            ({"url": None}, ["url", "127.0.0.1:8000"]),
            ({"url": "localhost:8000"}, ["url", "localhost:8000", "http://"]),
            ({"url": []}, ["url", "empty"]),
            ({"url": ["simulator", URL]}, ["url", "simulator", "alone"]),
            ({"url": "http://h/v1/rerank", "api": "chat"}, ["api", "url", "rerank"]),
            ({"url": ["http://h/v1/rerank", "http://h/v1/messages"]}, ["url", "messages, rerank"]),
            ({"simulator": {}}, ["simulator", "url"]),
            ({"rate": 1, "ramp_up": 3}, ["ramp_up", "rate"]),
            ({"arrival": "poisson"}, ["arrival", "rate"]),
            ({"rate": 1, "burstiness": 2}, ["burstiness", "arrival: gamma"]),
            ({"rate": 0}, ["rate", "greater than 0"]),
            ({"parallel": 0}, ["parallel", "0"]),
            ({"parallel": True}, ["parallel", "True"]),
            ({"number": "1.5"}, ["number", "whole"]),
            ({"total_timeout": 0}, ["total_timeout", "0"]),
            ({"workers": 0}, ["workers", "auto"]),
            ({"workers": 4, "parallel": 2}, ["workers", "parallel 2"]),
            ({"api": "embeddings", "stream": True}, ["stream", "embeddings"]),
            ({"prompt": "x", "prompts_file": __file__}, ["prompt", "prompts_file"]),
            ({"prompt": "x", "prompt_tokens": 5}, ["prompt_tokens", "prompt"]),
            ({"prompt": ""}, ["prompt", "empty"]),
            ({"prompt": "@/no/such/file"}, ["prompt", "/no/such/file"]),
            ({"prompts_file": "/no/such/file"}, ["prompts_file", "/no/such/file"]),
            ({"batch": 3}, ["batch", "api", "chat"]),
            ({"min_tokens": 9, "max_tokens": 3}, ["min_tokens", "max_tokens"]),
            ({"model_args": {"timeout": 3}}, ["model_args", "transport"]),
            ({"insecure": True, "ca": __file__}, ["ca", "insecure"]),
            ({"extra_args": "{"}, ["extra_args", "JSON"]),
            ({"extra_args": "[1]"}, ["extra_args", "mapping"]),
            ({"extra_args": {}, "extra_body": {}}, ["extra_body"]),
            ({"slo": "p99 ttftt < 1s"}, ["slo", "ttftt", "ttft"]),
            ({"until": "p99 ttftt +-5%", "number": 9}, ["until", "ttftt", "ttft"]),
            ({"until": "p99 ttft +-5%"}, ["until", "number", "duration"]),
            ({"repeat": 0}, ["repeat"]),
            ({"name": "../up"}, ["name", "../up"]),
            ({"temperature": float("nan")}, ["temperature"]),
            ({"headers": ["no-equals"]}, ["headers", "NAME=VALUE"]),
            ({"headers": {"bad name": "x"}}, ["headers", "bad name"]),
        ],
        ids=lambda value: str(value)[:50] if isinstance(value, dict) else "",
    )
    def test_what_cannot_be_run_names_the_fields_and_what_is_wrong(self, keys, names):
        message = refused(**keys)
        assert all(name in message for name in names), message

    def test_a_conflict_with_a_field_that_is_wrong_itself_is_not_told(self):
        message = refused(rate="20rps", arrival="constant")
        assert "rps" in message
        assert "arrival" not in message


class TestYaml:
    def test_flags_replace_values_and_add_to_mappings(self, tmp_path):
        path = file(tmp_path, f"url: {URL}\nparallel: 4\nheaders: {{A: a, B: b}}\nextra_args: {{x: 1}}\n")
        scenario = Scenario.from_yaml(
            path, {"parallel": "8", "headers": ["B=c"], "extra_args": '{"y": 2}', "rate": None}, environment={}
        )
        assert (scenario.parallel, scenario.headers, scenario.extra_args) == (8, {"A": "a", "B": "c"}, {"x": 1, "y": 2})

    def test_a_run_is_named_after_its_file(self, tmp_path):
        assert Scenario.from_yaml(file(tmp_path, "url: simulator", "soak.yaml"), environment={}).name == "soak"

    def test_files_are_relative_to_the_scenario(self, tmp_path):
        file(tmp_path, "hello there", "prompt.txt")
        scenario = Scenario.from_yaml(file(tmp_path, "url: simulator\nprompt: '@prompt.txt'"), environment={})
        assert scenario.prompt == ("hello there",)
        scenario = Scenario.from_yaml(file(tmp_path, "url: simulator\nprompts_file: prompt.txt"), environment={})
        assert scenario.prompts_file == tmp_path / "prompt.txt"

    def test_variables_come_from_the_environment_or_their_default(self, tmp_path):
        path = file(tmp_path, "url: ${HOST}/v1\nmodel: ${MODEL:-}\nname: ${RUN:-night}\nprompt: 'costs $${5}'")
        scenario = Scenario.from_yaml(path, environment={"HOST": "http://h"})
        assert (scenario.url, scenario.model, scenario.name, scenario.prompt) == (
            ("http://h/v1",), None, "night", ("costs ${5}",),
        )  # fmt: skip

    def test_a_variable_need_not_be_set_where_a_flag_says_it(self, tmp_path):
        path = file(tmp_path, "url: ${HOST}/v1\nheaders: {X-A: '${A}'}")
        assert Scenario.from_yaml(path, {"url": "http://g"}, environment={"A": "1"}).url == ("http://g",)
        with pytest.raises(ScenarioError, match="no A"):  # a flag adds to these, and replaces nothing
            Scenario.from_yaml(path, {"url": "http://g", "headers": ["X-B=2"]}, environment={})

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("name: 2026-99-99", "not YAML: month must be in 1..12"),
            ("url: ${HOST}", "line 1: url: the environment has no HOST; set it, or write ${HOST:-default}"),
            ("url: a\nparallel: 1\nurl: b", "line 3: url is given twice, first on line 1"),
            ("simulator:\n  ttft: 1\n  ttft: 2", "line 3: simulator.ttft is given twice, first on line 2"),
            ("a: [", "line 1: not YAML"),
            ("- a", "mapping"),
        ],
    )
    def test_a_file_that_cannot_be_read_says_where_and_why(self, tmp_path, text, says):
        with pytest.raises(ScenarioError) as error:
            Scenario.from_yaml(file(tmp_path, text), environment={})
        assert says in str(error.value)

    def test_a_missing_file_is_the_users_to_mend(self, tmp_path):
        with pytest.raises(ScenarioError, match="No such file"):
            Scenario.from_yaml(tmp_path / "none.yaml")

    def test_values_over_a_network_never_read_the_environment(self):
        assert made({"HOME": "x"}, prompt="${HOME}").prompt == ("${HOME}",)


class TestSecrets:
    @pytest.mark.parametrize(
        "keys",
        [
            {"api_key": SECRET},
            {"headers": {"Authorization": SECRET, "X-Api-Key": SECRET, "Cookie": SECRET, "x-auth-token": SECRET}},
            {"transport": "sdk", "model_args": {"api_key": SECRET, "default_headers": {"X-Key": SECRET}}},
            {"extra_args": {"provider": [{"access_token": SECRET}]}},
            {"url": "simulator", "simulator": {"api_key": SECRET}},
        ],
        ids=lambda keys: list(keys)[-1],
    )
    def test_no_secret_is_in_any_dump_or_print(self, keys):
        scenario = made(**keys)
        for shown in (repr(scenario), str(scenario), json.dumps(scenario.dump()), scenario.to_yaml()):
            assert SECRET not in shown

    @pytest.mark.parametrize(
        "keys",
        [
            {"api_key": [SECRET]},
            {"api_key": SECRET + "\n"},
            {"apikey": SECRET},
            {"headers": [SECRET]},
            {"headers": {"X-Key": SECRET + "\n"}},
            {"url": f"http://user:{SECRET}@h/v1"},
            {"url": f"user:{SECRET}@h/v1"},
            {"url": f"http://h/v1?api_key={SECRET}"},
            {"model_args": SECRET},
            {"extra_args": SECRET},
            {"simulator": {"apikey": SECRET}},
        ],
    )
    def test_no_error_repeats_a_secret(self, keys):
        assert SECRET not in refused(**keys)

    def test_what_only_sounds_secret_stays(self):
        dump = made(max_tokens=5, extra_args={"stop_token_ids": [1], "max_completion_tokens": 4}).dump()
        assert (dump["max_tokens"], dump["extra_args"]) == (5, {"stop_token_ids": [1], "max_completion_tokens": 4})

    @pytest.mark.parametrize(
        ("keys", "environment", "key"),
        [
            ({}, {}, None),
            ({}, {"OPENAI_API_KEY": "env"}, "env"),
            ({"api_key": "given"}, {"OPENAI_API_KEY": "env"}, "given"),
            ({"api_key_env": "MINE"}, {"OPENAI_API_KEY": "env", "MINE": "mine"}, "mine"),
            ({"api_key": "REDACTED"}, {"OPENAI_API_KEY": "env"}, "env"),
            ({"url": "simulator"}, {"OPENAI_API_KEY": "env"}, None),
        ],
    )
    def test_the_key_comes_from_its_nearest_source(self, keys, environment, key):
        assert made(environment, **keys).endpoint().api_key == key

    def test_a_key_file_is_read_without_its_line_end_and_named_in_the_dump(self, tmp_path):
        path = file(tmp_path, SECRET + "\n", "key.txt")
        scenario = made(api_key_file=str(path))
        assert scenario.endpoint().api_key == SECRET
        assert scenario.dump()["api_key_file"] == str(path)
        assert "api_key" not in scenario.dump()

    @pytest.mark.parametrize(
        ("keys", "says"),
        [
            ({"api_key": "REDACTED"}, "OPENAI_API_KEY"),
            ({"api_key_env": "MINE"}, "MINE, which is not set"),
            ({"api_key": "a", "api_key_env": "MINE"}, "one place"),
            ({"headers": {"X-Key": "REDACTED"}}, "headers.X-Key was redacted"),
        ],
    )
    def test_a_key_that_is_nowhere_is_asked_for(self, keys, says):
        assert says in refused(**keys)

    def test_a_key_given_as_a_flag_wins_over_the_files_source(self, tmp_path):
        path = file(tmp_path, f"url: {URL}\napi_key_env: MINE")
        assert Scenario.from_yaml(path, {"api_key": "given"}, environment={}).endpoint().api_key == "given"


EVERY_KIND = [
    {},
    {"url": [URL, "http://127.0.0.1:8001/v1"], "balance": "least_in_flight", "headers": {"X-A": "1"}},
    {"rate": "20/s", "arrival": "gamma", "burstiness": 0.5, "parallel": 8, "duration": "60s", "number": "1k"},
    {"prompt": ["@@at ${x}", "b"], "stop": ["a"], "logprobs": True, "extra_args": {"a": {"b": [1]}}},
    {"prompts_file": __file__, "ca": __file__, "tokenizer": __file__},
    {"url": "simulator", "simulator": {"ttft": "200ms", "slots": 4}, "slo": "p99 ttft < 500ms", "workers": "auto"},
    {"api": "rerank", "temperature": 0, "n_choices": 2, "ignore_eos": True, "keep_texts": True, "ramp_up": 0},
]


@pytest.mark.parametrize("keys", EVERY_KIND, ids=lambda keys: next(iter(keys), "defaults"))
def test_a_dump_is_plain_data_that_makes_the_same_scenario_again(keys, tmp_path):
    scenario = made(**keys)
    assert Scenario.from_mapping(json.loads(json.dumps(scenario.dump())), environment={}) == scenario
    assert Scenario.from_yaml(file(tmp_path, scenario.to_yaml()), environment={}) == scenario
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_options_and_endpoint_carry_every_setting_of_their_group():
    scenario = made(
        model="m", max_tokens=1, min_tokens=1, temperature=0.5, top_p=0.9, top_k=3, sampling_seed=4, stop="x",
        n_choices=2,
        frequency_penalty=0.1, repetition_penalty=1.1, logprobs=5, ignore_eos=True, extra_body={"a": 1},
        insecure=True, connect_timeout="3s", headers=["X-A=b"], balance="least_in_flight",
    )  # fmt: skip
    options = scenario.options()
    assert (options.model, options.stream, options.max_tokens, options.min_tokens) == ("m", True, 1, 1)
    assert (options.temperature, options.top_p, options.top_k, options.seed) == (0.5, 0.9, 3, 4)
    assert (options.stop, options.n, options.frequency_penalty, options.repetition_penalty) == (["x"], 2, 0.1, 1.1)
    assert (options.logprobs, options.extra) == (5, {"ignore_eos": True, "a": 1})
    endpoint = scenario.endpoint(("http://other/v1",))
    assert (endpoint.urls, endpoint.verify, endpoint.connect_timeout_s) == (("http://other/v1",), False, 3.0)
    assert (endpoint.headers, endpoint.balance) == ({"X-A": "b"}, "least_in_flight")


def test_proxies_of_the_environment_are_for_real_endpoints():
    assert made(transport="aiohttp").endpoint().trust_env
    assert not made(url="simulator").endpoint(("http://127.0.0.1:9/v1",)).trust_env


@pytest.mark.parametrize(
    "path", [path for path in SCENARIOS if not path.stem.endswith(("_eval", "_sweep"))], ids=lambda p: p.stem
)
def test_every_shipped_scenario_loads_and_says_at_its_head_how_to_run_it(path):
    assert Scenario.from_yaml(path, environment={"ENDPOINT_URL": URL}).name == path.stem
    head = path.read_text().partition("\n\n")[0]
    assert f"perfbench run scenarios/{path.name}" in path.read_text()
    assert head.startswith("# ")
    assert isinstance(yaml.safe_load(path.read_text()), dict)
