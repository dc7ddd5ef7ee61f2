"""OpenAI completions, the one before chat. It has no place for reasoning: all tokens are text."""

from __future__ import annotations

from typing import Any

import orjson

from perfbench.simulator.shapes.base import DIED, Event, Speech, text_of
from perfbench.simulator.shapes.chat import finish_reason


class Completions:
    done = True

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        model = orjson.dumps(speech.model)
        self._head = (
            b'{"id":"cmpl-%d","object":"text_completion","created":%d,"model":%b,"choices":['
            % (speech.number, speech.created_s, model)
        )  # fmt: skip

    def opening(self) -> list[Event]:
        return []

    def delta(self, choice: int, text: bytes, *, thought: bool) -> list[Event]:
        return [(None, self._head + b'{"index":%d,"text":"%b","finish_reason":null}]}' % (choice, text))]

    def ending(self) -> list[Event]:
        finish = b'{"index":%d,"text":"","finish_reason":"%b"}]}'
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
            "id": f"cmpl-{speech.number}",
            "object": "text_completion",
            "created": speech.created_s,
            "model": speech.model,
            "choices": [
                {
                    "index": choice,
                    "text": text_of(script.text(0, script.length)),
                    "logprobs": None,
                    "finish_reason": finish_reason(script),
                }
                for choice, script in enumerate(speech.scripts)
            ],
        }
        if speech.say_usage:
            body["usage"] = speech.usage()
        return orjson.dumps(body)
