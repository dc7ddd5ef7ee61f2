"""Reading a stream of JSON: what is broken is found and named, and nothing else is touched by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.dialect.streams import DONE, cut, kind, read_stream, seen, sse

HELLO = b'{"choices":[{"index":0,"delta":{"content":"hello"}}]}'
WORLD = b'{"choices":[{"index":0,"delta":{"content":" world"}}]}'
STOP = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
WIRE = Path(__file__).parent / "wire"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b'{"id": "broke', id="cut inside a string"),
        pytest.param(b'{"choices":[{"index":0', id="cut inside an object"),
        pytest.param(b"{}{}", id="two objects"),
        pytest.param(b"{} {}", id="two objects with a space"),
        pytest.param(b"{},{}", id="two objects with a comma"),
        pytest.param(b"1,2", id="two numbers"),
        pytest.param(b"]", id="a bracket"),
        pytest.param(b"[]", id="a list is no event"),
        pytest.param(b'"hello"', id="a string is no event"),
        pytest.param(b"null", id="nor is null"),
        pytest.param(b"oops", id="no JSON at all"),
        pytest.param(b'{"a":"\xff"}{', id="bytes that are no text"),
        pytest.param(b'{"choices":[{"delta":{"content":"\xff"}}]}', id="text that is no UTF-8"),
        pytest.param(b'{"choices":[{"delta":{"content":5}}]}', id="a number where text belongs"),
        pytest.param(b'{"choices":{}}', id="choices that are no list"),
        pytest.param(b'{"choices":' + b"[" * 100_000 + b"}", id="nested beyond measure"),
        pytest.param(b'{"a":NaN}', id="NaN"),
    ],
)
def test_a_broken_event_is_named_and_the_others_count(broken: bytes):
    for reads in ([sse(HELLO, broken, WORLD, STOP) + DONE], [sse(HELLO), sse(broken), sse(WORLD), sse(STOP), DONE]):
        answer = read_stream("chat", *reads, spills=range(len(reads)))
        assert answer.text == "hello world" and answer.finish_reasons == ["stop"] and len(answer.output_ns) == 2
        assert answer.fault is not None and answer.fault.kind == "bad_event"
        assert answer.fault.detail.startswith("event 2: ")
        assert len(answer.fault.detail) < 400


def test_only_the_first_fault_is_told():
    answer = read_stream("chat", sse(HELLO, b"oops", b'{"error":"late"}', b"again", STOP))
    assert answer.fault is not None and "event 2" in answer.fault.detail and "oops" in answer.fault.detail


def test_the_excerpt_of_a_broken_event_is_short():
    answer = read_stream("chat", sse(b'{"x":"' + b"y" * 100_000))
    assert answer.fault is not None and len(answer.fault.detail) < 300


PIECES = st.sampled_from(
    [b"{", b"}", b"{}", b'{"a":', b"1", b",", b'"', b"[", b"]", b'"b":', b'\\"', b" ", b"}{", b"},{"]
)


@given(st.lists(st.lists(PIECES, max_size=4).map(b"".join), min_size=1, max_size=6), st.sampled_from([b"\n", b"\r\n"]))
def test_payloads_that_are_only_valid_together_are_not_valid(payloads: list[bytes], line_end: bytes):
    def valid(payload: bytes) -> bool:
        try:
            return isinstance(json.loads(payload), dict)
        except ValueError:
            return not payload.strip()  # blank data is no event

    fault = read_stream("chat", sse(HELLO, STOP, *payloads).replace(b"\n", line_end)).fault
    if all(map(valid, payloads)):
        assert fault is None
    else:
        told = [payload for payload in payloads if payload.strip()]
        first = next(nth for nth, payload in enumerate(told) if not valid(payload))
        assert fault is not None and fault.kind == "bad_event" and fault.detail.startswith(f"event {3 + first}: ")


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([b'{"a":', b"1}", b"{}{}"], id="one value over two events, and two in one"),
        pytest.param([b'{"a":[1', b"2]}", b"{},{}"], id="the same, were they joined by commas"),
        pytest.param([b'{"a":[[1', b"2]]}", b"{},{}"], id="nested deeper"),
        pytest.param([b'{"a":"x', b'y"}', b"{}{}"], id="inside a string"),
        pytest.param([b'{"a":{}', b"{}}", b"{}{}"], id="with braces at both ends"),
        pytest.param([b'{"a":[{}', b"{}]}", b"{}{}"], id="in a list, with braces at one end"),
        pytest.param([b'{"a":[{}', b",{}]}", b"{}{}"], id="all ends are braces, one beginning is not"),
        pytest.param([b'{"a":', b"{}}", b"{}{}"], id="all beginnings are braces, one end is not"),
    ],
)
def test_two_wrongs_do_not_make_a_right(payloads: list[bytes]):
    for line_end in (b"\n", b"\r\n"):
        answer = read_stream("chat", sse(HELLO, *payloads, STOP).replace(b"\n", line_end))
        assert answer.fault is not None and answer.fault.detail.startswith("event 2: ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(sse(b'{"error":{"message":"engine died","code":500}}'), "engine died", id="an error object"),
        pytest.param(sse(b'{"error":"engine died"}'), "engine died", id="an error text"),
        pytest.param(sse(b'{"error":{"code":500}}'), '{"code":500}', id="an error without a message"),
        pytest.param(
            sse(b'{"object":"error","message":"engine died","type":"x","code":400}'),
            "engine died",
            id="vLLM's older shape",
        ),
        pytest.param(sse(b'{"detail":"engine died"}'), "engine died", id="FastAPI's"),
        pytest.param(b'event: error\ndata: {"message":"engine died"}\n\n', "engine died", id="event: error"),
        pytest.param(b"event: error\ndata: engine died\n\n", "engine died", id="event: error with plain text"),
        pytest.param(
            b'error: {"code":500,"message":"engine died"}\n\n', "engine died", id="llama-server's older shape"
        ),
        pytest.param(
            sse(b'{"error":{"message":"engine died"},"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}'),
            "engine died",
            id="beside choices",
        ),
    ],
)
def test_an_error_in_the_stream_is_the_fault(body: bytes, message: str):
    for around in ((sse(HELLO), b""), (sse(HELLO), sse(STOP) + DONE), (b"", DONE)):
        for crlf in (False, True):
            whole = around[0] + body + around[1]
            answer = read_stream("chat", whole.replace(b"\n", b"\r\n") if crlf else whole)
            assert answer.fault is not None
            assert (answer.fault.kind, answer.fault.detail) == ("stream_error", message)
            assert answer.text in ("hello", None, "")


@pytest.mark.parametrize("error", [b"null", b'""', b"false"])
def test_an_error_field_that_says_nothing_is_none(error: bytes):
    assert read_stream("chat", sse(HELLO[:-1] + b',"error":' + error + b"}", STOP)).fault is None


@pytest.mark.parametrize("api", ["embeddings", "rerank", "models"])
def test_an_event_stream_is_no_answer_where_nothing_streams(api: str):
    assert kind(read_stream(api, sse(HELLO, STOP), spills=[0])) == "bad_body"
    assert kind(read_stream(api, sse(HELLO), complete=False)) is None, "the wire's own fault says more"


BODIES = {
    "chat": sse(b'{"choices":[{"index":0,"delta":{"role":"assistant"}}]}', HELLO)
    + b": ping\n\n"
    + sse(WORLD, STOP)
    + DONE,
    "chat broken": sse(HELLO, b'{"id": "broke', WORLD, b'{"error":"x"}', STOP) + DONE,
    "chat crlf": (sse('{"choices":[{"delta":{"content":"ä€😀"}}]}'.encode(), STOP) + DONE).replace(b"\n", b"\r\n"),
    "chat cut short": sse(HELLO, WORLD)[:-10],
} | {path.stem.removeprefix("llama_server_") + " real": path.read_bytes() for path in sorted(WIRE.glob("*.sse"))}


@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_cuts_and_takings_change_no_answer(name: str, data: st.DataObject):
    api, body = name.split(" ")[0].split("_")[0], BODIES[name]
    points = data.draw(st.lists(st.integers(0, len(body)), max_size=40))
    reads = cut(body, points)
    at_once = read_stream(api, *reads)
    spilled = read_stream(api, *reads, spills=data.draw(st.lists(st.integers(0, len(reads)), max_size=10)))
    assert seen(spilled) == seen(at_once), "wherever it was taken, instants included"
    whole, instants = seen(read_stream(api, body)), {"output_ns", "first_answer_ns"}
    assert {k: v for k, v in whole.items() if k not in instants} == {
        k: v for k, v in seen(at_once).items() if k not in instants
    }, "wherever it was cut, but for the instants"
    assert len(at_once.output_ns) == len(whole["output_ns"])
    assert at_once.output_ns == sorted(at_once.output_ns)
