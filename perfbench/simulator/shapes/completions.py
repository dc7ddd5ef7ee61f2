"""OpenAI completions, the one before chat. It has no place for reasoning: all tokens are text."""

from __future__ import annotations

import itertools
from typing import Any

import orjson

from perfbench.simulator.script import Script
from perfbench.simulator.shapes.base import DIED, Event, Speech, Told, text_of
from perfbench.simulator.shapes.chat import finish_reason

NOTHING_TOLD = itertools.repeat(Told())


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
                {"index": choice, **_said(script, told), "finish_reason": finish_reason(script)}
                for choice, (script, told) in enumerate(zip(speech.scripts, speech.told or NOTHING_TOLD, strict=False))
            ],
        }
        if speech.say_usage:
            body["usage"] = speech.usage()
        return orjson.dumps(body)


def _said(script: Script, told: Told) -> dict[str, Any]:
    """Text and likelihoods. The first token of the prompt has none, and one that is no text stands before it."""
    text = text_of(script.text(0, script.length))
    if told.echo:
        text = "".join(token for token, _ in told.prompt) + text
    logprobs = None
    if told.generated is not None:
        prompt = told.prompt if told.echo else ()
        rows: list[tuple[str, float | None, dict[str, float] | None]] = [
            (token, logprob if at else None, {token: logprob} if at else None)
            for at, (token, logprob) in enumerate(prompt)
        ]
        rows += [(one[0][0], one[0][1], dict(one[: max(told.top, 1)])) for one in told.generated]
        tokens = [token for token, _, _ in rows]
        logprobs = {
            "tokens": tokens,
            "token_logprobs": [logprob for _, logprob, _ in rows],
            "top_logprobs": [top for _, _, top in rows],
            "text_offset": list(itertools.accumulate(map(len, tokens), initial=0))[:-1],
        }
    said: dict[str, Any] = {"text": text, "logprobs": logprobs}
    if told.in_field:
        rest = [
            {str(at): {"logprob": logprob, "rank": 1 if logprob > -10 else 2, "decoded_token": token}}
            for at, (token, logprob) in enumerate(told.prompt)
        ]
        said["prompt_logprobs"] = [None, *rest]
    return said
