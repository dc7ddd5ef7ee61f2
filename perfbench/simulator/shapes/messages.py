"""Anthropic messages: named events from message_start to message_stop, content blocks, no `[DONE]`."""

from __future__ import annotations

from typing import Any

import orjson

from perfbench.simulator.script import Script
from perfbench.simulator.shapes.base import DIED, Event, Speech, text_of

SIGNATURE = "c2ltdWxhdGVk"  # thinking blocks are signed; nobody can check this one


class Messages:
    done = False

    def __init__(self, speech: Speech) -> None:
        self._speech, self._script = speech, speech.scripts[0]
        self._block = -1  # index of the content block that is being written
        self._thinking = False
        self._delta = b""

    def opening(self) -> list[Event]:
        message = self._message([], None)
        if self._speech.say_usage:
            message["usage"] = {"input_tokens": self._speech.prompt_tokens, "output_tokens": 0}
        return [_event("message_start", message=message), _event("ping")]

    def delta(self, choice: int, text: bytes, *, thought: bool) -> list[Event]:
        events: list[Event] = []
        if self._block < 0 or thought != self._thinking:
            events = self._close_block()
            events += self._open_block(thought=thought)
        return [*events, (b"content_block_delta", self._delta % text)]

    def ending(self) -> list[Event]:
        fields: dict[str, Any] = {"delta": {"stop_reason": _stop_reason(self._script), "stop_sequence": None}}
        if self._speech.say_usage:
            fields["usage"] = {"output_tokens": self._speech.output_tokens}
        return [*self._close_block(), _event("message_delta", **fields), _event("message_stop")]

    def broken(self) -> Event:
        return b"content_block_delta", b'{"type": "broken'

    def failing(self) -> Event:
        return _event("error", error={"type": "api_error", "message": DIED})

    def whole(self) -> bytes:
        script = self._script
        content: list[dict[str, str]] = []
        if script.reasoning:
            content.append({"type": "thinking", "thinking": text_of(script.thought()), "signature": SIGNATURE})
        if script.length > script.reasoning:
            content.append({"type": "text", "text": text_of(script.said())})
        message = self._message(content, _stop_reason(script))
        if self._speech.say_usage:
            message["usage"] = {
                "input_tokens": self._speech.prompt_tokens, "output_tokens": self._speech.output_tokens,
            }  # fmt: skip
        return orjson.dumps(message)

    def _open_block(self, *, thought: bool) -> list[Event]:
        self._block += 1
        self._thinking = thought
        kind, field = (b"thinking_delta", b"thinking") if thought else (b"text_delta", b"text")
        self._delta = (
            b'{"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":"%%b"}}' % (self._block, kind, field)
        )  # fmt: skip
        block = {"type": "thinking", "thinking": "", "signature": ""} if thought else {"type": "text", "text": ""}
        return [_event("content_block_start", index=self._block, content_block=block)]

    def _close_block(self) -> list[Event]:
        if self._block < 0:
            return []
        stop = _event("content_block_stop", index=self._block)
        if not self._thinking:
            return [stop]
        signature = {"type": "signature_delta", "signature": SIGNATURE}
        return [_event("content_block_delta", index=self._block, delta=signature), stop]

    def _message(self, content: list[dict[str, str]], stop_reason: str | None) -> dict[str, Any]:
        return {
            "id": f"msg_{self._speech.number}", "type": "message", "role": "assistant", "model": self._speech.model,
            "content": content, "stop_reason": stop_reason, "stop_sequence": None,
        }  # fmt: skip


def _stop_reason(script: Script) -> str:
    return "max_tokens" if script.cut else "end_turn"


def _event(name: str, **fields: Any) -> Event:
    return name.encode(), orjson.dumps({"type": name, **fields})
