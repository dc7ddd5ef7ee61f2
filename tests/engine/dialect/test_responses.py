"""OpenAI responses: deltas, ends, counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from perfbench.engine.dialect.base import dialect
from perfbench.engine.request import Answer
from tests.engine.dialect.streams import kind, read_stream, seen, sse

WIRE = Path(__file__).parent / "wire"
USAGE = {
    "input_tokens": 9,
    "output_tokens": 3,
    "input_tokens_details": {"cached_tokens": 7},
    "output_tokens_details": {"reasoning_tokens": 1},
}


def event(kind: str, **more: Any) -> bytes:
    return sse(orjson.dumps({"type": kind} | more))


def closed(status: str = "completed", **more: Any) -> bytes:
    return event(f"response.{status}", response={"status": status} | more)


CREATED = event("response.created", response={"status": "in_progress", "output": []})
HELLO = event("response.output_text.delta", item_id="m", delta="hello")


def stream(*reads: bytes) -> Answer:
    return read_stream("responses", *reads)


def called(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_a_response_in_pieces():
    answer = stream(
        CREATED,
        event("response.output_item.added", item={"type": "reasoning", "id": "r", "summary": []}),
        event("response.reasoning_text.delta", item_id="r", delta="h"),
        event("response.reasoning_summary_text.delta", item_id="r", delta="m"),
        event("response.output_item.added", item={"type": "message", "id": "m", "content": []}),
        event("response.output_text.delta", item_id="m", delta=""),
        HELLO,
        event("response.output_text.done", item_id="m", text="hello"),
        closed(usage=USAGE),
    )
    assert (answer.text, answer.reasoning, answer.fault) == ("hello", "hm", None)
    assert (answer.output_ns, answer.first_answer_ns) == ([1002, 1003, 1006], 1006)
    counts = (answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.reasoning_tokens)
    assert counts == (9, 3, 7, 1) and answer.finish_reasons == ["completed"]


def test_a_tool_call():
    def item(id: str, call_id: str, name: str) -> bytes:
        given = {"type": "function_call", "id": id, "call_id": call_id, "name": name, "arguments": ""}
        return event("response.output_item.added", item=given)

    def more(id: str, text: str) -> bytes:
        return event("response.function_call_arguments.delta", item_id=id, delta=text)

    answer = stream(item("i", "c", "f"), item("j", "d", "g"), more("i", "{"), more("j", "[]"), more("i", "}"), closed())
    assert answer.tool_calls == [called("c", "f", "{}"), called("d", "g", "[]")]
    assert (answer.output_ns, answer.first_answer_ns) == ([1000, 1001, 1002, 1003, 1004], 1000)


@pytest.mark.parametrize(
    ("reads", "fault", "reasons"),
    [
        pytest.param([CREATED, HELLO, closed()], None, ["completed"], id="completed"),
        pytest.param(
            [CREATED, HELLO, closed("incomplete", incomplete_details={"reason": "max_output_tokens"})],
            None,
            ["max_output_tokens"],
            id="incomplete, with its reason",
        ),
        pytest.param([CREATED, HELLO, closed("incomplete")], None, ["incomplete"], id="incomplete, without one"),
        pytest.param([CREATED, closed()], None, ["completed"], id="an empty answer"),
        pytest.param([CREATED, HELLO], "no_finish", [], id="not closed"),
        pytest.param([], "empty_reply", [], id="nothing"),
        pytest.param([CREATED, HELLO, closed("failed", error={"message": "no"})], "stream_error", [], id="failed"),
        pytest.param([CREATED, HELLO, closed("failed")], "stream_error", [], id="failed, without a reason"),
        pytest.param([CREATED, HELLO, closed("cancelled")], "stream_error", [], id="cancelled"),
        pytest.param([CREATED, event("error", code="x", message="no")], "stream_error", [], id="error event"),
        pytest.param([sse(b'{"error":{"message":"no"}}')], "stream_error", [], id="an error object"),
        pytest.param([sse(b'{"object":"error","message":"no"}')], "stream_error", [], id="vLLM's older shape"),
        pytest.param(
            [b'event: error\ndata: {"message":"no"}\n\n'], "stream_error", [], id="an error by its event line"
        ),
        pytest.param([CREATED, sse(b"oops"), HELLO, closed()], "bad_event", ["completed"], id="a broken event"),
    ],
)
def test_when_a_stream_is_whole(reads: list[bytes], fault: str | None, reasons: list[str]):
    answer = stream(*reads)
    assert (kind(answer), answer.finish_reasons) == (fault, reasons)
    if fault == "stream_error":
        assert answer.fault is not None and answer.fault.detail


OUTPUT = [
    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
    {
        "type": "message",
        "id": "m",
        "content": [{"type": "output_text", "text": "hel"}, {"type": "output_text", "text": "lo"}],
    },
    {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": "{}"},
]


def test_streamed_or_not_the_answer_is_the_same():
    whole = dialect("responses").read(orjson.dumps({"status": "completed", "output": OUTPUT, "usage": USAGE}))
    assert (whole.text, whole.reasoning, whole.tool_calls) == ("hello", "hm", [called("c", "f", "{}")])
    assert whole.output_ns == [] and whole.first_answer_ns is None and whole.fault is None
    assert seen(stream(CREATED, closed(output=OUTPUT, usage=USAGE))) == seen(whole), "told only at the end"
    assert stream(CREATED, HELLO, closed(output=OUTPUT)).text == "hello", "told twice, counted once"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param(b'{"error":{"message":"no"}}', "error_body", id="an error object"),
        pytest.param(b'{"status":"failed","output":[],"error":{"message":"no"}}', "error_body", id="failed"),
        pytest.param(b'{"status":"completed","output":[],"error":null}', None, id="an empty answer"),
        pytest.param(b'{"status":"in_progress","output":[]}', "no_finish", id="not at its end"),
        pytest.param(b"{}", "empty_reply", id="an empty object"),
        pytest.param(b"oops", "bad_body", id="no JSON"),
    ],
)
def test_bodies(body: bytes, fault: str | None):
    assert kind(dialect("responses").read(body)) == fault


def test_llama_server_responses():
    answer = read_stream("responses", (WIRE / "llama_server_responses.sse").read_bytes())
    assert (answer.text, answer.finish_reasons, len(answer.output_ns)) == (" world do people", ["completed"], 3)
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.fault) == (9, 3, 7, None)
    assert answer.extra is not None and answer.extra["timings"]["predicted_n"] == 3
