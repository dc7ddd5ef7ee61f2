"""What a scorer sees of a reply: its text without the reasoning, and the functions it called."""

from __future__ import annotations

import pytest

from evalcore.answers import shown, split_thinking
from evalcore.types import Answer

ROWS = [
    pytest.param("Answer: B", "", "Answer: B", id="none"),
    pytest.param("<think>A?</think>\nAnswer: B", "A?", "Answer: B", id="a block"),
    pytest.param("A?</think>Answer: B", "A?", "Answer: B", id="opened by the template"),
    pytest.param("<think>A? Answer: A", "A? Answer: A", "", id="never closed, so there is no answer"),
    pytest.param("<think></think>\n\nB", "", "B", id="empty"),
    pytest.param("<think>A?</think><think>C?</think>B", "A?\n\nC?", "B", id="two blocks"),
    pytest.param("<think>A?</think>\n<think>Answer: C", "A?\n\nAnswer: C", "", id="the second is never closed"),
    pytest.param("B, as <think> is a tag", "", "B, as <think> is a tag", id="a tag within the answer"),
]


@pytest.mark.parametrize(("text", "reasoning", "answer"), ROWS)
def test_reasoning_is_taken_off(text, reasoning, answer):
    assert split_thinking(text) == (reasoning, answer)


def test_an_answer_of_calls_alone_is_shown_as_calls():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert shown(Answer(text="", tool_calls=(call,))) == 'f({"a": 1})'
    assert shown(Answer(text="words", tool_calls=(call,))) == "words"
    assert shown(Answer(text="")) == ""
