"""The wire shapes of real servers, from their first byte to the answer that a dialect reads out of them.

Each row is a server seen in the field: how it begins, where its usage stands, how it ends. The bytes travel through
each transport; whole, cut into single bytes, and event by event.
"""

from dataclasses import dataclass, field

import orjson
import pytest

from perfbench.engine.dialect.base import dialect
from tests.engine.transport.dialects import a_request
from tests.engine.transport.rogue import END, SSE, Connection, chunk, chunked_head, rogue

DONE = b"data: [DONE]\n\n"


def event(value: object, name: str | None = None) -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(value) + b"\n\n"


def named(kind: str, **more: object) -> bytes:
    """An event whose type stands in both of its lines."""
    return event({"type": kind, **more}, kind)


def text_block(text: str) -> bytes:
    return named("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def delta(finish: str | None = None, usage: object = None, **what: object) -> bytes:
    value: dict[str, object] = {"choices": [{"index": 0, "delta": what, "finish_reason": finish}]}
    return event(value | ({"usage": usage} if usage else {}))


def usage_only(prompt: int, completion: int, **more: object) -> bytes:
    return event({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}, **more})


@dataclass(frozen=True)
class Shape:
    chunks: tuple[bytes, ...]  # of the HTTP coding; one may hold several events
    text: str
    outputs: int  # events that carried output
    tokens: int | None
    fault: str | None = None
    api: str = "chat"
    head: bytes = field(default=SSE)


SHAPES = {
    "llama-server: two events in the first chunk, usage and timings in a chunk of their own": Shape(
        (
            delta(role="assistant", content=None) + delta(content="Hel"),
            delta(content="lo"),
            delta("stop"),
            usage_only(7, 3, timings={"prompt_ms": 1.0}),
            DONE,
        ),
        "Hello", 2, 3,
    ),
    "llama-cpp-python: pings before the first token, no usage": Shape(
        (
            b": ping - 2025-01-01 00:00:00+00:00\r\n\r\n", b": ping - 2025-01-01 00:00:15+00:00\r\n\r\n",
            delta(role="assistant"), delta(content="Hel"), delta(content="lo"), delta("stop"), DONE,
        ),
        "Hello", 2, None,
    ),
    "llama-cpp-python interrupted: [DONE] without a finish_reason is a cut answer": Shape(
        (delta(role="assistant"), delta(content="Hel"), DONE), "Hel", 1, None, "no_finish"
    ),
    "transformers: usage in the finish chunk, no [DONE]": Shape(
        (
            delta(role="assistant"), delta(content="Hel"), delta(content="lo"),
            delta("stop", {"prompt_tokens": 7, "completion_tokens": 3}),
        ),
        "Hello", 2, 3,
    ),
    "litellm: role and content together, usage beside an empty delta": Shape(
        (
            delta(role="assistant", content="Hel"), delta(content="lo"), delta("stop"),
            delta(usage={"prompt_tokens": 7, "completion_tokens": 19}), DONE,
        ),
        "Hello", 2, 19,
        head=SSE + b"".join(b"x-litellm-%d: v\r\n" % i for i in range(20)),
    ),
    "guidellm: content without a role": Shape(
        (delta(content="Hel"), delta(content="lo"), delta("stop"), usage_only(7, 2), DONE), "Hello", 2, 2
    ),
    "a server that dies: the body just ends": Shape(
        (delta(role="assistant"), delta(content="Hel")), "Hel", 1, None, "no_finish"
    ),
    "an error object inside a stream that began well": Shape(
        (delta(content="Hel"), event({"error": {"message": "engine died"}})), "Hel", 1, None, "stream_error"
    ),
    "everything in one chunk": Shape(
        (delta(role="assistant") + delta(content="Hel") + delta("length", content="lo") + usage_only(7, 2) + DONE,),
        "Hello", 2, 2,
    ),
    "responses as llama-server has them: event and data lines": Shape(
        (
            event({"type": "response.created", "response": {"status": "in_progress"}}, "response.created"),
            event({"type": "response.output_text.delta", "delta": "Hel"}, "response.output_text.delta"),
            event({"type": "response.output_text.delta", "delta": "lo"}, "response.output_text.delta"),
            event(
                {
                    "type": "response.completed",
                    "response": {"status": "completed", "usage": {"input_tokens": 7, "output_tokens": 3}},
                },
                "response.completed",
            ),
        ),
        "Hello", 2, 3, api="responses",
    ),
    "responses as transformers has them: data lines only": Shape(
        (
            event({"type": "response.created", "sequence_number": 0, "response": {"status": "in_progress"}}),
            event({"type": "response.output_text.delta", "sequence_number": 1, "delta": "Hello"}),
            event(
                {
                    "type": "response.completed", "sequence_number": 2,
                    "response": {"status": "completed", "usage": {"input_tokens": 7, "output_tokens": 3}},
                }
            ),
        ),
        "Hello", 1, 3, api="responses",
    ),
    "messages: usage in two places, ended by message_stop": Shape(
        (
            named("message_start", message={"usage": {"input_tokens": 7, "output_tokens": 1}}),
            named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            text_block("Hel"), text_block("lo"),
            named("content_block_stop", index=0),
            named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3}),
            named("message_stop"),
        ),
        "Hello", 2, 3, api="messages",
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", [pytest.param(shape, id=name) for name, shape in SHAPES.items()])
@pytest.mark.parametrize("cut", ["in one write", "chunk by chunk", "byte by byte"])
async def test_the_answer_is_what_the_server_meant(client, shape, cut):
    pieces = [chunked_head(shape.head), *map(chunk, shape.chunks), END]
    if cut == "in one write":
        pieces = [b"".join(pieces)]
    elif cut == "byte by byte":
        # Pairs: as good at finding what breaks, and half the time.
        joined = b"".join(pieces)
        pieces = [joined[i : i + 2] for i in range(0, len(joined), 2)]

    async def behave(connection: Connection) -> None:
        await connection.request()
        for piece in pieces:
            await connection.send(piece)
            await connection.pause(0 if cut == "byte by byte" else 0.002)
        await connection.until_closed()

    api = dialect(shape.api)
    async with rogue(behave) as server:
        reply = await client(server.url).send(a_request(dialect=api))
    assert reply.is_event_stream()
    first, last = reply.first_byte_ns, reply.finished_ns
    reader = api.reader()
    reader.feed(reply)
    answer = reader.finish(complete=True)
    assert answer.text == shape.text
    assert len(answer.output_ns) == shape.outputs
    assert all(first <= instant <= last for instant in answer.output_ns)
    assert answer.output_tokens == shape.tokens
    assert (answer.fault.kind if answer.fault else None) == shape.fault
