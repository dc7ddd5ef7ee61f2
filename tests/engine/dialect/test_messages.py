"""Anthropic messages: blocks, counts, ends, keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from perfbench.engine.dialect.base import dialect
from perfbench.engine.dialect.messages import API_VERSION, Messages
from perfbench.engine.request import Answer
from tests.engine.dialect.streams import kind, read_stream, seen

WIRE = Path(__file__).parent / "wire"


def event(type: str, **more: Any) -> bytes:
    return b"event: " + type.encode() + b"\ndata: " + orjson.dumps({"type": type} | more) + b"\n\n"


def start(**usage: int) -> bytes:
    return event(
        "message_start", message={"id": "m", "type": "message", "content": [], "stop_reason": None, "usage": usage}
    )


def begin(index: int = 0, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int = 0, **piece: Any) -> bytes:
    return event("content_block_delta", index=index, delta=piece)


def end(reason: str | None = "end_turn", **usage: int) -> bytes:
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)


STOP = event("message_stop")
PING = event("ping")
HELLO = delta(type="text_delta", text="hello")


def stream(*reads: bytes) -> Answer:
    return read_stream("messages", *reads)


def test_a_message_in_pieces():
    answer = stream(
        start(input_tokens=9, output_tokens=1),
        PING,
        begin(type="thinking", thinking=""),
        delta(type="thinking_delta", thinking="hm"),
        delta(type="signature_delta", signature="abc"),
        event("content_block_stop", index=0),
        begin(1, type="text", text=""),
        delta(1, type="text_delta", text="a"),
        delta(1, type="text_delta", text="b"),
        event("content_block_stop", index=1),
        end(output_tokens=12),
        STOP,
    )
    assert (answer.text, answer.reasoning, answer.tool_calls, answer.fault) == ("ab", "hm", None, None)
    assert (answer.output_ns, answer.first_answer_ns) == ([1003, 1007, 1008], 1007)
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens) == (9, 12, None)
    assert answer.finish_reasons == ["end_turn"]


def test_a_tool_call():
    answer = stream(
        start(),
        begin(0, type="tool_use", id="t", name="f", input={}),
        delta(0, type="input_json_delta", partial_json=""),
        delta(0, type="input_json_delta", partial_json='{"a"'),
        delta(0, type="input_json_delta", partial_json=":1}"),
        begin(1, type="tool_use", id="u", name="g", input={}),
        end("tool_use"),
        STOP,
    )
    assert answer.tool_calls == [
        {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "u", "type": "function", "function": {"name": "g", "arguments": ""}},
    ]
    assert (answer.output_ns, answer.first_answer_ns) == ([1001, 1003, 1004, 1005], 1001), (
        "names and arguments are output"
    )


@pytest.mark.parametrize(
    ("reads", "counts"),
    [
        pytest.param([start(input_tokens=9), end(output_tokens=5)], (9, 5, None), id="in at the start, out at the end"),
        pytest.param([start(), end(input_tokens=9, output_tokens=5)], (9, 5, None), id="both at the end (litellm)"),
        pytest.param(
            [start(input_tokens=0), end(input_tokens=9, output_tokens=5)], (9, 5, None), id="0 until it is known"
        ),
        pytest.param(
            [start(input_tokens=9), end(input_tokens=0, output_tokens=5)], (9, 5, None), id="0 once it is known"
        ),
        pytest.param(
            [start(input_tokens=3, cache_read_input_tokens=7, output_tokens=0), end(output_tokens=5)],
            (10, 5, 7),
            id="the cached part of the prompt is part of the prompt",
        ),
        pytest.param(
            [start(input_tokens=3, cache_creation_input_tokens=4, cache_read_input_tokens=0), end(output_tokens=5)],
            (7, 5, 0),
            id="so is what went into the cache",
        ),
        pytest.param([start(), end()], (None, None, None), id="not told"),
    ],
)
def test_usage(reads: list[bytes], counts: tuple[int | None, ...]):
    answer = stream(reads[0], HELLO, reads[1], STOP)
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens) == counts


@pytest.mark.parametrize(
    ("reads", "fault"),
    [
        pytest.param([start(), HELLO, end(), STOP], None, id="both ends"),
        pytest.param([start(), HELLO, end()], None, id="stop_reason without message_stop"),
        pytest.param([start(), HELLO, STOP], None, id="message_stop without stop_reason"),
        pytest.param([start(), HELLO, end(None)], "no_finish", id="a stop_reason of null"),
        pytest.param([start(), HELLO], "no_finish", id="neither"),
        pytest.param([start(), end(), STOP], None, id="an empty answer"),
        pytest.param([PING], "empty_reply", id="a ping"),
        pytest.param([], "empty_reply", id="nothing"),
        pytest.param(
            [start(), HELLO, event("error", error={"message": "overloaded"})], "stream_error", id="error event"
        ),
        pytest.param(
            [event("error", error={"message": "no"}), start(), HELLO, end(), STOP], "stream_error", id="before the rest"
        ),
        pytest.param([b'data: {"type":"error"}\n\n'], "stream_error", id="an error without a reason"),
        pytest.param([b'data: {"error":{"message":"no"}}\n\n'], "stream_error", id="OpenAI's error object"),
        pytest.param([start(), b"data: oops\n\n", HELLO, end(), STOP], "bad_event", id="a broken event"),
    ],
)
def test_when_a_stream_is_whole(reads: list[bytes], fault: str | None):
    assert kind(stream(*reads)) == fault


def test_the_reason_of_an_error_event():
    answer = stream(start(), event("error", error={"type": "overloaded_error", "message": "Overloaded"}))
    assert answer.fault is not None and answer.fault.detail == "Overloaded"


def test_streamed_or_not_the_answer_is_the_same():
    content = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "ab"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    usage = {"input_tokens": 3, "cache_read_input_tokens": 7, "output_tokens": 5}
    body = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": usage}
    whole = dialect("messages").read(orjson.dumps(body))
    streamed = stream(
        start(input_tokens=3, cache_read_input_tokens=7),
        delta(0, type="thinking_delta", thinking="hm"),
        delta(1, type="text_delta", text="ab"),
        begin(2, type="tool_use", id="t", name="f", input={}),
        delta(2, type="input_json_delta", partial_json='{"a":1}'),
        end("tool_use", output_tokens=5),
        STOP,
    )
    assert whole.output_ns == [] and whole.first_answer_ns is None and whole.fault is None
    streamed.output_ns, streamed.first_answer_ns = [], None
    assert seen(whole) == seen(streamed)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param(b'{"type":"error","error":{"type":"x","message":"no"}}', "error_body", id="an error"),
        pytest.param(b"oops", "bad_body", id="no JSON"),
        pytest.param(b'{"content":[]}', "empty_reply", id="nothing in it"),
        pytest.param(b'{"content":[{"type":"text","text":"a"}]}', "no_finish", id="no stop_reason"),
        pytest.param(b'{"content":[],"stop_reason":"end_turn"}', None, id="an empty answer"),
    ],
)
def test_bodies(body: bytes, fault: str | None):
    assert kind(dialect("messages").read(body)) == fault


def test_llama_server_messages():
    answer = read_stream("messages", (WIRE / "llama_server_messages.sse").read_bytes())
    assert (answer.text, answer.finish_reasons, len(answer.output_ns)) == (" help men two", ["max_tokens"], 3)
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.fault) == (10, 3, 7, None)


def test_the_key_has_a_header_of_its_own():
    assert Messages().headers("secret") == {"x-api-key": "secret", "anthropic-version": API_VERSION}
    assert Messages().headers(None) == {"anthropic-version": API_VERSION}
