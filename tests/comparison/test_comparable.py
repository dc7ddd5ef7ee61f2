"""Comparable: every reason not to compare is named, and none is made up."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from perfbench.comparison.comparable import incomparable
from perfbench.comparison.source import Source
from perfbench.engine.request import Record
from perfbench.metrics.columns import columns
from tests.metrics.rows import reply


def run(
    tool: str = "perfbench", *, input_tokens: int = 100, output_tokens: int = 50, stream: bool = True, **facts: Any
):
    rows: list[Record] = [
        reply(i, i + 5.0, input_tokens=input_tokens, output_tokens=output_tokens, stream=stream) for i in range(20)
    ]
    return Source("run", tool, columns([rows]), {"rate": None, "parallel": 8, "api": "chat", **facts})


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        pytest.param({}, {"rate": 5.0}, ["closed loop", "open loop"], id="open and closed"),
        pytest.param({}, {"api": "completions"}, ["api is chat", "completions"], id="api"),
        pytest.param({}, {"parallel": 16}, ["parallel is 8", "16"], id="concurrency"),
        pytest.param({"rate": 4, "arrival": "poisson"}, {"rate": 4, "arrival": "constant"}, ["arrival"], id="arrivals"),
        pytest.param({"rate": 4.0}, {"rate": 5}, ["rate is 4", "5"], id="rate"),
        pytest.param({"max_tokens": 16}, {}, ["max_tokens is 16", "not given"], id="a limit that one has"),
        pytest.param({"some_new_key": "a"}, {"some_new_key": "b"}, ["some_new_key"], id="a key nobody knows yet"),
        pytest.param({"input_tokens": 100}, {"input_tokens": 120}, ["prompts", "100.0", "120.0"], id="prompt lengths"),
        pytest.param({"output_tokens": 50}, {"output_tokens": 90}, ["answers", "50.0", "90.0"], id="answer lengths"),
        pytest.param({}, {"stream": False}, ["streams"], id="streaming"),
        pytest.param({"prompts_file": "/a/x.txt"}, {"prompts_file": "/a/y.txt"}, ["x.txt", "y.txt"], id="prompts"),
    ],
)  # fmt: skip
def test_what_is_not_comparable_is_named(first: dict[str, Any], second: dict[str, Any], words: list[str]) -> None:
    said = incomparable(run(**first), run(**second))
    assert len(said) == 1, said
    assert all(word in said[0] for word in words), said


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({}, {}, id="the same"),
        pytest.param({"model": "a", "url": "http://a/v1"}, {"model": "b", "url": "http://b/v1"}, id="another service"),
        pytest.param({"seed": 1, "number": 100}, {"seed": 2, "duration": 60.0}, id="another draw, longer"),
        pytest.param({"prompts_file": "/a/x.txt"}, {"prompts_file": "/b/x.txt"}, id="the same file elsewhere"),
        pytest.param({"rate": 4}, {"rate": 4.0}, id="4 and 4.0"),
        pytest.param({"output_tokens": 50}, {"output_tokens": 53}, id="answers of about the same length"),
    ],
)
def test_what_is_comparable_is_compared(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert incomparable(run(**first), run(**second)) == []


def test_lengths_that_differ_by_the_luck_of_the_draw_are_no_reason() -> None:
    def drawn(*lengths: int) -> Source:
        return dataclasses.replace(run(), records=columns([[reply(0, 5.0, output_tokens=n) for n in lengths]]))

    assert incomparable(drawn(1, 60, 200), drawn(10, 20, 90)) == []
    (said,) = incomparable(drawn(*[20, 21] * 50), drawn(*[29, 30] * 50))
    assert "answers" in said


def test_of_another_tool_only_what_it_says_is_held_against_it() -> None:
    ours, theirs = run(max_tokens=16, temperature=0.0), run("vllm bench")
    assert incomparable(ours, theirs) == []
    (said,) = incomparable(ours, dataclasses.replace(theirs, facts={"parallel": 4}))
    assert "parallel" in said


def test_all_reasons_are_named_at_once() -> None:
    assert len(incomparable(run(), run(parallel=2, api="completions", input_tokens=10))) == 3
