"""Requests: from an item to what is sent: overrides, wanted lengths, names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perfbench.engine.dialect.base import Options, Prompt
from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Request
from perfbench.scenario import Scenario
from perfbench.workload.base import Item, Workload
from perfbench.workload.requests import Requests, options_for

PROMPT = Prompt(text="hi")


class One(Workload):
    expected_tokens = 7

    def __init__(self, **given: Any) -> None:
        self._item = Item(prompt=PROMPT, **given)

    def item(self, index: int) -> Item:
        return self._item


def made(workload: Workload, **keys: Any) -> tuple[Request, dict[str, Any]]:
    scenario = Scenario.from_mapping({"url": "http://127.0.0.1:8000/v1", "model": "m", **keys}, environment={})
    request = Requests(scenario, workload)(3)
    assert isinstance(request, Request)
    return request, json.loads(request.body)


def test_a_plain_item_is_asked_as_the_run_says():
    request, body = made(One(), max_tokens=5)
    assert (request.key, request.model, request.expected_tokens, body["max_tokens"]) == ("3", "m", 12, 5)
    assert (request.tag, request.session, request.turn, request.cancel_after_s) == ("", None, None, None)
    assert "ignore_eos" not in body


def test_a_wanted_length_is_asked_for_exactly():
    request, body = made(One(wanted_input_tokens=100, wanted_output_tokens=40))
    assert (body["max_tokens"], body["ignore_eos"]) == (40, True)
    assert (request.wanted_input_tokens, request.wanted_output_tokens, request.expected_tokens) == (100, 40, 140)


def test_a_server_that_knows_no_ignore_eos_gets_a_longest_length():
    _, body = made(One(wanted_output_tokens=40), ignore_eos=False)
    assert (body["max_tokens"], body["ignore_eos"]) == (40, False)


def test_the_runs_longest_reply_caps_a_wanted_length_and_the_record_says_what_was_asked():
    request, body = made(One(wanted_output_tokens=40), max_tokens=16)
    assert (body["max_tokens"], request.wanted_output_tokens) == (16, 16)


def test_an_override_adds_to_the_extra_fields_of_the_run():
    options = Options(model="m", temperature=0.5, extra={"a": 1, "b": 2})
    found = options_for(Item(prompt=PROMPT, options={"model": "lora", "extra": {"b": 3}}), options)
    assert (found.model, found.temperature, found.extra) == ("lora", 0.5, {"a": 1, "b": 3})
    assert options.extra == {"a": 1, "b": 2}


def test_an_override_of_nothing_is_an_error_that_names_it():
    with pytest.raises(ScenarioError, match=r"overrides 'max_token'.*did you mean max_tokens"):
        options_for(Item(prompt=PROMPT, options={"max_token": 1}), Options())
