"""Whatever a server sends, a dialect answers or names a fault; it never raises."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.engine.dialect.base import DIALECTS, dialect
from perfbench.engine.errors import KINDS
from perfbench.engine.request import Answer
from tests.engine.dialect.streams import read_stream, sse

WIRE = Path(__file__).parent / "wire"
CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USAGE = {
    "prompt_tokens": 1,
    "completion_tokens": 2,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
MESSAGE = {"role": "assistant", "content": "a", "reasoning_content": "b", "reasoning": "b", "tool_calls": [CALL]}
CHOICE = {
    "index": 0,
    "message": MESSAGE,
    "delta": MESSAGE,
    "text": "a",
    "finish_reason": "stop",
    "logprobs": {"x": [1]},
}
ITEM = {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = [ITEM, {"type": "message", "content": [{"text": "a"}]}, {"type": "reasoning", "summary": [{"text": "a"}]}]
COUNTS = {"input_tokens": 1, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
RESPONSE = {"status": "incomplete", "incomplete_details": {"reason": "x"}, "output": OUTPUT, "usage": COUNTS}
BLOCKS = [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]
TOLD = {
    "type": "message",
    "content": BLOCKS,
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
BY_HAND: dict[str, list[dict[str, Any]]] = {
    "chat": [{"choices": [CHOICE], "usage": USAGE, "timings": {}}, {"error": {"message": "no"}}, {"detail": "no"}],
    "completions": [{"choices": [CHOICE], "usage": USAGE}],
    "responses": [
        RESPONSE,
        {"type": "response.incomplete", "response": RESPONSE},
        {"type": "response.output_item.added", "item": ITEM},
        {"type": "response.function_call_arguments.delta", "item_id": "i", "delta": "{}"},
        {"type": "error", "message": "no"},
    ],
    "messages": [
        TOLD,
        {"type": "content_block_start", "index": 0, "content_block": BLOCKS[1]},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "error", "error": {"message": "no"}},
    ],
    "embeddings": [{"data": [{"index": 0, "embedding": [0.5]}, {"index": 1, "embedding": "AACAPw=="}], "usage": USAGE}],
    "rerank": [{"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"prompt_tokens": 1, "total_tokens": 1}}],
    "models": [{"data": [{"id": "a"}]}],
}
TEMPLATES = {
    api: by_hand
    + [
        msgspec.json.decode(line[6:])
        for path in WIRE.glob(f"llama_server_{api}*.sse")
        for line in path.read_bytes().splitlines()
        if line.startswith(b"data: {")
    ]
    for api, by_hand in BY_HAND.items()
}
ODD = st.recursive(
    st.one_of(
        st.sampled_from([None, True, False, 0, -1, 10**30, 1e300, 0.5, "", "x", "error", {}, []]), st.text(max_size=3)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["text", "thinking", "message", "x"]), inner)
    ),
    max_leaves=4,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place inside a JSON value: what holds it, and where in there."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


@st.composite
def spoilt(draw: st.DrawFn, templates: list[dict[str, Any]]) -> bytes:
    """A reply as it should be, but for one or two places."""
    reply = copy.deepcopy(draw(st.sampled_from(templates)))
    for _ in range(draw(st.integers(0, 2))):
        holder, key = draw(st.sampled_from(list(places([reply]))[1:]))
        holder[key] = draw(ODD)
    return msgspec.json.encode(reply)


@pytest.mark.parametrize("api", DIALECTS)
@given(data=st.data())
def test_no_reply_makes_a_dialect_raise(api: str, data: st.DataObject):
    events = data.draw(st.lists(spoilt(TEMPLATES[api]), min_size=1, max_size=4))
    tail = data.draw(st.binary(max_size=10))
    check(dialect(api).read(events[0]))
    check(dialect(api).read(events[0] + tail))
    check(read_stream(api, sse(*events) + tail))


def check(answer: Answer) -> None:
    assert answer.fault is None or (answer.fault.kind in KINDS and len(answer.fault.detail) < 1000)
    assert answer.text is None or isinstance(answer.text, str)
    assert all(isinstance(reason, str) for reason in answer.finish_reasons)
    for count in (answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.reasoning_tokens):
        assert count is None or (type(count) is int and 0 <= count < 1 << 55)
    msgspec.json.encode(
        [answer.text, answer.reasoning, answer.tool_calls, answer.extra]
    )  # what records may have to hold


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"error":' + b"9" * 40 + b"}", id="an error that is a huge number"),
        pytest.param(
            b'{"choices":[],"usage":{"prompt_tokens":1e300,"completion_tokens":-1}}', id="counts beyond reason"
        ),
        pytest.param(
            b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":' + b"9" * 40 + b"}}]}}]}",
            id="arguments that are a huge number",
        ),
        pytest.param(
            b'{"choices":[{"message":{"content":[1,{"text":2,"thinking":[3]},{"thinking":4}]}}]}', id="odd parts"
        ),
        pytest.param(b"[" * 100_000, id="nested beyond measure"),
        pytest.param(b"\xff\xfe", id="bytes that are no text"),
    ],
)
@pytest.mark.parametrize("api", DIALECTS)
def test_odd_replies(api: str, body: bytes):
    answer = dialect(api).read(body)
    assert answer.fault is not None and answer.fault.kind in KINDS
    assert answer.input_tokens is None and answer.output_tokens is None
    assert read_stream(api, sse(body)).fault is not None
