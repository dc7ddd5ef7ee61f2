"""Chat and completions: what counts as output, as an end, as usage; on the shapes that real servers send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from perfbench.engine.dialect.base import dialect
from perfbench.engine.request import Answer
from tests.engine.dialect.streams import DONE, kind, read_stream, seen, sse

WIRE = Path(__file__).parent / "wire"


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return orjson.dumps({"id": "x", "object": "chat.completion.chunk", "choices": [choice]} | more)


def usage_chunk(**usage: Any) -> bytes:
    return orjson.dumps({"choices": [], "usage": usage})


def stream(*payloads: bytes, done: bool = True) -> Answer:
    """One event a read, so that instants are 1000, 1001, ..."""
    return read_stream("chat", *(sse(payload) for payload in payloads), *([DONE] if done else []))


def call(index: int | None = 0, **more: Any) -> dict[str, Any]:
    piece = {name: more.pop(name) for name in ("id",) if name in more} | {"function": more}
    return {"tool_calls": [piece if index is None else {"index": index} | piece]}


@pytest.mark.parametrize(
    ("delta", "counts"),
    [
        pytest.param({"content": "a"}, True, id="content"),
        pytest.param({"content": " "}, True, id="a space is text"),
        pytest.param({"reasoning_content": "a"}, True, id="reasoning_content"),
        pytest.param({"reasoning": "a"}, True, id="reasoning"),
        pytest.param({"role": "assistant", "content": "a"}, True, id="role and content together (litellm)"),
        pytest.param(call(id="c", name="f"), True, id="the name of a function"),
        pytest.param(call(arguments="{"), True, id="arguments of a function"),
        pytest.param({"content": [{"type": "text", "text": "a"}]}, True, id="content in parts"),
        pytest.param({"role": "assistant"}, False, id="a role"),
        pytest.param({"role": "assistant", "content": None}, False, id="a role with null (llama-server)"),
        pytest.param({"role": "assistant", "content": ""}, False, id="a role with nothing"),
        pytest.param({}, False, id="an empty delta"),
        pytest.param({"content": ""}, False, id="empty content"),
        pytest.param({"content": []}, False, id="no parts"),
        pytest.param({"content": None, "reasoning_content": ""}, False, id="empty reasoning"),
        pytest.param({"tool_calls": []}, False, id="no tool calls"),
        pytest.param(call(id="c", arguments=""), False, id="the id of a tool call alone"),
    ],
)
def test_what_counts_as_output(delta: dict[str, Any], counts: bool):
    answer = stream(chunk({"role": "assistant"}), chunk(delta), chunk({}, "stop"), usage_chunk(completion_tokens=1))
    assert answer.output_ns == ([1001] if counts else [])
    assert answer.fault is None


def test_comments_and_blanks_are_no_output():
    answer = read_stream("chat", b": ping\n\n", b"data:\n\n", sse(chunk({"content": "a"})), sse(chunk({}, "stop")))
    assert answer.output_ns == [1002] and answer.fault is None


def test_the_first_answer_is_the_first_output_that_is_not_reasoning():
    answer = stream(
        chunk({"reasoning_content": "hm"}),
        chunk({"reasoning_content": "m"}),
        chunk({"content": "a"}),
        chunk({}, "stop"),
    )
    assert (answer.output_ns, answer.first_answer_ns) == ([1000, 1001, 1002], 1002)
    assert (answer.reasoning, answer.text) == ("hmm", "a")


def test_reasoning_alone_is_no_answer_yet():
    answer = stream(chunk({"reasoning": "hm"}), chunk({}, "length"))
    assert (answer.output_ns, answer.first_answer_ns, answer.text, answer.reasoning) == ([1000], None, "", "hm")


def test_reasoning_under_both_names_is_counted_once():
    assert stream(chunk({"reasoning_content": "hm", "reasoning": "hm"}), chunk({}, "stop")).reasoning == "hm"


def test_a_tool_call_is_an_answer():
    assert stream(chunk({"reasoning": "hm"}), chunk(call(name="f")), chunk({}, "tool_calls")).first_answer_ns == 1001


def test_content_in_parts_may_hold_reasoning():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    answer = stream(
        chunk({"content": [thinking]}), chunk({"content": [{"type": "text", "text": "a"}]}), chunk({}, "stop")
    )
    assert (answer.reasoning, answer.text, answer.first_answer_ns) == ("hm", "a", 1001)


@pytest.mark.parametrize(
    ("payloads", "done", "fault"),
    [
        pytest.param([chunk({"content": "a"}), chunk({}, "stop")], True, None, id="finish_reason and DONE"),
        pytest.param([chunk({"content": "a"}), chunk({}, "stop")], False, None, id="no DONE (transformers)"),
        pytest.param([chunk({"content": "a"}, "length")], True, None, id="finish_reason with the last content"),
        pytest.param([chunk({"content": "a"})], True, "no_finish", id="DONE without finish_reason is a cut answer"),
        pytest.param([chunk({"content": "a"})], False, "no_finish", id="neither"),
        pytest.param([chunk({"content": "a"}), chunk({}, "")], True, "no_finish", id="an empty finish_reason is none"),
        pytest.param([chunk({}, "stop")], True, None, id="an empty answer with a finish_reason is whole"),
        pytest.param([], True, "empty_reply", id="DONE alone"),
        pytest.param([], False, "empty_reply", id="nothing"),
        pytest.param([usage_chunk(completion_tokens=0)], True, "empty_reply", id="usage alone"),
        pytest.param([chunk({"content": "a"}, "error")], True, "stream_error", id="finish_reason error"),
        pytest.param([chunk({"content": "a"}, "abort")], True, "stream_error", id="finish_reason abort"),
        pytest.param(
            [chunk({}, "stop"), chunk({"content": "b"}, index=1)], True, "no_finish", id="one choice of two ends"
        ),
        pytest.param([chunk({}, "stop"), chunk({}, "stop", index=1)], True, None, id="both do"),
        pytest.param([chunk({}, "stop"), chunk({})], True, None, id="an empty delta after the end (litellm)"),
    ],
)
def test_when_a_stream_is_whole(payloads: list[bytes], done: bool, fault: str | None):
    assert kind(stream(*payloads, done=done)) == fault


def test_a_broken_wire_gets_no_second_fault():
    answer = read_stream("chat", sse(chunk({"content": "a"})), b'data: {"cho', complete=False)
    assert (answer.text, answer.output_ns, answer.fault) == ("a", [1000], None)


def test_a_cut_last_event_is_a_fault_when_the_body_is_over():
    answer = read_stream("chat", sse(chunk({"content": "a"})) + b'data: {"cho')
    assert answer.fault is not None and answer.fault.kind == "bad_event" and "event 2" in answer.fault.detail


def test_choices_interleave():
    answer = stream(
        chunk({"content": "b"}, index=1),
        chunk({"content": "a"}),
        chunk({"content": "B"}, index=1),
        chunk({"content": "A"}),
        chunk({}, "stop", index=1),
        chunk({}, "length"),
    )
    assert answer.text == "aA" and answer.extra == {"choices": ["aA", "bB"]}
    assert answer.finish_reasons == ["length", "stop"] and len(answer.output_ns) == 4


def test_two_choices_in_one_event_are_one_instant():
    choices = [{"index": i, "delta": {"content": "x"}, "finish_reason": "stop"} for i in (0, 1)]
    answer = stream(orjson.dumps({"choices": choices}))
    assert answer.output_ns == [1000] and answer.extra == {"choices": ["x", "x"]}


FULL = {
    "prompt_tokens": 5,
    "completion_tokens": 7,
    "total_tokens": 12,
    "completion_tokens_details": {"reasoning_tokens": 3},
    "prompt_tokens_details": {"cached_tokens": 2},
}


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([chunk({}, "stop"), usage_chunk(**FULL)], id="in a chunk of its own"),
        pytest.param([chunk({}, "stop"), chunk({}, usage=FULL)], id="in a chunk with one empty delta (litellm)"),
        pytest.param([chunk({}, "stop", usage=FULL)], id="in the finish chunk (transformers)"),
        pytest.param(
            [chunk({}, usage={"prompt_tokens": 5, "completion_tokens": 1}), chunk({}, "stop", usage=FULL)],
            id="in every chunk",
        ),
        pytest.param([chunk({}, "stop", usage=FULL), chunk({}, usage=None)], id="null after it"),
        pytest.param([chunk({}, "stop", usage=FULL), usage_chunk()], id="an empty one after it"),
        pytest.param(
            [chunk({}, "stop", usage=FULL), usage_chunk(prompt_tokens=0, completion_tokens=0)],
            id="zeros after it (litellm)",
        ),
        pytest.param([chunk({}, "stop"), usage_chunk(**FULL | {"completion_tokens": 7.0})], id="as a float"),
    ],
)
def test_usage(payloads: list[bytes]):
    answer = stream(chunk({"content": "a"}), *payloads)
    counts = (answer.input_tokens, answer.output_tokens, answer.reasoning_tokens, answer.cached_tokens)
    assert counts == (5, 7, 3, 2) and answer.output_ns == [1000] and answer.fault is None
    assert all(type(count) is int for count in counts)


def test_without_usage_nothing_is_counted():
    answer = stream(chunk({"content": "a"}), chunk({}, "stop"))
    assert (answer.input_tokens, answer.output_tokens, answer.reasoning_tokens, answer.cached_tokens) == (None,) * 4


def function(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("deltas", "calls"),
    [
        pytest.param(
            [call(id="c", name="f", arguments=""), call(arguments='{"a"'), call(arguments=":1}")],
            [function("c", "f", '{"a":1}')],
            id="in pieces",
        ),
        pytest.param(
            [call(1, id="d", name="g"), call(0, id="c", name="f"), call(1, arguments="{}"), call(0, arguments="[]")],
            [function("c", "f", "[]"), function("d", "g", "{}")],
            id="two, interleaved",
        ),
        pytest.param(
            [call(None, id="c", name="f", arguments="{}"), call(None, id="d", name="g", arguments="[]")],
            [function("c", "f", "{}"), function("d", "g", "[]")],
            id="whole ones without an index",
        ),
        pytest.param(
            [call(None, id="c", name="f"), call(None, arguments="{}")],
            [function("c", "f", "{}")],
            id="pieces without an index",
        ),
        pytest.param(
            [call(id="c", name="f", arguments={"a": 1})], [function("c", "f", '{"a":1}')], id="arguments as an object"
        ),
    ],
)
def test_tool_calls_are_put_together(deltas: list[dict[str, Any]], calls: list[dict[str, Any]]):
    answer = stream(*map(chunk, deltas), chunk({}, "tool_calls"))
    assert answer.tool_calls == calls and answer.text == "" and len(answer.output_ns) == len(deltas)


def test_logprobs_are_kept():
    first, second = ({"content": [{"token": token, "logprob": -1.0}]} for token in "ab")
    payloads = [
        orjson.dumps({"choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": given}]})
        for given in (first, second, None)
    ]
    answer = stream(*payloads, chunk({}, "stop"))
    assert answer.extra is not None and [entry["token"] for entry in answer.extra["logprobs"]["content"]] == ["a", "b"]


def test_streamed_or_not_the_answer_is_the_same():
    message = {
        "role": "assistant",
        "content": "hello",
        "reasoning_content": "hm",
        "tool_calls": [function("c", "f", "{}")],
    }
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": FULL}
    whole = dialect("chat").read(orjson.dumps(body))
    pieces = [
        {"reasoning_content": "hm"},
        {"content": "hel"},
        {"content": "lo"},
        call(id="c", name="f"),
        call(arguments="{}"),
    ]
    streamed = stream(*map(chunk, pieces), chunk({}, "stop"), usage_chunk(**FULL))
    assert whole.output_ns == [] and whole.first_answer_ns is None, "a body has no instants of its own"
    streamed.output_ns, streamed.first_answer_ns = [], None
    assert seen(whole) == seen(streamed)


@pytest.mark.parametrize("api", ["chat", "completions"])
@pytest.mark.parametrize(
    ("body", "fault", "says"),
    [
        pytest.param(b'{"error":{"message":"no"}}', "error_body", "no", id="an error object"),
        pytest.param(b'{"object":"error","message":"no"}', "error_body", "no", id="vLLM's older shape"),
        pytest.param(b'{"detail":"no"}', "error_body", "no", id="FastAPI's"),
        pytest.param(b"<html>hello</html>", "bad_body", "<html>", id="a page"),
        pytest.param(b"", "bad_body", "empty", id="nothing"),
        pytest.param(b"[]", "bad_body", "[]", id="a list"),
        pytest.param(b'{"choices":[{"ind', "bad_body", "choices", id="half of it"),
        pytest.param(b'{"choices":[]}', "empty_reply", "choice", id="no choices"),
        pytest.param(b'{"choices":null}', "empty_reply", "choice", id="null for choices"),
        pytest.param(b"{}", "empty_reply", "choice", id="an empty object"),
        pytest.param(
            b'{"choices":[{"index":0,"text":"a","message":{"content":"a"}}]}', "no_finish", "choice 0", id="no finish"
        ),
        pytest.param(
            b'{"choices":[{"index":0,"finish_reason":"error"}]}', "error_body", "error", id="finish_reason error"
        ),
    ],
)
def test_bodies_that_are_no_answer(api: str, body: bytes, fault: str, says: str):
    answer = dialect(api).read(body)
    assert answer.fault is not None
    assert answer.fault.kind == fault and says in answer.fault.detail


def test_a_null_content_is_an_empty_text():
    answer = dialect("chat").read(b'{"choices":[{"index":0,"message":{"content":null},"finish_reason":"stop"}]}')
    assert answer.text == "" and answer.fault is None


def test_completions_stream():
    def piece(text: str, **more: Any) -> bytes:
        return sse(orjson.dumps({"choices": [{"index": 0, "text": text, "finish_reason": None} | more]}))

    logprobs = [{"tokens": [token], "token_logprobs": [-1.0], "text_offset": [at]} for at, token in enumerate("ab")]
    reads = [
        piece("a", logprobs=logprobs[0]),
        piece("b", logprobs=logprobs[1]),
        piece("", finish_reason="length"),
        DONE,
    ]
    answer = read_stream("completions", *reads)
    assert (answer.text, answer.output_ns, answer.finish_reasons, answer.fault) == (
        "ab",
        [1000, 1001],
        ["length"],
        None,
    )
    assert answer.first_answer_ns == 1000
    assert answer.extra == {"logprobs": {"tokens": ["a", "b"], "token_logprobs": [-1.0, -1.0], "text_offset": [0, 1]}}


@pytest.mark.parametrize("given", [None, [None, {"7": {"logprob": -1.5, "rank": 2, "decoded_token": " day"}}]])
def test_likelihoods_of_the_prompt_are_kept_if_any_came(given):
    choice = {"index": 0, "text": "a", "finish_reason": "length", "prompt_logprobs": given}
    answer = dialect("completions").read(orjson.dumps({"choices": [choice]}))
    assert answer.extra == (None if given is None else {"prompt_logprobs": given})


def test_completions_body():
    body = {"choices": [{"index": i, "text": text, "finish_reason": "stop"} for i, text in enumerate("ab")]}
    answer = dialect("completions").read(orjson.dumps(body))
    assert (answer.text, answer.extra, answer.finish_reasons) == ("a", {"choices": ["a", "b"]}, ["stop", "stop"])


def test_llama_server_chat():
    answer = read_stream("chat", (WIRE / "llama_server_chat.sse").read_bytes())
    assert (answer.text, answer.finish_reasons, len(answer.output_ns)) == (" line has up way", ["length"], 4)
    assert (answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.fault) == (10, 4, 0, None)
    assert answer.extra is not None and answer.extra["timings"]["predicted_n"] == 4


def test_llama_server_chat_with_two_choices():
    answer = read_stream("chat", (WIRE / "llama_server_chat_n2.sse").read_bytes())
    assert answer.finish_reasons == ["length", "length"] and len(answer.output_ns) == 6 and answer.fault is None
    assert (
        answer.extra is not None and len(answer.extra["choices"]) == 2 and len(answer.extra["logprobs"]["content"]) == 3
    )


def test_llama_server_completions():
    answer = read_stream("completions", (WIRE / "llama_server_completions.sse").read_bytes())
    assert (answer.text, answer.finish_reasons, answer.output_tokens) == (" find found move", ["length"], 3)
    assert answer.fault is None
