"""Ask: what a request wants, whichever dialect it came in.

Lenient like a real server: unknown fields are taken and ignored, and so are stop sequences, sampling parameters and
tools. What is read is checked, and a wrong type is a `BadAsk` that names the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from perfbench.engine.errors import ScenarioError
from perfbench.simulator.plan import MOST_TOKENS

Api = Literal["chat", "completions", "responses", "messages", "embeddings", "rerank"]
MOST_CHOICES = 128
MOST_ALTERNATIVES = 1000
_QUOTED = re.compile(r'"([^"]*)"')

_MAXIMA = {  # in the order in which they win
    "chat": ("max_completion_tokens", "max_tokens"),
    "completions": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens", "max_completion_tokens", "max_tokens"),
    "messages": ("max_tokens",),
}


class BadAsk(ScenarioError):
    """The request is wrong: answered 400 with this message."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request for text asks to be told of likelihoods. Whole replies tell it, streams do not."""

    logprobs: bool = False
    top: int = 0
    """So many alternatives of each token."""
    echo: bool = False
    prompt: bool = False
    """vLLM's prompt_logprobs."""
    only: tuple[str, ...] = ()
    """The answer is one of these."""
    only_in_json: bool = False
    """... as {"answer": ...}."""


@dataclass(frozen=True, slots=True)
class Ask:
    api: Api
    model: str
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    questions: tuple[str, ...] = ()
    """What each choice answers: the last user message, once for each of the `n` choices."""
    choices: int = 1
    """`n`: how many times each prompt is answered."""
    seed: int = 0
    """The request's own: a repetition with another seed is another try."""
    inputs: tuple[str, ...] = ()
    """Texts to embed, or documents to rank."""
    query: str = ""
    top_n: int | None = None
    dimensions: int | None = None
    base64: bool = False
    return_documents: bool = True
    likelihoods: Wanted = Wanted()


def read_ask(api: Api, body: bytes) -> Ask:
    """Raises BadAsk."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadAsk(f"the body is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise BadAsk(f"the body is a JSON {_name(fields)}; it must be an object")
    model = _field(fields, "model", str, "")
    if api == "embeddings":
        encoding = _field(fields, "encoding_format", str, "float")
        if encoding not in ("float", "base64"):
            raise BadAsk(f"encoding_format {encoding!r} does not exist; there are float, base64")
        return Ask(
            api, model, inputs=_texts_to_embed(fields), dimensions=_count(fields, "dimensions", 1, 1 << 16),
            base64=encoding == "base64",
        )  # fmt: skip
    if api == "rerank":
        return Ask(
            api, model, inputs=_documents(fields), query=_required(fields, "query", str),
            top_n=_count(fields, "top_n", 1, 1 << 30),
            return_documents=_field(fields, "return_documents", bool, True),
        )  # fmt: skip
    options = _field(fields, "stream_options", dict, {})
    maxima = (_count(fields, name, 1, MOST_TOKENS) for name in _MAXIMA[api])
    choices = 1 if api in ("responses", "messages") else _count(fields, "n", 1, MOST_CHOICES) or 1
    return Ask(
        api, model, stream=_field(fields, "stream", bool, False),
        include_usage=options.get("include_usage") is True,
        max_tokens=next((most for most in maxima if most is not None), None),
        questions=tuple(question for question in _questions(api, fields) for _ in range(choices)),
        choices=choices, seed=_field(fields, "seed", int, 0), likelihoods=_wanted(api, fields),
    )  # fmt: skip


def _wanted(api: Api, fields: dict[str, Any]) -> Wanted:
    if api not in ("chat", "completions"):
        return Wanted()
    only, only_in_json = _only(fields)
    logprobs = fields.get("logprobs")
    if api == "chat":
        top = _count(fields, "top_logprobs", 0, MOST_ALTERNATIVES) or 0
        return Wanted(logprobs is True, top, only=only, only_in_json=only_in_json)
    top = _count(fields, "logprobs", 0, MOST_ALTERNATIVES) or 0
    return Wanted(
        logprobs is not None, top, echo=_field(fields, "echo", bool, False),
        prompt=_count(fields, "prompt_logprobs", 0, MOST_ALTERNATIVES) is not None, only=only,
        only_in_json=only_in_json,
    )  # fmt: skip


def _only(fields: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    """The answers that the request leaves, in the words of vLLM (two), llama.cpp and OpenAI."""
    for given in (_field(fields, "structured_outputs", dict, {}).get("choice"), fields.get("guided_choice")):
        if isinstance(given, list):
            return tuple(map(str, given)), False
    if grammar := _field(fields, "grammar", str, ""):
        return tuple(_QUOTED.findall(grammar)), False
    schema = _field(fields, "response_format", dict, {}).get("json_schema", {}).get("schema", {})
    return tuple(map(str, schema.get("properties", {}).get("answer", {}).get("enum", ()))), True


def _questions(api: Api, fields: dict[str, Any]) -> list[str]:
    """The last user message; completions may bring several prompts."""
    if api == "completions":
        prompt = _required(fields, "prompt", (str, list))
        if isinstance(prompt, str):
            return [prompt]
        if not prompt:
            raise BadAsk("prompt is an empty list; give at least one prompt")
        if len(prompt) > MOST_CHOICES:
            raise BadAsk(f"prompt holds {len(prompt)} prompts; at most {MOST_CHOICES} are answered at once")
        if isinstance(prompt[0], int):  # one prompt as token ids
            return [""]
        return [one if isinstance(one, str) else "" for one in prompt]
    if api == "responses":
        given = _required(fields, "input", (str, list))
        if isinstance(given, str):
            return [given]
        return [_last_user_text("input", given)]
    return [_last_user_text("messages", _required(fields, "messages", list))]


def _last_user_text(name: str, messages: list[Any]) -> str:
    if not messages:
        raise BadAsk(f"{name} is an empty list; give at least one message")
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            raise BadAsk(f"{name}[{number}] is a JSON {_name(message)}; it must be an object with role and content")
    for message in reversed(messages):
        if message.get("role") == "user":
            return _text_of(message.get("content"))
    return ""


def _text_of(content: Any) -> str:
    """A content string, or the texts among content parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in parts if isinstance(text, str))


def _texts_to_embed(fields: dict[str, Any]) -> tuple[str, ...]:
    if "input" not in fields and isinstance(fields.get("messages"), list):  # the chat form of vLLM
        return (_last_user_text("messages", fields["messages"]),)
    given = _required(fields, "input", (str, list))
    if isinstance(given, str):
        return (given,)
    if not given:
        raise BadAsk("input is an empty list; give at least one text")
    if isinstance(given[0], int):  # one text as token ids
        return (repr(given),)
    return tuple(one if isinstance(one, str) else repr(one) for one in given)


def _documents(fields: dict[str, Any]) -> tuple[str, ...]:
    given = _required(fields, "documents", list)
    if not given:
        raise BadAsk("documents is an empty list; give at least one document")
    texts: list[str] = []
    for number, one in enumerate(given):
        text = one.get("text") if isinstance(one, dict) else one
        if not isinstance(text, str):
            raise BadAsk(f"documents[{number}] must be a string or an object with a text")
        texts.append(text)
    return tuple(texts)


def _required(fields: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    if fields.get(name) is None:
        raise BadAsk(f"{name} is missing")
    return _field(fields, name, kind, None)


def _field(fields: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise BadAsk(f"{name} is a JSON {_name(value)}; it must be a {' or a '.join(_NAMES[k] for k in kinds)}")
    return value


def _count(fields: dict[str, Any], name: str, low: int, high: int) -> int | None:
    value: int | None = _field(fields, name, int, None)
    if value is not None and not low <= value <= high:
        raise BadAsk(f"{name} is {value}; it must be from {low} to {high}")
    return value


_NAMES = {str: "string", bool: "boolean", int: "whole number", float: "number", dict: "object", list: "list"}


def _name(value: Any) -> str:
    return "null" if value is None else _NAMES[type(value)]
