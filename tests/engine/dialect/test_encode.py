"""Bodies: what is sent for a prompt and options, in each dialect."""

from __future__ import annotations

import datetime
from typing import Any

import orjson
import pytest

from perfbench.engine.dialect.base import DIALECTS, Options, Prompt, dialect
from perfbench.engine.dialect.messages import DEFAULT_MAX_TOKENS
from perfbench.engine.errors import ScenarioError

TEXT = Prompt(text="hi")
USER = {"role": "user", "content": "hi"}
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


def sent(api: str, prompt: Prompt, **options: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(dialect(api).encode(prompt, Options(**{"stream": False} | options)))
    return body


@pytest.mark.parametrize(
    ("api", "prompt", "body"),
    [
        pytest.param("chat", TEXT, {"messages": [USER]}, id="chat: a text is one user message"),
        pytest.param(
            "chat", Prompt(messages=[USER, USER]), {"messages": [USER, USER]}, id="chat: messages as they are"
        ),
        pytest.param("completions", TEXT, {"prompt": "hi"}, id="completions"),
        pytest.param(
            "responses", TEXT, {"input": "hi", "stream": False}, id="responses: not streamed, in so many words"
        ),
        pytest.param(
            "responses", Prompt(messages=[USER]), {"input": [USER], "stream": False}, id="responses: messages"
        ),
        pytest.param("embeddings", TEXT, {"input": "hi"}, id="embeddings: a text"),
        pytest.param("embeddings", Prompt(texts=["a", "b"]), {"input": ["a", "b"]}, id="embeddings: texts"),
        pytest.param(
            "rerank", Prompt(query="q", documents=["a", "b"]), {"query": "q", "documents": ["a", "b"]}, id="rerank"
        ),
        pytest.param(
            "messages", TEXT, {"messages": [USER], "max_tokens": DEFAULT_MAX_TOKENS}, id="messages: max_tokens is due"
        ),
        pytest.param(
            "messages",
            Prompt(messages=[{"role": "system", "content": "be"}, USER]),
            {"messages": [USER], "system": "be", "max_tokens": DEFAULT_MAX_TOKENS},
            id="messages: the system prompt moves",
        ),
        pytest.param(
            "messages",
            Prompt(
                messages=[{"role": "system", "content": "be"}, USER, {"role": "system", "content": [{"type": "x"}]}]
            ),
            {
                "messages": [USER],
                "system": [{"type": "text", "text": "be"}, {"type": "x"}],
                "max_tokens": DEFAULT_MAX_TOKENS,
            },
            id="messages: several system prompts",
        ),
    ],
)
def test_prompts(api: str, prompt: Prompt, body: dict[str, Any]):
    assert sent(api, prompt) == body
    assert sent(api, prompt, model="m") == {"model": "m"} | body


ALL = {
    "max_tokens": 5,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 3,
    "seed": 7,
    "stop": ["x"],
    "n": 2,
    "min_tokens": 1,
    "frequency_penalty": 0.1,
    "repetition_penalty": 1.0,
}


@pytest.mark.parametrize(
    ("api", "options", "fields"),
    [
        pytest.param("chat", ALL, ALL, id="chat has them all"),
        pytest.param("completions", ALL, ALL, id="so has completions"),
        pytest.param("chat", {"temperature": 0.0}, {"temperature": 0.0}, id="0 is not nothing"),
        pytest.param("chat", {"logprobs": 2}, {"logprobs": True, "top_logprobs": 2}, id="chat: so many alternatives"),
        pytest.param("chat", {"logprobs": True}, {"logprobs": True}, id="chat: logprobs"),
        pytest.param("chat", {"logprobs": False}, {"logprobs": False}, id="chat: no logprobs"),
        pytest.param("completions", {"logprobs": 2}, {"logprobs": 2}, id="completions: so many alternatives"),
        pytest.param("completions", {"logprobs": True}, {"logprobs": 1}, id="completions: logprobs"),
        pytest.param("completions", {"logprobs": False}, {}, id="completions: no logprobs"),
        pytest.param("chat", {"stream": True}, STREAMED, id="chat: a stream tells its usage"),
        pytest.param("completions", {"stream": True}, STREAMED, id="completions: likewise"),
        pytest.param("responses", {"stream": True}, {"stream": True}, id="responses: always does"),
        pytest.param("messages", {"stream": True}, {"stream": True}, id="messages: always does"),
        pytest.param("embeddings", {"stream": True}, {}, id="embeddings: no streams"),
        pytest.param(
            "responses",
            {"max_tokens": 5, "temperature": 0.5, "top_p": 0.9},
            {"max_output_tokens": 5, "temperature": 0.5, "top_p": 0.9},
            id="responses: own names",
        ),
        pytest.param(
            "messages",
            {"max_tokens": 5, "top_k": 3, "stop": ["x"]},
            {"max_tokens": 5, "top_k": 3, "stop_sequences": ["x"]},
            id="messages: own names",
        ),
    ],
)
def test_options(api: str, options: dict[str, Any], fields: dict[str, Any]):
    body = sent(api, TEXT, **options)
    assert body == sent(api, TEXT) | fields


@pytest.mark.parametrize(
    ("api", "option"),
    [
        ("responses", {"seed": 1}),
        ("messages", {"n": 2}),
        ("embeddings", {"max_tokens": 5}),
        ("messages", {"logprobs": 1}),
    ],
)
def test_an_option_the_api_does_not_have_is_refused(api: str, option: dict[str, Any]):
    with pytest.raises(ScenarioError) as refusal:
        sent(api, Prompt(text="hi"), **option)
    (name, value), message = next(iter(option.items())), str(refusal.value)
    assert name in message and repr(value) in message and api in message and "leave it out" in message


@pytest.mark.parametrize("prompt", [TEXT, Prompt(body={"messages": [USER], "max_tokens": 9})])
def test_extra_fields_win(prompt: Prompt):
    extra = {"max_tokens": 7, "foo": {"bar": None}, "model": "other"}
    body = sent("chat", prompt, model="m", extra=extra, **({"max_tokens": 5} if prompt is TEXT else {}))
    assert body == {"model": "other", "messages": [USER], "max_tokens": 7, "foo": {"bar": None}}


@pytest.mark.parametrize("removed", ["model", "stream_options", "stream"])
def test_an_extra_field_of_none_removes(removed: str):
    kept = {"model": "m", "messages": [USER]} | STREAMED
    del kept[removed]
    assert sent("chat", TEXT, model="m", stream=True, extra={removed: None, "not there": None}) == kept


@pytest.mark.parametrize("api", sorted(set(DIALECTS) - {"models"}))
def test_a_whole_body_is_sent_as_it_is(api: str):
    body = {"a": None, "b": 1}
    assert sent(api, Prompt(body=body), stream=True, max_tokens=5) == body
    assert sent(api, Prompt(body=body), model="m") == {"model": "m"} | body
    assert sent(api, Prompt(body=body | {"model": "own"}), model="m")["model"] == "own"
    assert body == {"a": None, "b": 1}, "the prompt itself is left alone"


PROMPTS = {
    "text": TEXT,
    "messages": Prompt(messages=[USER]),
    "texts": Prompt(texts=["a"]),
    "query": Prompt(query="q", documents=["a"]),
    "nothing": Prompt(),
}
FITS = {
    "chat": {"text", "messages"},
    "completions": {"text"},
    "responses": {"text", "messages"},
    "embeddings": {"text", "texts"},
    "rerank": {"query"},
    "messages": {"text", "messages"},
}


@pytest.mark.parametrize(("api", "form"), [(api, form) for api in FITS for form in PROMPTS if form not in FITS[api]])
def test_a_prompt_that_does_not_fit_is_refused(api: str, form: str):
    with pytest.raises(ScenarioError) as refusal:
        sent(api, PROMPTS[form])
    assert repr(api) in str(refusal.value) and form in str(refusal.value) and "it takes " in str(refusal.value)


def test_a_query_without_documents_is_refused():
    with pytest.raises(ScenarioError, match="documents"):
        sent("rerank", Prompt(query="q", documents=[]))


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(ScenarioError, match="JSON"):
        sent("chat", TEXT, extra={"key": object()})
    assert sent("chat", TEXT, extra={"day": datetime.date(2024, 1, 2)})["day"] == "2024-01-02"


def test_models_is_a_question_without_a_body():
    models = dialect("models")
    assert (models.method, models.encode(Prompt(), Options())) == ("GET", b"")


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_of_the_table_loads_under_its_name(name: str):
    assert dialect(name).name == name


def test_an_unknown_dialect_is_named_with_those_there_are():
    with pytest.raises(ScenarioError, match=r"'chad'.*chat, completions"):
        dialect("chad")
