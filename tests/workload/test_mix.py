"""Mix: which part an arrival belongs to, what its part changes about it, and scenarios that describe one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.engine.dialect.base import Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.engine.flow import Pause
from perfbench.engine.request import Request
from perfbench.scenario import Scenario
from perfbench.workload import open_workload
from perfbench.workload.base import Item, Workload
from perfbench.workload.mix import Mix, Part
from perfbench.workload.requests import Requests

URL = "http://127.0.0.1:8000/v1"


class Counted(Workload):
    """Items that say their number."""

    expected_tokens = 10

    def item(self, index: int) -> Item:
        return Item(prompt=Prompt(text=str(index)))


def a_mix(*weights: float, seed: int = 0) -> Mix:
    return Mix([Part(str(number), weight, Counted(), {}) for number, weight in enumerate(weights)], seed)


def drawn(mix: Mix, indices: Any) -> list[tuple[str, str | None]]:
    items = [mix.item(index) for index in indices]
    return [(item.tag, item.prompt.text) for item in items if isinstance(item, Item)]


def test_shares_are_kept():
    tags = [tag for tag, _ in drawn(a_mix(6, 3, 1), range(20_000))]
    for tag, share in (("0", 0.6), ("1", 0.3), ("2", 0.1)):
        assert tags.count(tag) / 20_000 == pytest.approx(share, abs=0.012)  # 3.5 standard deviations


def test_each_part_counts_its_own_items_so_that_no_line_of_a_file_is_skipped():
    found = drawn(a_mix(2, 1), range(5000))
    for tag in ("0", "1"):
        numbers = [int(text or "") for of, text in found if of == tag]
        assert numbers == list(range(len(numbers)))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 6000), min_size=1, max_size=20), st.integers(0, 5))
def test_an_item_is_the_same_in_whatever_order_and_by_whomever_it_is_asked_for(indices, seed):
    in_order = drawn(a_mix(3, 2, 1, seed=seed), range(max(indices) + 1))
    assert drawn(a_mix(3, 2, 1, seed=seed), indices) == [in_order[index] for index in indices]


def test_another_seed_is_another_order():
    assert drawn(a_mix(1, 1, seed=1), range(50)) != drawn(a_mix(1, 1, seed=2), range(50))


# -- scenarios ---------------------------------------------------------------------------------------------------------


def made(mix: Any, **keys: Any) -> Scenario:
    return Scenario.from_mapping({"url": URL, "model": "base", "seed": 1, "mix": mix, **keys}, environment={})


def requests_of(scenario: Scenario, count: int) -> list[Request]:
    ask = Requests(scenario, open_workload(scenario))
    return [request for index in range(count) if isinstance(request := ask(index), Request)]


def test_a_part_overrides_model_and_body_and_nothing_else():
    scenario = made(
        {"a": {"prompt": "x", "model": "lora", "max_tokens": 5, "extra_body": {"top_a": 1}}, "b": {"prompt": "y"}},
        max_tokens=9, temperature=0.5, extra_args={"user": "me"},
    )  # fmt: skip
    bodies = {request.tag: (request.model, json.loads(request.body)) for request in requests_of(scenario, 30)}
    model, body = bodies["a"]
    assert (model, body["model"], body["max_tokens"], body["temperature"]) == ("lora", "lora", 5, 0.5)
    assert (body["top_a"], body.get("user")) == (1, "me")
    model, body = bodies["b"]
    assert (model, body["max_tokens"], body["messages"][0]["content"]) == ("base", 9, "y")
    assert "top_a" not in body


def test_what_to_send_is_a_parts_own():
    scenario = made({"a": {"prompt_tokens": 30}, "b": {"prompt": "y"}})
    prompts = {r.tag: json.loads(r.body)["messages"][0]["content"] for r in requests_of(scenario, 30)}
    assert len(prompts["a"].split()) == 30
    assert prompts["b"] == "y"


def test_a_part_of_sessions_keeps_its_tag_and_its_rules_in_every_turn(tmp_path):
    chats = tmp_path / "c.jsonl"
    chats.write_text(json.dumps({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
                                              {"role": "user", "content": "c"}]}))  # fmt: skip
    scenario = made({"talk": {"conversations": str(chats), "think_time": "2s", "cancel_share": 1, "cancel_after": "1s",
                              "after_failed_turn": "continue"}})  # fmt: skip
    flow = Requests(scenario, open_workload(scenario))(0)
    assert not isinstance(flow, Request)
    steps: list[Any] = [flow.send(None)]
    steps += [flow.send(None), flow.send(None)]
    assert [type(step) for step in steps] == [Request, Pause, Request]
    first, pause, second = steps
    assert (first.tag, first.key, first.session, first.turn, first.turns) == ("talk", "0.1", 0, 1, 2)
    assert (second.tag, second.key, second.turn, pause.seconds) == ("talk", "0.2", 2, 2.0)
    assert (first.cancel_after_s, second.cancel_after_s) == (1.0, 1.0)


def test_a_scenario_with_a_mix_is_dumped_so_that_it_runs_again():
    scenario = made({"a": {"share": "70%", "prompt": "@@x", "extra_args": {"api_key": "sk-1"}},
                     "b": {"share": 0.3, "model": "lora"}})  # fmt: skip
    plain = scenario.dump()
    assert "sk-1" not in json.dumps(plain)
    del plain["mix"]["a"]["extra_args"]
    again = Scenario.from_mapping(plain, environment={})
    assert again.mix is not None
    assert again.mix["a"].prompt == ("@x",)
    assert again.dump()["mix"] == plain["mix"]
    with pytest.raises(ScenarioError, match=r"mix\.a\.extra_args\.api_key was redacted"):
        Scenario.from_mapping(scenario.dump(), environment={})


@pytest.mark.parametrize(
    ("mix", "says"),
    [
        ({}, "mix is empty"),
        (["a"], "mix is a list, not a mapping"),
        ({"a": 3}, "mix.a"),
        ({"a": {"promt": "x"}}, "mix.a.promt is not a key of a part of a mix (it is 'x'); did you mean prompt?"),
        ({"a": {"url": URL}}, "mix.a.url is not a key of a part of a mix"),
        ({"a": {"max_tokens": "lots"}}, "mix.a.max_tokens 'lots' is not a count"),
        ({"a": {"prompt": "x", "prompt_tokens": 3}}, "mix.a.prompt_tokens is the length of synthetic prompts"),
        ({"a": {"max_tokens": 3, "min_tokens": 5}}, "mix.a.min_tokens is 5, more than max_tokens 3"),
        ({"a": {"think_time": "3s"}}, "mix.a.think_time is for sessions, but workload is synthetic"),
        ({"a": {"share": 0.5}, "b": {"share": 0.4}}, "mix has shares that make 0.9, not 1"),
        ({"a": {"share": 1}, "b": {}}, "mix gives some parts a share and others none"),
        ({"a": {"share": 1, "weight": 2}}, "mix.a.weight and share say the same thing"),
        ({"a": {"weight": 0}}, "mix.a.weight"),
        ({"a": {"workload": "mix"}}, "mix.a.workload is mix"),
        ({"a": {"workload": "fixed"}}, "mix.a.workload is fixed; give prompt too"),
        ({"a": {"cancel_share": 0.1}}, "mix.a.cancel_share says how many hang up, and not when"),
        ({"a": {"extra_args": {"n": 1}, "extra_body": {}}}, "mix.a.extra_body is not a key"),
    ],
)
def test_a_mix_that_cannot_be_run_says_where_and_why(mix, says):
    with pytest.raises(ScenarioError) as error:
        made(mix)
    assert says in str(error.value)


def test_one_hang_up_law_for_a_request():
    with pytest.raises(ScenarioError, match=r"mix\.a\.cancel_share is given for the whole run too"):
        made({"a": {"cancel_share": 0.1, "cancel_after": "1s"}}, cancel_share=0.2, cancel_after="2s")


def test_a_workload_file_holds_a_mix_and_names_its_own_lines(tmp_path: Path):
    (tmp_path / "p.txt").write_text("one\n")
    good = tmp_path / "mix.yaml"
    good.write_text("mix:\n  a: {prompts_file: p.txt}\n  b:\n    weight: 2\n    prompt: hi\n")
    scenario = Scenario.from_mapping({"url": URL, "workload": str(good)}, environment={})
    assert scenario.mix is not None
    assert (scenario.workload, scenario.mix["a"].prompts_file) == ("mix", tmp_path / "p.txt")
    bad = tmp_path / "bad.yaml"
    bad.write_text("mix:\n  a: {prompt: x}\n  b:\n    wieght: 2\n")
    with pytest.raises(ScenarioError, match=rf"{bad} line 4: mix\.b\.wieght .* did you mean weight\?"):
        Scenario.from_mapping({"url": URL, "workload": str(bad)}, environment={})
    bad.write_text("mix:\n  a: {prompt: x}\nurl: http://127.0.0.1\n")
    with pytest.raises(ScenarioError, match=rf"{bad} line 3: a workload file holds mix alone, and not url"):
        Scenario.from_mapping({"url": URL, "workload": str(bad)}, environment={})
    bad.write_text("{}\n")
    with pytest.raises(ScenarioError, match="names no parts"):
        Scenario.from_mapping({"url": URL, "workload": str(bad)}, environment={})
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml cannot be read"):
        Scenario.from_mapping({"url": URL, "workload": str(tmp_path / "nowhere.yaml")}, environment={})


def test_a_workload_file_is_relative_to_the_scenario_that_names_it_and_a_flag_replaces_it(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mix.yaml").write_text("mix:\n  a: {prompt: x}\n")
    run = tmp_path / "run.yaml"
    run.write_text(f"url: {URL}\nworkload: sub/mix.yaml\n")
    scenario = Scenario.from_yaml(run, environment={})
    assert list(scenario.mix or {}) == ["a"]
    replaced = Scenario.from_yaml(run, {"prompt_tokens": "50", "workload": "synthetic"}, environment={})
    assert (replaced.mix, replaced.workload, replaced.prompt_tokens) == (None, "synthetic", 50)
    other = tmp_path / "other.yaml"
    other.write_text("mix:\n  z: {prompt: x}\n")
    again = Scenario.from_yaml(run, {"workload": str(other)}, environment={})
    assert list(again.mix or {}) == ["z"]


def test_hang_ups_follow_their_share_and_law_by_seed_and_index():
    scenario = Scenario.from_mapping(
        {"url": URL, "seed": 5, "cancel_share": "20%", "cancel_after": "uniform 1s 2s"}, environment={}
    )
    first, other = ([r.cancel_after_s for r in requests_of(scenario, 2000)] for _ in range(2))
    hung = [after_s for after_s in first if after_s is not None]
    assert first == other
    assert len(hung) / 2000 == pytest.approx(0.2, abs=0.03)
    assert 1 <= min(hung) <= max(hung) <= 2
