"""Replies of real servers, each read by the dialect that asked for it.

The files in captures/ are bodies as they came, without chunked coding; ids, times and the model's name are shortened.
All were asked for at temperature 0. A name ends in `_whole` when the reply was not streamed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from perfbench.engine.dialect.base import dialect
from perfbench.engine.request import Answer, Reply

CAPTURES = Path(__file__).parent / "captures"
CHAT = " good why way spell was boy"
COMPLETION = " and large has many follow were"
RESPONSE = " good are ask our it house"
LONGER = " good are ask our it house do find thing want may then house form if boy"
QUICK = "The quick brown fox jumps over the lazy dog."


class Said(NamedTuple):
    """What an answer says, without its instants."""

    text: str | None
    finish: list[str]
    input_tokens: int | None
    output_tokens: int | None
    chunks: int
    fault: str | None = None


STREAMS = {
    "transformers_chat": Said(CHAT, ["length"], 17, 6, 6),
    "transformers_completions": Said(COMPLETION, ["length"], 3, 6, 6),
    "transformers_responses": Said(RESPONSE, ["completed"], 7, 6, 6),
    "litellm_chat": Said(CHAT, ["length"], 17, 6, 6),
    "litellm_completions": Said(COMPLETION, ["length"], 3, 6, 6),
    "litellm_messages": Said(CHAT, ["max_tokens"], 17, 6, 6),
    "litellm_responses": Said(LONGER, ["completed"], 7, 16, 16),
    "litellm_mock_chat": Said(QUICK, ["stop"], 11, 10, 15),
    "llama_cpp_python_chat": Said(CHAT, ["length"], None, None, 6),
    "llama_cpp_python_completions": Said(COMPLETION, ["length"], None, None, 6),
    "llama_cpp_python_chat_cut": Said(" good why way spell find", [], None, None, 5, "no_finish"),
}
WHOLE = {
    "transformers_chat_whole": Said(CHAT, ["length"], 17, 6, 0),
    "litellm_messages_whole": Said(CHAT, ["max_tokens"], 17, 6, 0),
    "llama_cpp_python_completions_whole": Said(" and large has", ["length"], 3, 3, 0),
    "llama_server_chat_whole": Said(CHAT, ["length"], 17, 6, 0),
    "llama_server_completions_whole": Said(" and large has", ["length"], 3, 3, 0),
    "llama_server_messages_whole": Said(CHAT, ["max_tokens"], 17, 6, 0),
    "llama_server_responses_whole": Said(RESPONSE, ["completed"], 7, 6, 0),
}


def test_every_capture_is_read_by_some_test():
    read = {*STREAMS, *WHOLE, "litellm_completions_zero_usage", *VECTORS}
    assert {file.stem for file in CAPTURES.glob("*.txt")} == read


@pytest.mark.parametrize("name", STREAMS)
def test_a_real_stream_is_read_as_its_server_meant_it(name: str):
    assert said(read_stream(name)) == STREAMS[name]


@pytest.mark.parametrize("name", WHOLE)
def test_a_real_body_is_read_as_its_server_meant_it(name: str):
    assert said(speak(name).read(capture(name))) == WHOLE[name]


def test_a_usage_of_zero_tokens_beside_output_is_no_count():
    """litellm puts zeros into every chunk of a completion when usage was not asked for."""
    assert said(read_stream("litellm_completions_zero_usage")) == Said(COMPLETION, ["length"], None, None, 6)


VECTORS = ("llama_server_embeddings", "llama_server_embeddings_base64")


def test_vectors_are_the_same_as_numbers_and_as_base64():
    numbers, packed = (speak(name).read(capture(name)) for name in VECTORS)
    assert numbers.extra is not None and packed.extra is not None
    assert (numbers.input_tokens, packed.input_tokens, numbers.extra["count"]) == (8, 8, 2)
    for ours, theirs in zip(numbers.extra["embeddings"], packed.extra["embeddings"], strict=True):
        assert theirs == pytest.approx(ours, rel=1e-6)


def capture(name: str) -> bytes:
    return (CAPTURES / f"{name}.txt").read_bytes()


def speak(name: str):
    return dialect(next(word for word in name.split("_") if word in KNOWN))


KNOWN = {"chat", "completions", "responses", "messages", "embeddings"}


def read_stream(name: str) -> Answer:
    reader, reply = speak(name).reader(), Reply()
    reply.add(capture(name), 1)
    reader.feed(reply)
    return reader.finish(complete=True)


def said(answer: Answer) -> Said:
    fault = None if answer.fault is None else answer.fault.kind
    return Said(
        answer.text, answer.finish_reasons, answer.input_tokens, answer.output_tokens, len(answer.output_ns), fault
    )  # fmt: skip
