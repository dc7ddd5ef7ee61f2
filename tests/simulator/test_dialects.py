"""Every dialect: through the official client where there is one, by the wire where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from perfbench.simulator.shapes.vectors import embedding, relevance

QUICK = "sim:ttft=0,itl=0,n=4"
WORDS = " the of and to"
ASKED = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def client(simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=simulator.url, api_key="any", max_retries=0) as made:
        yield made


async def test_chat_whole(client):
    answer = await client.chat.completions.create(model=QUICK, messages=ASKED)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (WORDS, "stop")
    assert (answer.usage.completion_tokens, answer.usage.total_tokens) == (4, 4 + answer.usage.prompt_tokens)


@pytest.mark.parametrize("model", [QUICK, f"{QUICK},role=1,ka=1", f"{QUICK},crlf=1", f"{QUICK},split=1"])
async def test_chat_streamed(client, model):
    stream = await client.chat.completions.create(
        model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == WORDS
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 4)


async def test_a_maximum_cuts_and_says_so(client):
    answer = await client.chat.completions.create(model=QUICK, messages=ASKED, max_completion_tokens=2)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (" the of", "length")


@pytest.mark.parametrize("stream", [True, False])
async def test_as_many_choices_as_asked_for(client, stream):
    given = {"model": QUICK, "messages": ASKED, "n": 3}
    if stream:
        texts, finished = ["", "", ""], []
        async for chunk in await client.chat.completions.create(
            **given, stream=True, stream_options={"include_usage": True}
        ):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                finished += [choice.finish_reason] if choice.finish_reason else []
            usage = chunk.usage
    else:
        answer = await client.chat.completions.create(**given)
        texts = [choice.message.content for choice in answer.choices]
        finished, usage = [choice.finish_reason for choice in answer.choices], answer.usage
    assert (texts, finished, usage.completion_tokens) == ([WORDS] * 3, ["stop"] * 3, 12)


async def test_reasoning_is_kept_apart_in_both_forms(client):
    model = f"{QUICK},reason=3"
    whole = await client.chat.completions.create(model=model, messages=ASKED)
    message = whole.choices[0].message
    assert (message.model_extra["reasoning_content"], message.content) == (" the of and", " to")
    assert whole.usage.completion_tokens_details.reasoning_tokens == 3
    thought = said = ""
    async for chunk in await client.chat.completions.create(model=model, messages=ASKED, stream=True):
        delta = chunk.choices[0].delta
        thought += (delta.model_extra or {}).get("reasoning_content", "")
        said += delta.content or ""
    assert (thought, said) == (" the of and", " to")


async def test_completions_in_both_forms(client):
    whole = await client.completions.create(model=QUICK, prompt="x")
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == (WORDS, "stop")
    stream = await client.completions.create(model=QUICK, prompt="x", stream=True, max_tokens=2)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks) == " the of"
    assert chunks[-1].choices[0].finish_reason == "length"


async def test_every_prompt_of_a_list_is_completed(client):
    whole = await client.completions.create(model=QUICK, prompt=["x", "y"], n=2)
    assert [choice.index for choice in whole.choices] == [0, 1, 2, 3]


async def test_responses_whole(client):
    answer = await client.responses.create(model=QUICK, input="x")
    assert (answer.output_text, answer.status, answer.usage.output_tokens) == (WORDS, "completed", 4)
    cut = await client.responses.create(model=QUICK, input=ASKED, max_output_tokens=2)
    assert (cut.output_text, cut.status, cut.incomplete_details.reason) == (
        " the of", "incomplete", "max_output_tokens",
    )  # fmt: skip


async def test_responses_streamed(client):
    async with client.responses.stream(model=f"{QUICK},reason=2", input="x") as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    thought = "".join(event.delta for event in events if event.type == "response.reasoning_text.delta")
    assert (thought, final.output_text) == (" the of", " and to")
    assert final.usage.output_tokens_details.reasoning_tokens == 2


async def test_responses_are_named_events_without_done(simulator):
    heard = await simulator.ask({"model": QUICK, "input": "x", "stream": True, "max_output_tokens": 2}, "/v1/responses")
    assert heard.names == [event["type"] for event in heard.events]
    assert heard.names == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.output_item.done", "response.incomplete",
    ]  # fmt: skip
    assert "[DONE]" not in heard.data
    assert heard.events[-1]["response"]["usage"]["output_tokens"] == 2


async def test_messages_whole(simulator):
    heard = await simulator.ask({"model": f"{QUICK},reason=1", "messages": ASKED}, "/v1/messages")
    body = heard.json
    assert [block["type"] for block in body["content"]] == ["thinking", "text"]
    assert (body["content"][1]["text"], body["stop_reason"]) == (" of and to", "end_turn")
    assert body["usage"]["output_tokens"] == 4 and body["usage"]["input_tokens"] > 0


async def test_messages_run_from_start_to_stop_with_usage_at_both_ends(simulator):
    asked = {"model": QUICK, "messages": ASKED, "stream": True, "max_tokens": 3}
    heard = await simulator.ask(asked, "/v1/messages")
    assert heard.names == [event["type"] for event in heard.events]
    assert heard.names == [
        "message_start", "ping", "content_block_start", *["content_block_delta"] * 3, "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert "[DONE]" not in heard.data
    assert heard.events[0]["message"]["usage"]["input_tokens"] > 0
    assert heard.events[-2]["usage"]["output_tokens"] == 3
    assert heard.events[-2]["delta"]["stop_reason"] == "max_tokens"


async def test_messages_think_in_a_block_of_their_own(simulator):
    asked = {"model": f"{QUICK},reason=2", "messages": ASKED, "stream": True}
    heard = await simulator.ask(asked, "/v1/messages")
    deltas = [(event["index"], event["delta"]["type"]) for event in heard.events if event["type"].endswith("k_delta")]
    assert deltas == [
        (0, "thinking_delta"), (0, "thinking_delta"), (0, "signature_delta"), (1, "text_delta"), (1, "text_delta"),
    ]  # fmt: skip


async def test_a_messages_error_has_the_shape_of_its_dialect(simulator):
    heard = await simulator.ask({"model": "sim:e429=1", "messages": ASKED}, "/v1/messages")
    assert (heard.json["type"], heard.json["error"]["type"]) == ("error", "rate_limit_error")


@pytest.mark.parametrize("encoding", [{}, {"encoding_format": "float"}])
async def test_embeddings(client, encoding):
    answer = await client.embeddings.create(
        model=QUICK, input=["red apple", "red pear", "red apple"], dimensions=64, **encoding
    )
    first, other, again = (one.embedding for one in answer.data)
    assert first == pytest.approx(embedding("red apple", 64), abs=1e-6)
    assert (len(first), first) == (64, again)
    assert other != first
    assert answer.usage.prompt_tokens > 0


def test_texts_that_share_words_are_nearer():
    def cosine(a, b):
        return sum(x * y for x, y in zip(embedding(a), embedding(b), strict=True))

    assert cosine("a red apple", "a red apple") == pytest.approx(1)
    assert cosine("a red apple", "a red pear") > cosine("a red apple", "quick brown foxes")


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
async def test_rerank_puts_the_best_first(simulator, path):
    asked = {"model": QUICK, "query": "red apple", "documents": ["sky", "red apple", {"text": "red"}], "top_n": 2}
    heard = await simulator.ask(asked, path)
    results = heard.json["results"]
    assert [(one["index"], one["relevance_score"]) for one in results] == [(1, 1.0), (2, 0.5)]
    assert results[0]["document"]["text"] == "red apple"


def test_relevance_is_the_share_of_words_found():
    assert relevance("red apple", "An apple, red.") == 1.0
    assert relevance("", "anything") == 0.0


async def test_models_are_those_of_the_configuration(start):
    simulator = await start(models=("tiny", "large"))
    async with AsyncOpenAI(base_url=simulator.url, api_key="any") as client:
        assert [model.id async for model in client.models.list()] == ["tiny", "large"]


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("sim:e429=1", openai.RateLimitError),
        ("sim:e500=1", openai.InternalServerError),
        ("sim:zz=1", openai.BadRequestError),
    ],
)
async def test_the_official_client_knows_our_errors(client, model, error):
    with pytest.raises(error):
        await client.chat.completions.create(model=model, messages=ASKED)


async def test_the_official_client_sees_the_error_in_a_stream(client):
    stream = await client.chat.completions.create(model=f"{QUICK},mid=1", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError, match="engine died"):
        async for _ in stream:
            pass


async def test_many_official_clients_at_once(client):
    answers = await asyncio.gather(*(client.chat.completions.create(model=QUICK, messages=ASKED) for _ in range(32)))
    assert len({answer.id for answer in answers}) == 32
