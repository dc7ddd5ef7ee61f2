"""Every way the simulator misbehaves, as a bare socket sees it."""

import asyncio
import json

import pytest

from tests.simulator.client import chat, hear, request_bytes

QUICK = "sim:ttft=0,itl=0,n=8"
DIALECTS = [
    pytest.param("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, id="chat"),
    pytest.param("/v1/completions", {"prompt": "x"}, id="completions"),
    pytest.param("/v1/responses", {"input": "x"}, id="responses"),
    pytest.param("/v1/messages", {"messages": [{"role": "user", "content": "x"}]}, id="messages"),
]


def texts(heard):
    """The text of each chat event that has some."""
    deltas = [event["choices"][0]["delta"] for event in heard.events if event.get("choices")]
    return [delta["content"] for delta in deltas if delta.get("content")]


async def test_a_reset_comes_half_way(simulator):
    heard = await simulator.ask(chat(f"{QUICK},reset=1"))
    assert heard.end == "rst"
    (row,) = await simulator.log()
    assert (row["outcome"], row["tokens"]) == ("reset", 4)


async def test_a_truncated_stream_is_closed_without_an_end(simulator):
    heard = await simulator.ask(chat(f"{QUICK},trunc=1"))
    assert (heard.end, len(texts(heard)), "[DONE]" in heard.data) == ("fin", 4, False)
    assert (await simulator.log())[0]["outcome"] == "trunc"


async def test_a_stalled_stream_is_silent_until_the_client_leaves(simulator):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    writer.write(request_bytes("/v1/chat/completions", chat(f"{QUICK},stall=1")))
    for _ in range(4):
        await reader.readuntil(b"data: ")
        await reader.readuntil(b"\n\n\r\n")
    (row,) = await simulator.log_once(lambda rows: rows[0]["tokens"] == 4)
    assert row["outcome"] == "open"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    writer.close()
    await simulator.log_once(lambda rows: rows[0]["outcome"] == "client_gone")


async def test_a_junk_event_stands_in_the_middle_and_the_rest_follows(simulator):
    heard = await simulator.ask(chat(f"{QUICK},junk=1"))
    assert (heard.end, heard.data[4], heard.data[-1]) == ("whole", '{"id": "broke', "[DONE]")
    with pytest.raises(ValueError):
        json.loads(heard.data[4])
    row = (await simulator.log())[0]
    assert (row["outcome"], row["tokens"]) == ("junk", 8)


async def test_an_error_object_ends_the_body_half_way(simulator):
    heard = await simulator.ask(chat(f"{QUICK},mid=1"))
    assert (heard.end, len(texts(heard)), "[DONE]" in heard.data) == ("whole", 4, False)
    assert heard.events[-1] == {"error": {"message": "engine died", "type": "server_error", "code": 500}}
    assert (await simulator.log())[0]["outcome"] == "mid"


async def test_the_connection_lives_on_after_an_error_object(simulator):
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    for model in (f"{QUICK},mid=1", QUICK):
        writer.write(request_bytes("/v1/chat/completions", chat(model)))
        heard = await hear(reader)
    assert heard.data[-1] == "[DONE]"
    writer.close()


@pytest.mark.parametrize(
    ("model", "status", "outcome", "retry_after"),
    [("sim:e429=1", 429, "429", "1"), ("sim:e500=1", 500, "500", None)],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_is_an_error_object(simulator, model, status, outcome, retry_after, stream):
    heard = await simulator.ask(chat(model, stream=stream))
    assert (heard.status, heard.headers.get("retry-after")) == (status, retry_after)
    assert heard.json["error"]["message"]
    assert (await simulator.log())[0]["outcome"] == outcome


@pytest.mark.parametrize("fault", ["reset", "trunc", "stall", "junk", "mid"])
async def test_faults_of_streams_leave_whole_replies_alone(simulator, fault):
    heard = await simulator.ask(chat(f"{QUICK},{fault}=1", stream=False))
    assert heard.json["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(("path", "fields"), DIALECTS)
async def test_every_dialect_can_fail_half_way(simulator, path, fields):
    asked = {"model": f"{QUICK},mid=1", "stream": True, "max_tokens": 8, **fields}
    heard = await simulator.ask(asked, path)
    assert heard.end == "whole"
    last = heard.events[-1]
    assert "error" in last or last["type"] == "error"
    assert "engine died" in heard.data[-1]


@pytest.mark.parametrize(("path", "fields"), DIALECTS)
async def test_every_dialect_can_send_junk_and_go_on(simulator, path, fields):
    heard = await simulator.ask({"model": f"{QUICK},junk=1", "stream": True, **fields}, path)
    bad = []
    for data in heard.data:
        try:
            json.loads(data)
        except ValueError:
            bad.append(data)
    assert [data for data in bad if data != "[DONE]"] != []
    assert heard.end == "whole"


async def test_shares_of_faults_are_met_and_repeat_with_the_seed(start):
    model = "sim:ttft=0,itl=0,n=2,e429=0.1,e500=0.1,reset=0.1,trunc=0.1,junk=0.1,mid=0.1"
    runs = []
    for seed in (3, 3, 4):
        simulator = await start(seed=seed)
        for _ in range(150):
            await simulator.ask(chat(model))
        runs.append([row["outcome"] for row in await simulator.log()])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {"ok", "429", "500", "reset", "trunc", "junk", "mid"}


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        pytest.param(b"{", "/v1/chat/completions", "not JSON", id="broken JSON"),
        pytest.param([], "/v1/chat/completions", "must be an object", id="a list"),
        pytest.param({"model": "sim"}, "/v1/chat/completions", "messages is missing", id="no messages"),
        pytest.param({"messages": []}, "/v1/chat/completions", "messages is an empty list", id="empty messages"),
        pytest.param({"messages": ["x"]}, "/v1/messages", "messages[0]", id="a message that is a string"),
        pytest.param({"model": 3, "prompt": "x"}, "/v1/completions", "model is a JSON whole number", id="a wrong type"),
        pytest.param({"prompt": "x", "max_tokens": 0}, "/v1/completions", "max_tokens is 0", id="no token at all"),
        pytest.param({"prompt": "x", "stream": 1}, "/v1/completions", "stream is a JSON whole", id="1 for true"),
        pytest.param(
            {"model": "sim:tfft=1", "prompt": "x"}, "/v1/completions", "did you mean 'ttft'", id="unknown key"
        ),
        pytest.param(
            {"model": "sim:skill=1", "prompt": "x"}, "/v1/completions", "answer key", id="skill without a key"
        ),
        pytest.param({"input": []}, "/v1/embeddings", "input is an empty list", id="nothing to embed"),
        pytest.param({"query": "x", "documents": [3]}, "/v1/rerank", "documents[0]", id="a document that is a number"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(simulator, body, path, says):
    heard = await simulator.ask(body, path)
    assert heard.status == 400
    assert says in heard.json["error"]["message"]
    assert (await simulator.log())[0]["outcome"] == "400"


async def test_a_key_is_asked_for_when_there_is_one(start):
    simulator = await start(api_key="hush")
    wrong = await simulator.ask(chat("sim:n=1"), Authorization="Bearer no")
    assert (wrong.status, wrong.json["error"]["code"]) == (401, "invalid_api_key")
    assert b"hush" not in wrong.body
    assert (await simulator.ask(chat("sim:n=1"), Authorization="Bearer hush")).status == 200
    assert (await simulator.ask(chat("sim:n=1"), "/v1/messages", **{"x-api-key": "hush"})).status == 200
    assert (await simulator.get("/v1/models")).status == 401
    assert [row["outcome"] for row in await simulator.log()] == ["401", "ok", "ok"]


async def test_a_lost_client_is_shown_the_way(simulator):
    heard = await simulator.get("/v1/chat/completion", "POST")
    assert heard.status == 404
    assert "/v1/chat/completions" in heard.json["error"]["message"]


async def test_reset_forgets_the_log(simulator):
    await simulator.ask(chat("sim:n=1,ttft=0"))
    await simulator.get("/reset", "POST")
    assert await simulator.log() == []
    assert (await simulator.get("/health")).body == b"ok"
