"""OpenAI chat completions."""

from __future__ import annotations

from typing import Any

import orjson

from perfbench.simulator.script import Script
from perfbench.simulator.shapes.base import DIED, Alternatives, Event, Speech, text_of


class Chat:
    done = True

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        model = orjson.dumps(speech.model)
        self._head = (
            b'{"id":"chatcmpl-%d","object":"chat.completion.chunk","created":%d,"model":%b,"choices":['
            % (speech.number, speech.created_s, model)
        )  # fmt: skip

    def opening(self) -> list[Event]:
        if not self._speech.role_first:
            return []
        role = b'{"index":%d,"delta":{"role":"assistant","content":""},"finish_reason":null}]}'
        return [(None, self._head + role % choice) for choice in range(len(self._speech.scripts))]

    def delta(self, choice: int, text: bytes, *, thought: bool) -> list[Event]:
        field = b"reasoning_content" if thought else b"content"
        tail = b'{"index":%d,"delta":{"%b":"%b"},"finish_reason":null}]}' % (choice, field, text)
        return [(None, self._head + tail)]

    def ending(self) -> list[Event]:
        finish = b'{"index":%d,"delta":{},"finish_reason":"%b"}]}'
        events: list[Event] = [
            (None, self._head + finish % (choice, finish_reason(script).encode()))
            for choice, script in enumerate(self._speech.scripts)
        ]
        if self._speech.say_usage:
            events.append((None, self._head + b'],"usage":%b}' % orjson.dumps(self._speech.usage())))
        return events

    def broken(self) -> Event:
        return None, b'{"id": "broke'

    def failing(self) -> Event:
        return None, orjson.dumps({"error": {"message": DIED, "type": "server_error", "code": 500}})

    def whole(self) -> bytes:
        speech = self._speech
        body: dict[str, Any] = {
            "id": f"chatcmpl-{speech.number}",
            "object": "chat.completion",
            "created": speech.created_s,
            "model": speech.model,
            "choices": [
                {"index": choice, "message": _message(script), "finish_reason": finish_reason(script)} | logprobs
                for choice, (script, logprobs) in enumerate(zip(speech.scripts, _logprobs(speech), strict=True))
            ],
        }
        if speech.say_usage:
            body["usage"] = speech.usage()
        return orjson.dumps(body)


def finish_reason(script: Script) -> str:
    return "length" if script.cut else "stop"


def _logprobs(speech: Speech) -> list[dict[str, Any]]:
    """What each choice has besides, where likelihoods were asked for."""
    if not speech.told:
        return [{}] * len(speech.scripts)
    return [
        {} if told.generated is None else {"logprobs": {"content": [_entry(one, told.top) for one in told.generated]}}
        for told in speech.told
    ]


def _entry(alternatives: Alternatives, top: int) -> dict[str, Any]:
    (token, logprob), *_ = alternatives
    listed = [{"token": text, "logprob": value, "bytes": None} for text, value in alternatives[:top]]
    return {"token": token, "logprob": logprob, "bytes": None, "top_logprobs": listed}


def _message(script: Script) -> dict[str, str]:
    message = {"role": "assistant", "content": text_of(script.said())}
    if script.reasoning:
        message["reasoning_content"] = text_of(script.thought())
    return message
