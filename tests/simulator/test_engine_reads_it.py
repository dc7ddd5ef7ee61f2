"""The engine's own dialects read what the simulator writes: text, reasoning, finish and usage come through."""

from __future__ import annotations

import time

import pytest

from perfbench.engine.dialect.base import Options, Prompt, dialect
from perfbench.engine.request import Reply
from tests.simulator.client import exchange, request_bytes

PATHS = {"chat": "/chat/completions", "completions": "/completions", "responses": "/responses", "messages": "/messages"}


async def read(simulator, name, model, *, stream):
    spoken = dialect(name)
    assert spoken.path == PATHS[name]
    body = spoken.encode(Prompt(text="hi"), Options(model=model, stream=stream, max_tokens=6))
    heard = await exchange(simulator.port, request_bytes(f"/v1{spoken.path}", body))
    if not stream:
        return spoken.read(heard.body)
    reply, reader = Reply(), spoken.reader()
    for chunk in heard.chunks:
        reply.add(chunk, time.perf_counter_ns())
        reader.feed(reply)
    return reader.finish(complete=heard.end == "whole")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("model", ["sim", "sim:crlf=1,ka=1,split=1", "sim:multi=3,role=1"])
async def test_a_whole_answer(simulator, name, stream, model):
    answer = await read(simulator, name, model, stream=stream)
    assert answer.fault is None
    assert (answer.text, answer.output_tokens) == (" the of and to in a", 6)
    assert answer.input_tokens
    assert len(answer.finish_reasons) == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
async def test_reasoning_is_told_from_the_answer(simulator, name, stream):
    answer = await read(simulator, name, "sim:reason=2", stream=stream)
    assert answer.fault is None
    assert (answer.reasoning, answer.text) == (" the of", " and to in a")


@pytest.mark.parametrize(("fault", "kind"), [("junk", "bad_event"), ("mid", "stream_error")])
@pytest.mark.parametrize("name", PATHS)
async def test_a_fault_is_seen(simulator, name, fault, kind):
    answer = await read(simulator, name, f"sim:{fault}=1", stream=True)
    assert answer.fault is not None
    assert answer.fault.kind == kind


async def test_vectors_and_rankings(simulator):
    for name, prompt in (
        ("embeddings", Prompt(texts=["a", "b"])),
        ("rerank", Prompt(query="a", documents=["b", "a"])),
    ):
        spoken = dialect(name)
        heard = await exchange(
            simulator.port,
            request_bytes(f"/v1{spoken.path}", spoken.encode(prompt, Options(model="sim", stream=False))),
        )
        answer = spoken.read(heard.body)
        assert (heard.status, answer.fault) == (200, None)
        assert answer.extra
