"""The simulator against truthd: the same requests to both, the same answers from both.

Where the two differ on purpose it says so: truthd writes "length" as its finish reason whatever ended the reply, sends
usage in whole replies in spite of `nousage`, knows no reasoning in whole replies, and calls its model "sim".
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.simulator.client import Heard, chat, exchange, request_bytes

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
FAST = "sim:ttft=1,itl=0"
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}


def completion(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "prompt": "hi", **fields}


STREAMS = [
    pytest.param(CHAT, chat(FAST, max_tokens=5), id="chat"),
    pytest.param(CHAT, chat(FAST, max_completion_tokens=5, max_tokens=3), id="the newer maximum wins"),
    pytest.param(CHAT, chat(f"{FAST},n=3", max_tokens=7), id="a maximum replaces n"),
    pytest.param(CHAT, chat("sim--ttft.1_itl.0.5_n.3", max_tokens=20), id="the form without = and comma"),
    pytest.param(CHAT, chat(FAST, max_tokens=5, **USAGE), id="usage asked for"),
    pytest.param(CHAT, chat(f"{FAST},nousage=1", max_tokens=5, **USAGE), id="usage asked for in vain"),
    pytest.param(CHAT, chat(f"{FAST},multi=3", max_tokens=8), id="several tokens in an event"),
    pytest.param(CHAT, chat(f"{FAST},blast=1", max_tokens=40), id="all in one write"),
    pytest.param(CHAT, chat(f"{FAST},blast=1,multi=7", max_tokens=40), id="all in one write, several in an event"),
    pytest.param(CHAT, chat(f"{FAST},role=1", max_tokens=2), id="the role first"),
    pytest.param(CHAT, chat(f"{FAST},ka=1", max_tokens=2), id="comments"),
    pytest.param(CHAT, chat(f"{FAST},crlf=1", max_tokens=2), id="CRLF"),
    pytest.param(CHAT, chat(f"{FAST},crlf=1,ka=1,role=1", max_tokens=2), id="comments with CRLF"),
    pytest.param(CHAT, chat(f"{FAST},split=1", max_tokens=3), id="two writes an event"),
    pytest.param(CHAT, chat(f"{FAST},split=1,blast=1", max_tokens=3), id="a blast is not split"),
    pytest.param(CHAT, chat(f"{FAST},reason=3", max_tokens=5), id="reasoning first"),
    pytest.param(CHAT, chat(f"{FAST},reason=3,multi=2", max_tokens=8), id="reasoning ends where an event does"),
    pytest.param(CHAT, chat(f"{FAST},reason=9", max_tokens=5), id="nothing but reasoning"),
    pytest.param(CHAT, chat(f"{FAST},nodone=1", max_tokens=2), id="no [DONE]"),
    pytest.param(CHAT, chat(f"{FAST},reset=1", max_tokens=1), id="reset before the first of one token"),
    pytest.param(CHAT, chat(f"{FAST},reset=1,blast=1", max_tokens=8), id="a blast is over before half way"),
    pytest.param(CHAT, chat(f"{FAST},trunc=1", max_tokens=8), id="truncated"),
    pytest.param(CHAT, chat(f"{FAST},trunc=1,multi=3", max_tokens=9), id="truncated at the end of an event"),
    pytest.param(CHAT, chat(f"{FAST},junk=1", max_tokens=7), id="junk"),
    pytest.param(CHAT, chat(f"{FAST},junk=1,split=1,ka=1", max_tokens=7), id="junk in halves with comments"),
    pytest.param(CHAT, chat(f"{FAST},mid=1", max_tokens=7), id="an error half way"),
    pytest.param(CHAT, chat(f"{FAST},mid=1", max_tokens=1), id="an error before the first of one token"),
    pytest.param(COMPLETIONS, completion(FAST, max_tokens=5, stream=True), id="completions"),
    pytest.param(COMPLETIONS, completion(f"{FAST},reason=2", max_tokens=4, stream=True), id="completions never reason"),
]
WHOLES = [
    pytest.param(CHAT, chat(FAST, stream=False, max_tokens=20), id="chat"),
    pytest.param(CHAT, chat(f"{FAST},reset=1,multi=4", stream=False, max_tokens=5), id="faults are for streams"),
    pytest.param(CHAT, chat(f"{FAST},e429=1", stream=False), id="429"),
    pytest.param(CHAT, chat(f"{FAST},e500=1", stream=False), id="500"),
    pytest.param(COMPLETIONS, completion(FAST, max_tokens=20), id="completions"),
    pytest.param(EMBEDDINGS, {"model": FAST, "input": "hi"}, id="embeddings"),
]


def plain(chunk: bytes) -> bytes:
    """Without what names the server, the request or the time."""
    return re.sub(rb'"id":"[^"]*","object":"([^"]*)","created":\d+,"model":"[^"]*"', rb'"object":"\1"', chunk)


def facts(heard: Heard) -> dict[str, Any]:
    body = heard.json
    told = {"status": heard.status, "retry_after": heard.headers.get("retry-after"), "usage": body.get("usage")}
    if heard.status != 200:
        return told | {"type": body["error"].get("type")}
    if "data" in body:
        return told | {"vectors": [len(one["embedding"]) for one in body["data"]]}
    choice = body["choices"][0]
    return told | {
        "text": choice.get("text") or choice["message"]["content"], "finish": choice["finish_reason"],
        "object": body["object"],
    }  # fmt: skip


async def ask_both(truthd, simulator, path, fields) -> tuple[Heard, Heard]:
    request = request_bytes(path, fields)
    truth, heard = await asyncio.gather(exchange(truthd.port, request), exchange(simulator.port, request))
    return truth, heard


async def last_rows(truthd, simulator) -> list[dict[str, Any]]:
    rows = [(await asyncio.to_thread(truthd.log))[-1], (await simulator.log())[-1]]
    return [{name: row[name] for name in ("tokens", "events", "stream", "outcome")} for row in rows]


@pytest.mark.parametrize(("path", "fields"), STREAMS)
async def test_streams_are_the_same_chunk_by_chunk(truthd, simulator, path, fields):
    truth, heard = await ask_both(truthd, simulator, path, fields)
    assert heard.end == truth.end
    if heard.end != "rst":  # what was under way when the connection was reset is lost
        assert [plain(chunk) for chunk in joined(heard, fields)] == [plain(chunk) for chunk in joined(truth, fields)]
    mine, theirs = await last_rows(truthd, simulator)
    assert mine == theirs


def joined(heard: Heard, fields: dict[str, Any]) -> list[bytes]:
    """The chunks; halves are put together again, because ids of another length move the cut."""
    if "split=1" not in fields["model"] or "blast" in fields["model"]:
        return heard.chunks
    assert len(heard.chunks) % 2 == 0
    return [first + second for first, second in zip(heard.chunks[::2], heard.chunks[1::2], strict=True)]


@pytest.mark.parametrize(("path", "fields"), WHOLES)
async def test_whole_replies_say_the_same(truthd, simulator, path, fields):
    truth, heard = await ask_both(truthd, simulator, path, fields)
    assert facts(heard) == facts(truth)
    mine, theirs = await last_rows(truthd, simulator)
    assert mine == theirs


async def test_the_same_seed_meets_the_same_faults(start_truthd, start):
    truthd, simulator = start_truthd(seed=11), await start(seed=11)
    model = "sim:ttft=0,itl=0,n=4,jit=0.5,e429=0.1,e500=0.1,reset=0.1,trunc=0.1,junk=0.1,mid=0.1"
    for number in range(120):
        await ask_both(truthd, simulator, CHAT, chat(model, stream=number % 3 > 0))
    theirs = [row["outcome"] for row in await asyncio.to_thread(truthd.log)]
    assert [row["outcome"] for row in await simulator.log()] == theirs
    assert len(set(theirs)) == 7


async def test_the_log_has_the_same_columns(truthd, simulator):
    await ask_both(truthd, simulator, CHAT, chat(FAST, max_tokens=1))
    assert list((await simulator.log())[0]) == list((await asyncio.to_thread(truthd.log))[0])


async def test_a_stall_is_open_and_then_the_client_that_left(truthd, simulator):
    async def outcomes() -> list[str]:
        return [(await asyncio.to_thread(truthd.log))[-1]["outcome"], (await simulator.log())[-1]["outcome"]]

    writers = []
    for port in (truthd.port, simulator.port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes(CHAT, chat(f"{FAST},stall=1,n=1")))
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    assert await outcomes() == ["open", "open"]
    for writer in writers:
        writer.close()
    while await outcomes() != ["client_gone", "client_gone"]:
        pass
